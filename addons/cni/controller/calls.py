"""What container runtimes ask, counted, and told to the pods that have to wait."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Any

from addons.cni.controller.metrics import ADD_SECONDS, COUNTS
from addons.cni.controller.sandboxes import Sandboxes
from addons.cni.kube import reports
from addons.cni.model.requests import CniError, CniRequest
from addons.runtime.clock import utc_now
from addons.runtime.outcomes import Skip
from addons.runtime.reporter import Reporter

_TOLD_AFTER = 3.0
"""Seconds that a pod waits before it is told why: most addresses come within one."""


class CountedCalls:
    """Does what the sandboxes do. `pod_came` is called for each ADD, `why` says why one waits."""

    def __init__(
        self,
        sandboxes: Sandboxes,
        *,
        pod_came: Callable[[], None],
        why: Callable[[], Skip | None],
        reporter: Reporter,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sandboxes, self._pod_came, self._why = sandboxes, pod_came, why
        self._reporter, self._now = reporter, now

    async def add(self, request: CniRequest, gone: asyncio.Future[None]) -> dict[str, Any]:
        """Give a sandbox an address and a network."""
        COUNTS.add("add")
        self._pod_came()
        started, outcome = monotonic(), "failed"
        timer = asyncio.get_running_loop().call_later(_TOLD_AFTER, self._tell_waiting, request)
        try:
            result = await self._sandboxes.add(request, gone)
            outcome = "ok"
            return result
        except CniError as error:
            outcome = error.reason or "failed"
            self._reporter.tell(reports.of_refused(request.pod, outcome, error.message))
            raise
        finally:
            timer.cancel()
            ADD_SECONDS.labels(outcome).observe(monotonic() - started)

    async def delete(self, request: CniRequest) -> None:
        """Take back what a sandbox has."""
        COUNTS.add("delete", "PodDeleted")
        await self._sandboxes.delete(request)

    async def check(self, request: CniRequest) -> None:
        """Return if all is as it was made."""
        await self._sandboxes.check(request)

    async def collect(self, request: CniRequest) -> None:
        """Take back what belongs to no valid attachment."""
        COUNTS.add("delete", "GC")
        await self._sandboxes.collect(request)

    def status(self) -> None:
        """Return if an ADD could be served."""
        self._sandboxes.status()

    def _tell_waiting(self, request: CniRequest) -> None:
        COUNTS.add("none")
        self._reporter.tell(reports.of_waiting(request.pod, self._why(), _TOLD_AFTER))
