"""Delete the interfaces that instances left behind: one elected node does it, once an hour."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from addons.cni import names
from addons.cni.aws.left_behind import LeftBehind
from addons.cni.controller.metrics import LEAKED
from addons.cni.kube import reports
from addons.runtime.errors import OutsideError
from addons.runtime.leader import Leader
from addons.runtime.permit import Permit
from addons.runtime.reporter import Report, Reporter

log = logging.getLogger(__name__)

_PERIOD_SECONDS = 3600.0


class Sweep:
    """Runs while this node leads; the first sweep comes `first_seconds` after it was elected.

    The lease is let go of at once: two nodes that delete the same do no harm.
    """

    def __init__(
        self,
        left_behind: LeftBehind,
        *,
        leader: Leader,
        reporter: Reporter,
        first_seconds: Callable[[], float],
    ) -> None:
        self._left_behind, self._leader = left_behind, leader
        self._reporter, self._first_seconds = reporter, first_seconds

    async def run(self, stopping: asyncio.Event) -> None:
        """Campaign, and sweep while elected, until `stopping`."""
        await self._leader.lead(self._sweep_again_and_again)(stopping)

    async def _sweep_again_and_again(self, stopping: asyncio.Event) -> None:
        permit = Permit(stopping, lease_left=self._leader.remaining)
        seconds = self._first_seconds()
        while not await _stopped_within(stopping, seconds):
            try:
                await self.sweep(permit)
            except OutsideError as error:
                log.warning("interfaces left behind cannot be swept: %s", error.message)
            seconds = _PERIOD_SECONDS

    async def sweep(self, permit: Permit) -> None:
        """Sweep once. Raises OutsideError."""
        for applied in await self._left_behind.sweep(permit):
            self._reporter.tell(_reported(reports.of_applied(applied)))
            if not applied.error:
                LEAKED.labels("interface").inc()


def _reported(report: Report) -> Report:
    """Tell it as what it is: not an interface of this node."""
    if report.reason != names.ENI_DELETED:
        return report
    return Report(
        key=report.key,
        ref=None,
        action=report.action,
        reason=names.ENI_LEFT_BEHIND,
        message=report.message,
        is_change=True,
    )


async def _stopped_within(stopping: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
    return stopping.is_set()
