"""Groups that no cell asks for go: never without a word, and drained under budgets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.autoscaler import names
from addons.autoscaler.aws.stack_calls import OPERATIONS, RATES
from addons.autoscaler.config import Config
from addons.autoscaler.controller.matrix_apply import Applied, Apply
from addons.autoscaler.controller.matrix_commands import Asked, execute
from addons.autoscaler.controller.matrix_draining import pruning
from addons.autoscaler.controller.matrix_plan import planned, read_matrix
from addons.autoscaler.controller.matrix_prune import Pruned
from addons.runtime.aws import AwsSession
from addons.runtime.permit import Permit
from addons.sim.cluster.kubelets import STOP_SECONDS
from addons.sim.cluster.truth import NodeTruth
from tests.support.as_daemons import QUICK, autoscaler
from tests.support.as_objects import budget, replica_set
from tests.support.as_world import POLICY, AutoscalerWorld, autoscaler_world
from tests.support.permits import PERMIT
from tests.support.virtual import virtual_now

pytestmark = pytest.mark.virtual_time(threads=True)

OLD, NEW = "prod-old-m5-large-od-a", "prod-new-m5-large-od-a"
VERSION = "1.0"
DISCOVERY = "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/prod"


class Site:
    """A cluster with the two groups of a matrix, `old` and `new`, and the file that has but one of them."""

    def __init__(self, world: AutoscalerWorld) -> None:
        self.world = world
        self.config = Config(
            aws_region="eu-central-1", aws_endpoint_url=world.aws.url, kubeconfig=str(world.kubeconfig)
        )
        for name in (OLD, NEW):
            world.cluster.nodes.truths[name] = NodeTruth()

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


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with autoscaler_world(tmp_path) as world:
        yield Site(world)


class TestGoing:
    async def test_a_removed_cell_drains_and_goes(self, site: Site) -> None:
        await site.fill(4)
        site.world.create_budgets(budget("web", maxUnavailable=1))
        pruning_task = asyncio.create_task(site.prune())
        fewest = 4
        while not pruning_task.done():
            await asyncio.sleep(1)
            fewest = min(fewest, len(site.world.running("web")))
        told = pruning_task.result()
        assert told[-1] == Pruned(OLD, "deleted")
        assert fewest >= 3
        assert site.stacks == {NEW: "CREATE_COMPLETE"}
        assert len(site.world.node_names()) == 1
        assert OLD not in site.world.autoscaling.groups
        await site.world.reach(lambda: site.world.is_settled("web"))

    async def test_no_pod_moves_from_one_node_that_goes_to_the_next(self, site: Site) -> None:
        await site.fill(6)
        await site.prune()
        await site.world.reach(lambda: site.world.is_settled("web"))
        assert site.evictions() == 6

    async def test_nothing_grows_there_meanwhile_and_a_daemon_stays_away(self, site: Site) -> None:
        await site.fill(4)
        async with autoscaler(site.world, *QUICK, DISCOVERY):
            told = await site.prune()
            await site.world.pass_by(minutes=5)
        assert told[-1] == Pruned(OLD, "deleted")
        assert site.stacks == {NEW: "CREATE_COMPLETE"}
        assert site.world.is_settled("web")


class TestFailing:
    async def test_a_spent_budget_keeps_the_stack_and_the_next_run_goes_on(self, site: Site) -> None:
        await site.fill(2)
        site.world.create_budgets(budget("web", maxUnavailable=0))
        told = await site.prune()
        assert told[-1].result == "failed"
        assert "budget" in told[-1].why
        assert len(site.world.running("web")) == 2
        assert OLD in site.stacks
        found = site.world.store.get(POLICY, "poddisruptionbudgets", "default", "web")
        found["spec"]["maxUnavailable"] = 1
        site.world.store.update(POLICY, "poddisruptionbudgets", found)
        assert (await site.prune())[-1] == Pruned(OLD, "deleted")

    @pytest.mark.parametrize("seconds", [1, 4, 8, 12, 20, 40])
    async def test_a_killed_run_goes_on_with_the_next(self, site: Site, seconds: float) -> None:
        await site.fill(4)
        killed = asyncio.create_task(site.prune())
        await asyncio.sleep(seconds)
        killed.cancel()
        await asyncio.wait([killed])
        told = await site.prune()
        assert told == [] or told[-1] == Pruned(OLD, "deleted")
        assert site.stacks == {NEW: "CREATE_COMPLETE"}
        await site.world.reach(lambda: site.world.is_settled("web"))

    async def test_a_stop_leaves_the_rest(self, site: Site) -> None:
        await site.fill(4)
        stopping = asyncio.Event()
        asyncio.get_running_loop().call_later(10, stopping.set)
        told = await site.prune(Permit(stopping))
        assert told[-1].result == "left"
        assert OLD in site.stacks

    async def test_a_cell_that_comes_back_is_as_it_was(self, site: Site) -> None:
        await site.fill(2)
        site.world.create_budgets(budget("web", maxUnavailable=0))
        await site.prune()
        assert site.world.group(OLD).least == 0
        assert names.TAG_PREFIX + "enabled" not in tags(site.world, OLD)
        assert [(each.name, each.result) for each in await site.apply("old, new")] == [(OLD, "updated")]
        assert site.world.group(OLD).least == 1
        assert tags(site.world, OLD)[names.TAG_PREFIX + "enabled"] == "true"


class TestGuards:
    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ({}, "more than 30 % needs --most 67"),
            ({"most": 70.0}, "1 stacks with 2 instances would go: that needs --yes"),
        ],
    )
    async def test_nothing_goes_without_a_word(
        self, site: Site, asked: dict[str, float], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await site.fill(1)
        file = site.file("new")
        assert await execute(Asked("prune", file, **asked), site.config) == 3  # type: ignore[arg-type]
        assert said in capsys.readouterr().err
        assert site.stacks[OLD] == "CREATE_COMPLETE"
        assert site.evictions() == 0


def tags(world: AutoscalerWorld, group: str) -> dict[str, str]:
    """The tags of a group."""
    found = world.ask("DescribeAutoScalingGroups", AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return {each["Key"]: each["Value"] for each in found[0]["Tags"]}
