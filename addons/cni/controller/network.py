"""The kernel as sandboxes and interfaces need it: wiring of assignments, routes and rules of interfaces."""

import asyncio
import logging
from collections.abc import Collection

from addons.cni.config import Config
from addons.cni.controller.interfaces import Interfaces
from addons.cni.model.assignments import Assignment
from addons.cni.model.enis import Eni
from addons.cni.net.node import NodeNetwork
from addons.cni.net.pods import Pods
from addons.cni.net.wanted import DataPath, Observed, Wanted, changes, wanted_network
from addons.cni.net.wiring import MAIN_TABLE, Wired, Wiring
from addons.cni.store.allocations import Allocations
from addons.cni.store.journal import Writing

log = logging.getLogger(__name__)


class Network:
    """Wires sandboxes, and has routes and rules follow the interfaces and the assignments."""

    def __init__(
        self,
        config: Config,
        *,
        pods: Pods,
        node: NodeNetwork,
        interfaces: Interfaces,
        allocations: Allocations,
    ) -> None:
        self._config, self._pods, self._node = config, pods, node
        self._interfaces, self._allocations = interfaces, allocations
        self._path = DataPath(layout=config.rule_layout, mark=mark_of(config), eni_mtu=config.eni_mtu)
        self._ensuring = asyncio.Lock()

    async def connect(self, assignment: Assignment, writing: Writing | None) -> Wired:
        """Wire a sandbox; see Pods.connect."""
        wait = writing.wait if writing else _already_written
        return await self._pods.connect(self.wiring(assignment), wait)

    async def disconnect(self, assignment: Assignment) -> None:
        """Take its links away; see Pods.disconnect."""
        await self._pods.disconnect(self.wiring(assignment))

    async def check(self, assignment: Assignment) -> tuple[str, ...]:
        """Say what is not as it was made, at the pod and on the way to it."""
        if self._interfaces.is_known and not self._has(assignment):
            return (f"{assignment.ip} is not on {assignment.eni_id or 'any interface'} any more",)
        at_pod = await self._pods.check(self.wiring(assignment))
        return (*at_pod, *changes(self._wanted_of(assignment), await self.observe()).lacking())

    async def repair(self, assignment: Assignment) -> tuple[str, ...]:
        """Put right what is amiss at a pod; see Pods.repair."""
        return await self._pods.repair(self.wiring(assignment))

    async def namespace_of(self, host_if: str) -> str:
        """The path of a pod's namespace; see Pods.namespace_of."""
        return await self._pods.namespace_of(host_if)

    async def adopt(self, assignment: Assignment) -> tuple[str, ...]:
        """Take over a pod that another daemon wired; see Pods.adopt."""
        return await self._pods.adopt(self.wiring(assignment))

    async def prepare(self, enis: Collection[Eni]) -> frozenset[str]:
        """Have routes and rules as interfaces need them now; the ids of those that have their links."""
        async with self._ensuring:
            ensured = await self._node.ensure(self._wanted, self._macs())
        for words in ensured.amiss:
            log.debug("network: %s", words)
        return frozenset(eni.eni_id for eni in enis if eni.is_managed) - ensured.missing

    async def observe(self) -> Observed:
        """What the kernel has."""
        return await self._node.observe(self._macs())

    def wiring(self, assignment: Assignment) -> Wiring:
        """How a sandbox is to be wired."""
        return Wiring(
            key=assignment.key,
            netns=assignment.netns,
            host_if=assignment.host_if,
            ip=assignment.ip,
            table=self._table(assignment),
            mtu=mtu_of(self._config),
            layout=self._config.rule_layout,
        )

    def _table(self, assignment: Assignment) -> int:
        eni = self._interfaces.get(assignment.eni_id)
        return eni.table if eni else MAIN_TABLE

    def _has(self, assignment: Assignment) -> bool:
        eni = self._interfaces.get(assignment.eni_id)
        return bool(eni and assignment.ip in eni.all_addresses())

    def _macs(self) -> list[str]:
        return [eni.mac for eni in self._interfaces.all()]

    def _wanted(self) -> Wanted:
        """What the node needs for all its pods."""
        assigned = {held.ip: self._table(held) for held in self._allocations.by_key.values()}
        return wanted_network(self._interfaces.all(), assigned, self._path)

    def _wanted_of(self, assignment: Assignment) -> Wanted:
        """What one pod needs: another interface may be coming or going just now."""
        on_the_way = [
            eni for eni in self._interfaces.all() if eni.is_primary or eni.eni_id == assignment.eni_id
        ]
        return wanted_network(on_the_way, {assignment.ip: self._table(assignment)}, self._path)


def _already_written() -> None:
    """Wait for nothing."""


def mtu_of(config: Config) -> int:
    """The MTU of pods."""
    return config.pod_mtu or config.eni_mtu


def mark_of(config: Config) -> int:
    """The bit that marks connections of the first interface; 0 where none is kept there."""
    is_marking = config.node_port_support or config.snat_mode != "never"
    return int(config.connmark, 0) if is_marking else 0
