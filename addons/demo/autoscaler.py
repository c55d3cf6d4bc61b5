"""The story of autoscaler: as many nodes as pods need, a lie costs one node, no group waits for another."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from addons.autoscaler import names
from addons.demo.asg_matrix import FIRST, SECOND, WEB, Matrix
from addons.demo.asg_matrix import NODES as NODES_OF_SHOP
from addons.demo.cluster import Cluster
from addons.demo.daemon import Daemon, running
from addons.demo.groups import DISCOVERED, Site, site
from addons.demo.script import Step, Story, Unmet, until
from addons.demo.world import World
from addons.sim.ports import free_port

GROUPS = {"web": 15, "batch": 10, "ssd": 10, "red": 5, "blue": 5}
"""The groups of the story, and how many nodes each may have."""

PODS = 40
PODS_ON_A_NODE = 3
NODES = -(-PODS // PODS_ON_A_NODE)
AWAY = 2
"""How many pods of one application its budget lets be away at once."""

T = TypeVar("T")
Look = Callable[[], Awaitable[T]]

_CHANGES = ("SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup")


class Scene:
    """What the steps share, and the steps, each a method."""

    def __init__(self, daemon: Daemon, place: Site, kubeconfig: Path, file: Matrix) -> None:
        self.daemon = daemon
        self._matrix = file
        self._site = place
        self._kubeconfig = kubeconfig

    def directions(self) -> str:
        """Say where to look when the story has been played."""
        return "\n".join(
            [
                f"# autoscaler: its page is {self.daemon.url}/; its cluster and its AWS are its own:",
                f"kubectl --kubeconfig={self._kubeconfig} get nodes,pods",
                f"aws --endpoint-url={self._site.aws.url} autoscaling describe-auto-scaling-groups",
            ]
        )

    async def start(self) -> str:
        """Wait for the daemon, which must change nothing."""
        await self.daemon.ready()
        await until(self._running("web"), lambda count: count == PODS_ON_A_NODE)
        await self._stays({"web": 1}, seconds=1.0)
        return f"ready at {self.daemon.url}, {self._sizes()}"

    async def many_pods(self) -> str:
        """Let forty pods be wanted where three are."""
        before = len(self._site.calls("SetDesiredCapacity"))
        self._site.scale("web", PODS)
        await until(self._running("web"), lambda count: count == PODS, 40)
        orders = len(self._site.calls("SetDesiredCapacity")) - before
        self._expect({"web": NODES})
        return f"all {PODS} run, after {orders} orders; {self._sizes()}"

    async def a_lie_costs_one_node(self) -> str:
        """Want a label that the tags of a group promise and its nodes have not."""
        self._site.create_app("cache", 8, {"disk": "ssd"})
        note = await until(self._note(names.SCALE_UP_REFUTED), bool, 60)
        why = await until(self._note(names.NOT_TRIGGER_SCALE_UP, "cache"), bool)
        await self._stays({"web": NODES}, seconds=2.0)
        if (count := self._site.launched("ssd")) != 1:
            raise Unmet(f"{count} nodes were launched for a label that none of them has")
        return f"1 node came, and no more\nEvent {names.SCALE_UP_REFUTED}: {note}\nEvent on a pod: {why}"

    async def a_throttled_group_stops_nobody(self) -> str:
        """Have AWS refuse the orders of one of two groups that are both needed."""
        self._site.throttle("red")
        clock = asyncio.get_running_loop().time
        start = clock()
        for colour in ("red", "blue"):
            self._site.create_app(colour, 2, {"pool": colour})
        await until(self._running("blue"), lambda count: count == 2)
        took = clock() - start
        note = await until(self._note(names.FAILED_TO_SCALE_UP_GROUP), bool)
        if self._site.desired("red"):
            raise Unmet("the throttled group has grown")
        self._site.aws.faults.clear()
        await until(self._running("red"), lambda count: count == 2, 30)
        return (
            f"the pods for blue ran after {took:.1f} s\nEvent {names.FAILED_TO_SCALE_UP_GROUP}: {note}\n"
            f"and red grew once AWS let it: {self._sizes()}"
        )

    async def idle_nodes_go(self) -> str:
        """Take most pods away, and let the others move together within their budget."""
        wanted = self._site.thin_out("web")
        self._site.create_budget("web", AWAY)
        await until(self._running("web"), lambda count: count == wanted)
        least = wanted
        enough = -(-wanted // 2)

        async def look() -> tuple[int, int]:
            nonlocal least
            least = min(least, self._site.running("web"))
            return self._site.desired("web"), self._site.running("web")

        await until(look, lambda seen: seen[0] <= enough and seen[1] == wanted, 60)
        await until(self._desired("ssd"), lambda count: count == 0, 30)
        if least < wanted - AWAY:
            raise Unmet(f"{wanted - least} pods were away at once, and their budget lets {AWAY}")
        return f"{wanted} pods, never fewer than {least} ready; {self._sizes()}"

    async def a_new_image(self) -> str:
        """Make two groups by a file, then have the nodes of one get a new image."""
        matrix, site = self._matrix, self._site
        for image in (FIRST, SECOND):
            matrix.write(image, "web", "jobs")
            await matrix.run("apply")
            if image == FIRST:
                site.create_app("shop", NODES_OF_SHOP, {"service": "web"})
                site.create_budget("shop", 1)
                await until(self._running("shop"), lambda count: count == NODES_OF_SHOP)
        roll = asyncio.create_task(matrix.run("roll", "--cell=web/*", f"--batch={NODES_OF_SHOP}"))
        least = NODES_OF_SHOP
        while not roll.done():
            least = min(least, site.running("shop"))
            await asyncio.sleep(0.02)
        told = await roll
        if matrix.images(WEB) != {SECOND} or least < NODES_OF_SHOP - 1:
            raise Unmet(f"{matrix.images(WEB)} run, and {least} pods were ready at the least")
        return "\n".join([*told, f"never fewer than {least} of {NODES_OF_SHOP} pods ready, 1 may be away"])

    async def a_group_less(self) -> str:
        """Take one of the groups out of the file."""
        self._matrix.write(SECOND, "web")
        told = await self._matrix.run("prune", "--yes", "--most=40")
        if self._matrix.stacks() != [WEB]:
            raise Unmet(f"these stacks are there: {self._matrix.stacks()}")
        return "\n".join(told)

    async def rest_is_free(self) -> str:
        """Wait until the last nodes are gone, and count what a daemon asks for that has nothing to do."""

        async def look() -> list[str]:
            before = len(self._site.aws.calls)
            await asyncio.sleep(3)
            return [call.operation for call in self._site.aws.calls[before:]]

        calls = await until(look, lambda found: len(found) < 2 and not {*found} & {*_CHANGES}, 40)
        return f"{len(calls)} calls, none that changes anything"

    def _running(self, app: str) -> Look[int]:
        async def look() -> int:
            return self._site.running(app)

        return look

    def _desired(self, group: str) -> Look[int]:
        async def look() -> int:
            return self._site.desired(group)

        return look

    def _note(self, reason: str, about: str = "") -> Look[str]:
        async def look() -> str:
            return next(iter(self._site.notes(reason, about)), "")

        return look

    async def _stays(self, sizes: dict[str, int], *, seconds: float) -> None:
        """Watch for a while that groups have these sizes."""
        for _ in range(int(seconds / 0.1)):
            self._expect(sizes)
            await asyncio.sleep(0.1)

    def _expect(self, sizes: dict[str, int]) -> None:
        found = {group: self._site.desired(group) for group in sizes}
        if found != sizes:
            raise Unmet(f"expected {sizes}, and there are {found}")

    def _sizes(self) -> str:
        """Say how large the groups are that have nodes."""
        found = {group: self._site.desired(group) for group in GROUPS}
        return "nodes: " + ", ".join(f"{group} {count}" for group, count in found.items() if count)


@asynccontextmanager
async def _open(world: World, cluster: Cluster) -> AsyncIterator[Scene]:
    """Run the daemon in an account and a cluster of its own: the other stories have nodes and pods too."""
    async with site() as place:
        for group, most in GROUPS.items():
            labels = {"disk": "ssd"} if group == "ssd" else {"pool": group}
            place.add_group(group, labels, most=most, desired=group == "web", lies=group == "ssd")
        place.create_app("web", PODS_ON_A_NODE, {"pool": "web"})
        kubeconfig = world.folder / "kubeconfig-of-autoscaler"
        kubeconfig.write_text(place.api.kubeconfig())
        flags = (
            f"--kubeconfig={kubeconfig}",
            "--cluster-name=demo",
            f"--node-group-auto-discovery=asg:tag={DISCOVERED}",
            "--namespace=kube-system",
            "--leader-elect-namespace=kube-system",
            "--scan-interval=2s",  # a story is shorter than a day
            "--scale-down-unneeded-time=5s",
            "--scale-down-delay-after-add=25s",
            "--node-delete-delay-after-taint=500ms",
            "--initial-node-group-backoff-duration=3s",
        )
        environment = {**os.environ, **replace(world, aws=place.aws).environment()}
        daemon = Daemon(world, "autoscaler", flags, free_port(), environment=environment)
        async with running(daemon):
            here = (
                f"--kubeconfig={kubeconfig}",
                "--namespace=kube-system",
                "--node-delete-delay-after-taint=0s",
            )
            yield Scene(daemon, place, kubeconfig, Matrix(place, world.folder, environment, here))


STORY = Story(
    name="autoscaler",
    promise="pods get the nodes that they need and no more, and no group waits for another",
    setting="five auto scaling groups whose instances become nodes within a second, one with a tag that lies",
    open=_open,
    steps=(
        Step(
            "the autoscaler daemon starts and is ready",
            "ready, and no group changed",
            Scene.start,
        ),
        Step(
            f"{PODS} pods are wanted where {PODS_ON_A_NODE} are",
            f"one group grows from 1 to {NODES} nodes, {GROUPS['web']} at most, and all of them run",
            Scene.many_pods,
        ),
        Step(
            "8 pods want a label that the tags of a group promise, and that its nodes do not have",
            f"one node of at most {GROUPS['ssd']}, and an Event that says in what tag and node differ",
            Scene.a_lie_costs_one_node,
        ),
        Step(
            "pods need nodes of two groups, and AWS throttles the orders of one",
            "the other grows at once; the throttled one once AWS lets it",
            Scene.a_throttled_group_stops_nobody,
        ),
        Step(
            "most pods go, and one is left on each node",
            f"they move together, no more than {AWAY} away at once, and at least half of the nodes go",
            Scene.idle_nodes_go,
        ),
        Step(
            "a file asks for two more groups (`addons autoscaler matrix`), then for a new image",
            "`roll` lets new nodes come before old ones go, and no pod is missing that its budget needs",
            Scene.a_new_image,
        ),
        Step(
            "the file no longer has one of them",
            "`prune` drains its node and removes its stack",
            Scene.a_group_less,
        ),
        Step(
            "and then nothing changes",
            "at most one call to AWS in 3 s, to look",
            Scene.rest_is_free,
        ),
    ),
)
