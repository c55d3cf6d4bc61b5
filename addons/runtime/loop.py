"""The loop of a controller: take a key, reconcile it, and come back when that is due or when it failed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.ledger import Ledger
from addons.runtime.log import working_on
from addons.runtime.permit import RETRY_SECONDS, Permit
from addons.runtime.queue import QueueClosed, WorkQueue

K = TypeVar("K", bound=Hashable)

log = logging.getLogger(__name__)

_PASSES = Counter("addons_reconcile_total", "Passes over a key.", ["loop", "outcome"])
_FAILING = Gauge("addons_reconcile_failing_keys", "Keys whose latest pass failed.", ["loop"])
_SECONDS = Histogram("addons_reconcile_seconds", "Time of one pass over a key.", ["loop"])

_LONGEST_REST = 25.0
"""Seconds. Longer would only keep people waiting who have just mended what failed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a pass asks for: another one in so many seconds (0: there is more to do), or when woken (None).

    `acted` says that it changed something.
    """

    again_in: float | None = None
    acted: bool = False


class ReconcileLoop(Generic[K]):
    """Calls `reconcile` for keys that were woken, one pass per key at a time, several keys at once.

    A wake-up carries no event: `reconcile` reads the state afresh. It gets the permit under which it may act.
    Wake-ups of one key within `coalesce_seconds` of the first make one pass. A pass that raises has failed:
    it is counted, costs its own key only, and is repeated after a rest that grows, as `ledger` says.
    """

    def __init__(
        self,
        name: str,
        reconcile: Callable[[K, Permit], Awaitable[Result]],
        *,
        workers: int = 1,
        coalesce_seconds: float = 0.0,
        queue: WorkQueue[K] | None = None,
        ledger: Ledger[K] | None = None,
    ) -> None:
        self._name = name
        self._reconcile = reconcile
        self._workers = workers
        self._coalesce_seconds = coalesce_seconds
        self._queue = queue or WorkQueue(name)
        self._ledger = ledger or Ledger(longest=_LONGEST_REST)
        self._is_running = False
        self._last_pass: datetime | None = None
        self._seconds = _SECONDS.labels(name)
        self._failing = _FAILING.labels(name)
        self._passes = {outcome: _PASSES.labels(name, outcome) for outcome in ("ok", "failed")}

    @property
    def errors(self) -> dict[K, str]:
        """Keys whose latest pass failed -> why."""
        return self._ledger.errors

    @property
    def last_pass(self) -> datetime | None:
        """When a pass ended last, whatever came of it."""
        return self._last_pass

    @property
    def reasons(self) -> dict[K, str]:
        """Keys whose latest pass failed -> the code of that; none while the loop does not run."""
        return self._ledger.reasons if self._is_running else {}

    def wake(self, key: K, after: float | None = None) -> None:
        """Have a key reconciled: after so many seconds, or when the wake-ups of this moment are together.

        A key that rests after a failure is not reconciled before its rest is over.
        """
        pause = self._coalesce_seconds if after is None else after
        self._queue.add_after(key, max(pause, self._ledger.rest(key)))

    def forget(self, key: K) -> None:
        """Keep nothing about a key that is gone."""
        self._ledger.succeeded(key)
        self._failing.set(len(self._ledger.errors))

    async def run(self, permit: Permit) -> None:
        """Reconcile until the permit is stopped; passes under way end, waiting keys stay for the next run."""
        self._queue.open()
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work(permit))
                await permit.stopping.wait()
                self._queue.close()
        finally:
            self._is_running = False
            self._failing.set(0)

    async def run_once(self, keys: Iterable[K], permit: Permit) -> None:
        """Make passes over these keys until none of them changes anything any more, or it failed."""
        left = list(keys)
        while left:
            results = [(key, await self._pass(key, permit)) for key in left]
            left = [key for key, result in results if result and result.acted]

    async def _pass(self, key: K, permit: Permit) -> Result | None:
        """Make one pass over a key; None when it failed."""
        with working_on(str(key)), self._seconds.time():
            try:
                result = await self._reconcile(key, permit)
            except Withheld as error:
                log.info("left: %s: %s", self._named(key), error.message)
                return Result(again_in=RETRY_SECONDS)
            except OutsideError as error:
                self._failed(key, error.message, self._ledger.failed(key, error))
                return None
            except Exception as error:
                log.exception("crashed: the pass over %s", self._named(key))
                self._failed(key, repr(error), self._ledger.crashed(key, repr(error)))
                return None
            finally:
                self._last_pass = utc_now()
        self._passes["ok"].inc()
        self.forget(key)
        return result

    async def _work(self, permit: Permit) -> None:
        while True:
            try:
                key = await self._queue.get()
            except QueueClosed:
                return
            try:
                result = await self._pass(key, permit)
                if result is None:
                    self._queue.add_after(key, self._ledger.rest(key))
                elif result.again_in is not None:
                    self._queue.add_after(key, result.again_in)
            finally:
                self._queue.done(key, self._ledger.rest(key))

    def _failed(self, key: K, message: str, seconds: float) -> None:
        self._passes["failed"].inc()
        self._failing.set(len(self._ledger.errors))
        log.warning("failed: %s: %s; again in %.0f s", self._named(key), message, seconds)

    def _named(self, key: K) -> str:
        """What a pass is over, in messages; the empty key is everything."""
        return str(key) or f"all of {self._name}"
