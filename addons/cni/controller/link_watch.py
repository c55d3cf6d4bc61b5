"""What the kernel tells of links and rules: interfaces that come and go, pods that lost their neighbour."""

import asyncio
import logging
from collections.abc import Iterable

from addons.cni.controller.audit import Audit
from addons.cni.controller.interfaces import Interfaces
from addons.cni.controller.network import Network
from addons.cni.controller.pool import Pool
from addons.cni.model.assignments import Assignment
from addons.cni.net.links import DOWNS_OF_NEW, LinkChanged, LinkEvent, LinkMonitor
from addons.cni.net.wiring import owner_of
from addons.cni.store.allocations import Allocations
from addons.runtime.errors import OutsideError

log = logging.getLogger(__name__)

_SETTLE_SECONDS = 0.5
"""Changes come in groups: a pod that comes makes five."""


class LinkWatch:
    """Has others look where something changed; a pod whose link was down is repaired at once."""

    def __init__(
        self,
        *,
        interfaces: Interfaces,
        allocations: Allocations,
        network: Network,
        pool: Pool,
        audit: Audit,
    ) -> None:
        self._interfaces, self._allocations = interfaces, allocations
        self._network, self._pool, self._audit = network, pool, audit
        self._downs: dict[int, int] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Listen until `stopping`."""
        async with LinkMonitor() as monitor, asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen(monitor))
            await stopping.wait()
            listening.cancel()

    async def _listen(self, monitor: LinkMonitor) -> None:
        while True:
            await self._heed(await monitor.changes())

    async def _heed(self, events: Iterable[LinkEvent]) -> None:
        must_look = False
        for event in events:
            if not isinstance(event, LinkChanged):
                must_look = True
            elif owner := owner_of(event.alias):
                await self._pod_link(owner, event)
            else:
                self._interface_link(event)
        if must_look:
            await asyncio.sleep(_SETTLE_SECONDS)
            self._audit.wake()

    def _interface_link(self, event: LinkChanged) -> None:
        """An interface was plugged in, which the pool waits for, or out, which nobody has told us."""
        ours = {eni.mac for eni in self._interfaces.all()}
        if event.mac not in ours:
            return
        if not event.is_there:
            log.info("link %s is gone: EC2 is asked for the node's interfaces", event.name)
            self._interfaces.is_doubtful = True
        self._pool.wake()

    async def _pod_link(self, owner: tuple[str, str], event: LinkChanged) -> None:
        """Repair a pod whose end was down: the kernel has forgotten its routes and its gateway."""
        if not event.is_there:
            self._downs.pop(event.index, None)
            return
        held = self._held_by(owner)
        was_down = event.downs > self._downs.get(event.index, DOWNS_OF_NEW)
        if held is None or not (event.is_running and was_down):
            return
        self._downs[event.index] = event.downs
        try:
            if amiss := await self._network.repair(held):
                log.info("pod %s is put right: %s", held.pod, "; ".join(amiss))
        except OutsideError as error:
            log.warning("pod %s cannot be put right: %s", held.pod, error.message)

    def _held_by(self, owner: tuple[str, str]) -> Assignment | None:
        found = self._allocations.of_container(owner[0])
        return next((held for held in found if held.key.if_name == owner[1]), None)
