"""A cluster whose groups are of a matrix, and one of them is to go: the words of the tests of prune."""

from addons.autoscaler.aws.stack_calls import OPERATIONS, RATES
from addons.autoscaler.config import Config
from addons.autoscaler.controller.matrix_apply import Applied, Apply
from addons.autoscaler.controller.matrix_draining import pruning
from addons.autoscaler.controller.matrix_plan import planned, read_matrix
from addons.autoscaler.controller.matrix_prune import Pruned
from addons.runtime.aws import AwsSession
from addons.runtime.permit import Permit
from addons.sim.cluster.kubelets import STOP_SECONDS
from addons.sim.cluster.truth import NodeTruth
from tests.support.as_objects import replica_set
from tests.support.as_world import AutoscalerWorld
from tests.support.permits import PERMIT
from tests.support.virtual import virtual_now

OLD, NEW = "prod-old-m5-large-od-a", "prod-new-m5-large-od-a"
VERSION = "1.0"


class PruneSite:
    """A cluster with the two groups of a matrix, `old` and `new`, and the file that has but one of them."""

    def __init__(self, world: AutoscalerWorld) -> None:
        self.world = world
        self.config = Config(
            aws_region="eu-central-1", aws_endpoint_url=world.aws.url, kubeconfig=str(world.kubeconfig)
        )
        for name in (OLD, NEW):
            world.cluster.nodes.truths[name] = world.scaled(NodeTruth())

    def file(self, services: str, *, least: int = 1) -> str:
        """Write a file with these services."""
        path = self.world.folder / "shop.yaml"
        path.write_text(
            "matrix: shop\ncluster: prod\n"
            f"defaults: {{image: ami-0abcdef1234567890, min: {least}, max: 10}}\n"
            "dimensions:\n  instanceTypes: [m5.large]\n"
            f"  zones: {{eu-central-1a: {self.world.subnets['a']}}}\n  services: [{services}]\n"
        )
        return str(path)

    def session(self) -> AwsSession:
        """The door to AWS that the commands have."""
        return AwsSession(
            region="eu-central-1", endpoint_url=self.world.aws.url, rates=RATES, operations=OPERATIONS
        )

    async def apply(self, services: str) -> list[Applied]:
        """Apply the file with these services."""
        async with self.session() as aws:
            matrix, plans = await planned(aws, read_matrix(self.file(services)), VERSION)
            apply = Apply(aws, matrix, PERMIT, version=VERSION, parallel=4)
            return [each async for each in apply.carry_out(await apply.to_do(plans))]

    async def prune(self, permit: Permit = PERMIT) -> list[Pruned]:
        """Have the stacks go that the file has not; all that was told of them."""
        async with self.session() as aws:
            _, plans = await planned(aws, read_matrix(self.file("new")), VERSION)
            async with pruning(self.config, aws, permit, now=virtual_now) as prune:
                going = [each.stack for each in plans if each.kind == "delete" and each.stack]
                return [told for stack in going async for told in prune.prune(stack)]

    @property
    def stacks(self) -> dict[str, str]:
        """The stacks that are there, and their status."""
        found = self.world.aws.cloudformation.account.stacks.values()
        return {each.name: each.status for each in found if not each.is_gone}

    async def fill(self, pods: int) -> None:
        """Two nodes in the old group and one in the new, with pods on the old ones."""
        await self.apply("old, new")
        self.world.ask("SetDesiredCapacity", AutoScalingGroupName=OLD, DesiredCapacity=2)
        world = self.world
        await world.reach(lambda: (len(world.node_names(OLD)), len(world.node_names(NEW))) == (2, 1))
        for node in world.node_names(NEW):
            self.cordon(node, True)
        world.create_sets(replica_set("web", pods, cpu="100m", annotations={STOP_SECONDS: "5"}))
        await world.reach(lambda: world.is_settled("web"))
        for node in world.node_names(NEW):
            self.cordon(node, False)

    def cordon(self, name: str, is_cordoned: bool) -> None:
        """Keep pods off a node, or no more."""
        found = self.world.store.get("v1", "nodes", "", name)
        found["spec"]["unschedulable"] = is_cordoned
        self.world.store.update("v1", "nodes", found)

    def evictions(self) -> int:
        """How many evictions the API server was asked for."""
        return sum(each.subresource == "eviction" for each in self.world.api.requests)


def tags(world: AutoscalerWorld, group: str) -> dict[str, str]:
    """The tags of a group."""
    found = world.ask("DescribeAutoScalingGroups", AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return {each["Key"]: each["Value"] for each in found[0]["Tags"]}
