"""Real nodes that come and go with instances: a kubelet in a network namespace for each of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.support.cluster import SCRIPTS
from tests.support.kubectl import Kubectl
from tests.support.namespaces import ip
from tests.support.nodes import (
    PLUGINS,
    Node,
    Site,
    configure_network,
    hub_name,
    node_network,
    start_node,
)
from tests.support.processes import output_of

_INDEXES = count(21)
"""Nodes of a site that are always there have lower ones; none is used twice, as folders of nodes stay."""


@dataclass(frozen=True)
class Instance:
    """An instance that has booted: where it is, and what its user data tells its kubelet."""

    id: str
    zone: str
    labels: Mapping[str, str]


class Fleet:
    """Starts a node for each instance that `instances` gives, and switches it off once it is not given.

    A Node object whose machine is gone is deleted, as the controller of the cloud does.
    """

    def __init__(
        self, folder: Path, kubectl: Kubectl, instances: Callable[[], Awaitable[Sequence[Instance]]]
    ):
        self._folder, self._kubectl, self._instances = folder, kubectl, instances
        self._machines: dict[str, tuple[Node, ExitStack]] = {}

    async def switch_on(self, instance: Instance, machine: ExitStack) -> Node:
        """Start the node of an instance; the stack undoes it."""
        raise NotImplementedError

    @property
    def nodes(self) -> dict[str, str]:
        """Instance -> the name of its node."""
        return {instance: node.name for instance, (node, _) in self._machines.items()}

    async def run(self) -> None:
        """Follow the instances until cancelled."""
        while True:
            found = {instance.id: instance for instance in await self._instances()}
            for gone in self._machines.keys() - found.keys():
                await self._end(gone)
            for new in found.keys() - self._machines.keys():
                await self._boot(found[new])
            await asyncio.sleep(0.2)

    async def end(self) -> None:
        """Switch all machines off."""
        for instance in tuple(self._machines):
            await self._end(instance)

    async def _boot(self, instance: Instance) -> None:
        with ExitStack() as machine:
            node = await self.switch_on(instance, machine)
            self._machines[instance.id] = node, machine.pop_all()

    async def _end(self, instance: str) -> None:
        node, machine = self._machines.pop(instance)
        await asyncio.to_thread(machine.close)
        await self._kubectl.ok("delete", "node", node.name, "--ignore-not-found", "--wait=false")


class KubeletFleet(Fleet):
    """Nodes that are joined to the hub of a site."""

    def __init__(self, site: Site, kubectl: Kubectl, instances: Callable[[], Awaitable[Sequence[Instance]]]):
        super().__init__(site.cluster.folder, kubectl, instances)
        self._site = site

    async def switch_on(self, instance: Instance, machine: ExitStack) -> Node:
        """Start the node of an instance."""
        return await asyncio.to_thread(self._start, instance, machine)

    def _start(self, instance: Instance, machine: ExitStack) -> Node:
        node = machine.enter_context(node_network(self._site.number, next(_INDEXES)))
        ip("-n", hub_name(self._site.number), "route", "add", node.pods, "via", node.address)
        machine.callback(output_of, SCRIPTS / "stop", self._folder, node.name)
        configure_network(self._site.cluster, node)
        start_node(self._site.cluster, node, self._site.assets, plugins=PLUGINS, facts=facts_of(instance))
        return node


def facts_of(instance: Instance) -> dict[str, str]:
    """What the kubelet of an instance is told, as `start_node` takes it."""
    labels = {"topology.kubernetes.io/zone": instance.zone, **instance.labels}
    return {
        "PROVIDER_ID": f"aws:///{instance.zone}/{instance.id}",
        "NODE_LABELS": ",".join(f"{key}={value}" for key, value in labels.items()),
    }


@asynccontextmanager
async def running(fleet: Fleet) -> AsyncIterator[Fleet]:
    """Run a fleet; nothing of it is left afterwards."""
    following = asyncio.create_task(fleet.run())
    try:
        yield fleet
    finally:
        following.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await following
        finally:
            await fleet.end()
