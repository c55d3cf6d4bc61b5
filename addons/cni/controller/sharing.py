"""How many nodes draw on the same subnets, so that together they promise the scheduler what there is."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from addons.cni.controller.pauses import first_of
from addons.cni.kube.watches import ZONE, NodeWatches
from addons.cni.plan.pace import count_period
from addons.runtime.errors import OutsideError

log = logging.getLogger(__name__)


class Sharing:
    """Counts the nodes of this node's zone while addresses are scarce: else nobody's share matters.

    They are counted as soon as addresses are found to be scarce, and then twice in an audit, or more seldom
    where they are many.
    """

    def __init__(
        self, watched: NodeWatches, *, node: str, is_scarce: Callable[[], bool], audit: timedelta
    ) -> None:
        self._watched, self._node, self._is_scarce = watched, node, is_scarce
        self._audit = audit
        self._woken = asyncio.Event()
        self._counted: tuple[int, int] | None = None
        self.on_change: Callable[[], None] = lambda: None

    def current(self) -> tuple[int, int] | None:
        """How many nodes there are, and which of them this one is, from 0 on; None when that must be known
        and is not."""
        return self._counted or (None if self._is_scarce() else (1, 0))

    def known(self) -> int:
        """How many nodes there were when they were counted last; 1 before that."""
        return self._counted[0] if self._counted else 1

    def wake(self) -> None:
        """Count at once where that was not needed so far."""
        if self._counted is None and self._is_scarce():
            self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Count until `stopping`."""
        while not stopping.is_set():
            self._woken.clear()
            if self._is_scarce():
                await self._count()
            period = count_period(self._audit, self.known())
            await first_of(self._woken, stopping, seconds=period.total_seconds())

    async def _count(self) -> None:
        node = self._watched.node()
        if node is None:
            return
        try:
            names = sorted(await self._watched.nodes_of_zone(node.metadata.labels.get(ZONE, "")))
        except OutsideError as error:
            log.warning("nodes that draw on the same subnets cannot be counted: %s", error.message)
            self._counted = self._counted or (1, 0)
            return
        found = len(names), names.index(self._node) if self._node in names else 0
        if found != self._counted:
            self._counted = found
            self.on_change()
