"""A cluster with the group of a matrix whose instances are of an old image: the words of these tests."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.controller.matrix_commands import Asked, execute
from addons.autoscaler.controller.matrix_draining import rolling
from addons.autoscaler.controller.matrix_roll import Rolled
from addons.autoscaler.model.rolls import RollNote, read_roll
from addons.autoscaler.names import ROLLS_CONFIG_MAP
from addons.runtime.permit import Permit
from addons.sim.cluster.kubelets import STOP_SECONDS
from addons.sim.kubeapi.resources import Resource
from addons.sim.kubeapi.tables import Event
from tests.support.as_objects import Object, replica_set
from tests.support.as_prune import NEW, PruneSite
from tests.support.as_world import AutoscalerWorld
from tests.support.permits import PERMIT
from tests.support.virtual import virtual_now

GROUP = NEW
FIRST, SECOND = "ami-0abcdef1234567890", "ami-0fedcba9876543210"


class RollSite(PruneSite):
    """A cluster with one group of a matrix."""

    def __init__(self, world: AutoscalerWorld, *, most: int = 12) -> None:
        super().__init__(world)
        self.most = most
        self.image = FIRST
        self.config = Config(
            aws_region="eu-central-1",
            aws_endpoint_url=world.aws.url,
            kubeconfig=str(world.kubeconfig),
            namespace="kube-system",
        )

    def file(self, services: str = "new", *, least: int = 0) -> str:
        """Write the file, with the image of now."""
        path = self.world.folder / "shop.yaml"
        path.write_text(
            "matrix: shop\ncluster: prod\n"
            f"defaults: {{image: {self.image}, min: {least}, max: {self.most}, maxNodeProvisionTime: 5m}}\n"
            "dimensions:\n  instanceTypes: [m5.large]\n"
            f"  zones: {{eu-central-1a: {self.world.subnets['a']}}}\n  services: [{services}]\n"
        )
        return str(path)

    async def start(self, nodes: int, pods: int = 0) -> None:
        """So many nodes with pods, of the first image; then the stack is told of the second one."""
        world = self.world
        await self.apply("new")
        world.ask("SetDesiredCapacity", AutoScalingGroupName=GROUP, DesiredCapacity=nodes)
        await world.reach(lambda: len(world.node_names(GROUP)) == nodes)
        if pods:
            world.create_sets(replica_set("web", pods, cpu="100m", annotations={STOP_SECONDS: "5"}))
            await world.reach(lambda: world.is_settled("web"))
        self.image = SECOND
        await self.apply("new")

    async def start_all(self, services: str) -> None:
        """A node in the group of each of these services, of the first image; then the stacks are told of the
        second one."""
        groups = [each.name for each in await self.apply(services)]
        for name in groups:
            self.world.ask("SetDesiredCapacity", AutoScalingGroupName=name, DesiredCapacity=1)
        await self.world.reach(lambda: all(len(self.world.node_names(each)) == 1 for each in groups))
        self.image = SECOND
        await self.apply(services)

    async def roll(self, permit: Permit = PERMIT, *, batch: int = 1, host: str = "here") -> list[Rolled]:
        """Roll the group; all that was told of it."""
        async with (
            self.session() as aws,
            rolling(self.config, aws, permit, now=virtual_now, host=host) as roll,
        ):
            return [each async for each in roll.roll(GROUP, batch=batch, patience=300.0)]

    async def rolled(self, *, batch: int = 1) -> tuple[list[Rolled], int]:
        """Roll it; what was told, and the fewest pods that were healthy at any moment of it."""
        with healthy(self.world, "web") as fewest:
            told = await self.roll(batch=batch)
            return told, fewest()

    async def killed(self, when: Callable[[], bool], *, host: str = "here", batch: int = 1) -> list[Rolled]:
        """Roll it as a process that is killed at the first change for which this holds; what it told if it
        ended before. Each change counts from when it has reached the outside, before its answer is back."""
        task = asyncio.create_task(self.roll(host=host, batch=batch))

        def look(*_: object) -> None:
            if when():
                task.cancel()

        def fails(_: object) -> bool:
            look()
            return False

        self.world.store.listeners.append(look)
        self.world.aws.faults.add(operation="changes", service="autoscaling", times=None, when=fails)
        try:
            await asyncio.wait([task])
        finally:
            self.world.aws.faults.clear()
            self.world.store.listeners.remove(look)
        return [] if task.cancelled() else task.result()

    def going(self) -> list[str]:
        """The nodes that bear the mark of a removal."""
        return [each["metadata"]["name"] for each in self.world.nodes() if names.DRAIN in annotations(each)]

    async def command(self, **asked: object) -> int:
        """Carry out the command as a user does; the exit code."""
        return await execute(Asked("roll", self.file(), **asked), self.config)  # type: ignore[arg-type]

    def images(self, group: str = GROUP) -> set[str]:
        """The images that the instances of a group run."""
        return {
            self.world.aws.ec2.account.instances[member.id].image_id for member in self.world.members(group)
        }

    def note(self, group: str = GROUP) -> RollNote | None:
        """What is written of the roll of a group."""
        found = [
            each
            for each in self.world.store.list("v1", "configmaps")
            if each["metadata"]["name"] == ROLLS_CONFIG_MAP
        ]
        return read_roll((found[0].get("data") or {}).get(group, "")) if found else None

    def age_note(self, seconds: float, group: str = GROUP) -> None:
        """Have the note of the roll be so much older, as if that time had passed."""
        found = self.world.store.get("v1", "configmaps", "kube-system", ROLLS_CONFIG_MAP)
        note = read_roll(found["data"][group])
        assert note
        found["data"][group] = msgspec.structs.replace(note, at=note.at - seconds).text()
        self.world.store.update("v1", "configmaps", found)


@contextmanager
def healthy(world: AutoscalerWorld, prefix: str) -> Iterator[Callable[[], int]]:
    """The fewest pods of a set that were healthy at any moment of the block, as disruption budgets count:
    ready and not being deleted. Every change of an object is looked at as it happens."""
    fewest = len(_healthy(world, prefix))

    def look(resource: Resource, _: Event) -> None:
        nonlocal fewest
        if resource.plural == "pods":
            fewest = min(fewest, len(_healthy(world, prefix)))

    world.store.listeners.append(look)
    try:
        yield lambda: fewest
    finally:
        world.store.listeners.remove(look)


def _healthy(world: AutoscalerWorld, prefix: str) -> list[Object]:
    return [
        pod
        for pod in world.pods(prefix)
        if any(
            each["type"] == "Ready" and each["status"] == "True"
            for each in pod.get("status", {}).get("conditions", ())
        )
    ]


def annotations(obj: Object) -> Mapping[str, str]:
    """The annotations of an object."""
    found: Mapping[str, str] = obj["metadata"].get("annotations") or {}
    return found
