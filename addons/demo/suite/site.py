"""The one world of all five daemons: a VPC, groups whose instances are nodes, a cluster that acts."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from addons.albingress.names import TAG_ROLE_ELB, TAG_ROLE_INTERNAL_ELB
from addons.demo.groups import add_group
from addons.demo.suite.edge import Edge, edge
from addons.demo.suite.machines import Machines
from addons.demo.vpc import network_permitted, require_emulator
from addons.demo.world import REGION, World
from addons.sim.cluster.deployments import Deployments
from addons.sim.cluster.disruption import Disruption
from addons.sim.cluster.nodes import Nodes
from addons.sim.cluster.scheduler import Scheduler
from addons.sim.cluster.truth import NodeTruth
from addons.sim.cluster.workloads import Workloads
from addons.sim.fabric.vpc import SERVICES
from addons.sim.fabric.world import VpcWorld
from addons.sim.kubeapi.server import KubeApi

Object = dict[str, Any]
SMALL, LARGE = "10.0.1.0/28", "10.0.2.0/24"
"""The subnets of the groups: the first has eleven addresses, two of which are its nodes' own."""
WEB, BATCH, SPARE = "web", "batch", "spare"
TYPES = {WEB: "m5.large", BATCH: "m5.2xlarge", SPARE: "m5.2xlarge"}
LEAST = {WEB: 2, BATCH: 0, SPARE: 0}
MOST = {WEB: 2, BATCH: 3, SPARE: 3}
"""The groups, and how many nodes each may have."""
POOLS = {WEB: "web", BATCH: "batch", SPARE: "spare"}
"""The label `pool` of their nodes."""
_TURN_SECONDS = 0.05
_TICK_SECONDS = 0.2


class Site:
    """The world, and the cluster in it; `failure` is what the simulated cluster fell over."""

    def __init__(self, world: World, api: KubeApi, vpc: VpcWorld) -> None:
        self.world, self.api, self.vpc, self.aws = world, api, vpc, world.aws
        self.store = api.store
        self.edge: Edge
        self.nodes = Nodes(api.store, self.aws.autoscaling)
        folder = world.folder / "nodes"
        folder.mkdir()
        self.machines = Machines(api, self.aws, vpc, self.nodes, folder)
        api.pod_networks = self._network_of
        self._parts = (
            Deployments(api.store),
            Workloads(api.store),
            Scheduler(api.store),
            Disruption(api.store),
        )
        self._woken = asyncio.Event()
        api.store.listeners.append(lambda *_: self._woken.set())

    async def run(self) -> None:
        """Let the cluster act, until cancelled."""
        seen = -1
        while True:
            self._woken.clear()
            self.nodes.look()
            await self.machines.look()
            if seen != self.store.rv:
                seen = self.store.rv
                for part in self._parts:
                    part.look()
                    await asyncio.sleep(0)
            try:
                async with asyncio.timeout(min(_TICK_SECONDS, max(0.01, self.nodes.soonest()))):
                    await self._woken.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(_TURN_SECONDS)

    def add_group(self, name: str, subnet: str) -> None:
        """Make a group of nodes; each is Ready once cni has said so on it."""
        labels = {"pool": POOLS[name]}
        add_group(
            self.aws,
            name,
            subnet,
            labels,
            type_=TYPES[name],
            least=LEAST[name],
            most=MOST[name],
            desired=LEAST[name],
        )
        truth = NodeTruth(labels=labels, join_seconds=0.2, ready_seconds=None, leave_seconds=0.3)
        self.nodes.truths[name] = truth

    def desired(self, group: str) -> int:
        """The desired capacity of a group."""
        return self.aws.autoscaling.groups[group].desired

    def _network_of(self, namespace: str, name: str) -> Callable[[], socket.socket] | None:
        """What makes sockets where a pod is, which this machine has no route to."""
        runs = (run for kubelet in self.machines.kubelets.values() for run in kubelet.runs.values())
        found = next((run for run in runs if (run.namespace, run.name) == (namespace, name)), None)
        return found.inside.open_socket if found else None

    def left(self) -> int:
        """How many addresses of the small subnet nobody has."""
        return int(self.aws.ec2.account.spaces[self.vpc.subnet.id].free)


@asynccontextmanager
async def site(world: World, *, small: str = SMALL) -> AsyncIterator[Site]:
    """Make it, with two nodes in the small subnet; no daemon runs yet. Raises LeftOut where it cannot be."""
    api = require_emulator(world)
    async with AsyncExitStack() as stack:
        vpc = VpcWorld(world.aws, subnet=small)
        network = world.aws.ec2.network
        large = network.create_subnet(vpc.vpc.id, LARGE, zone=f"{REGION}b")
        tags = {TAG_ROLE_ELB: "1", TAG_ROLE_INTERNAL_ELB: "1"}
        for number, zone in enumerate("ab"):
            network.create_subnet(vpc.vpc.id, f"10.0.{10 + number}.0/24", zone=f"{REGION}{zone}", tags=tags)
        with network_permitted():
            await stack.enter_async_context(vpc)
        vpc.reread()
        made = Site(world, api, vpc)
        made.edge = await stack.enter_async_context(edge(vpc, world.aws, world.names))
        made.machines.url = await api.listen(vpc.fabric.router.inside.listener(str(SERVICES), 0))
        api.enable(owner_gc=True, endpoint_slices=True, namespaces=True)
        _set_pace(world)
        for name in MOST:
            made.add_group(name, vpc.subnet.id if name == WEB else large.id)
        stack.push_async_callback(made.machines.close)
        task = asyncio.create_task(made.run())
        task.add_done_callback(_tell_failure)
        stack.push_async_callback(_end, task)
        yield made


def _set_pace(world: World) -> None:
    knobs = world.aws.autoscaling.knobs
    knobs.react_seconds, knobs.launch_seconds, knobs.terminate_seconds = 0.1, 0.5, 0.3


def _tell_failure(task: asyncio.Task[None]) -> None:
    """Say at once that nothing happens any more: in a world that is kept nobody would know before its end."""
    if not task.cancelled() and (error := task.exception()):
        sys.stderr.write(f"\nthe simulated cluster stands still, by a fault of its own: {error!r}\n")


async def _end(task: asyncio.Task[None]) -> None:
    """End the cluster; what it fell over is raised."""
    task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(result, Exception):
        raise result
