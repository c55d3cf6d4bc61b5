"""How many nodes draw on the same subnets, so that together they promise the scheduler what there is."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from addons.cni.kube.watches import ZONE, NodeWatches
from addons.runtime.errors import OutsideError

log = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0


class Sharing:
    """Counts the nodes of this node's zone while addresses are scarce: else nobody's share matters."""

    def __init__(self, watched: NodeWatches, *, node: str, is_scarce: Callable[[], bool]) -> None:
        self._watched, self._node, self._is_scarce = watched, node, is_scarce
        self.sharers, self.rank = 1, 0
        self.on_change: Callable[[], None] = lambda: None

    def current(self) -> tuple[int, int]:
        """How many nodes there are, and which of them this one is, from 0 on."""
        return self.sharers, self.rank

    async def run(self, stopping: asyncio.Event) -> None:
        """Count until `stopping`."""
        while not stopping.is_set():
            if self._is_scarce():
                await self._count()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await stopping.wait()

    async def _count(self) -> None:
        node = self._watched.node()
        if node is None:
            return
        try:
            names = sorted(await self._watched.nodes_of_zone(node.metadata.labels.get(ZONE, "")))
        except OutsideError as error:
            log.debug("nodes cannot be counted: %s", error.message)
            return
        found = len(names), names.index(self._node) if self._node in names else 0
        if found != (self.sharers, self.rank):
            self.sharers, self.rank = found
            self.on_change()
