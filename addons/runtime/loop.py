"""The loop of a controller: take a key, reconcile it, and come back when that is due or when it failed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client import Counter, Histogram

from addons.runtime.errors import OutsideError
from addons.runtime.log import working_on
from addons.runtime.queue import QueueClosed, WorkQueue

K = TypeVar("K", bound=Hashable)

log = logging.getLogger(__name__)

_PASSES = Counter("addons_reconcile_total", "Passes over a key.", ["loop", "outcome"])
_SECONDS = Histogram("addons_reconcile_seconds", "Time of one pass over a key.", ["loop"])


@dataclass(frozen=True, slots=True)
class Result:
    """What a pass asks for: another one in so many seconds (0: there is more to do), or when woken (None)."""

    again_in: float | None = None


@dataclass(frozen=True, slots=True)
class _Failure:
    message: str
    retry_after: float | None = None


class ReconcileLoop(Generic[K]):
    """Calls `reconcile` for keys that were woken, one pass per key at a time, several keys at once.

    A wake-up carries no event: `reconcile` reads the state afresh. Wake-ups of one key within
    `coalesce_seconds` of the first make one pass. A pass that raises costs its own key only, and is repeated
    with growing pauses.
    """

    def __init__(
        self,
        name: str,
        reconcile: Callable[[K], Awaitable[Result]],
        *,
        workers: int = 1,
        coalesce_seconds: float = 0.0,
        queue: WorkQueue[K] | None = None,
    ) -> None:
        self._reconcile = reconcile
        self._workers = workers
        self._coalesce_seconds = coalesce_seconds
        self._queue = queue or WorkQueue(name)
        self._seconds = _SECONDS.labels(name)
        self._passes = {outcome: _PASSES.labels(name, outcome) for outcome in ("ok", "failed")}
        self.errors: dict[K, str] = {}
        """Keys whose latest pass failed -> why."""

    def wake(self, key: K, after: float | None = None) -> None:
        """Have a key reconciled: after so many seconds, or when the wake-ups of this moment are together."""
        self._queue.add_after(key, self._coalesce_seconds if after is None else after)

    def forget(self, key: K) -> None:
        """Keep nothing about a key that is gone."""
        self._queue.forget(key)
        self.errors.pop(key, None)

    async def run(self, stopping: asyncio.Event) -> None:
        """Reconcile until `stopping`; passes under way then end well, waiting keys stay for the next run."""
        self._queue.open()
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())
            await stopping.wait()
            self._queue.close()

    async def _work(self) -> None:
        while True:
            try:
                key = await self._queue.get()
            except QueueClosed:
                return
            try:
                self._queue_again(key, await self._pass(key))
            finally:
                self._queue.done(key)

    def _queue_again(self, key: K, ended: Result | _Failure) -> None:
        if isinstance(ended, _Failure):
            seconds = self._queue.add_failed(key, ended.retry_after or 0.0)
            log.warning("failed: %s: %s; again in %.0f s", key, ended.message, seconds)
            return
        self._queue.forget(key)
        if ended.again_in is not None:
            self._queue.add_after(key, ended.again_in)

    async def _pass(self, key: K) -> Result | _Failure:
        with working_on(str(key)), self._seconds.time():
            try:
                result = await self._reconcile(key)
            except OutsideError as error:
                return self._failed(key, _Failure(error.message, error.retry_after))
            except Exception as error:
                log.exception("crashed: the pass over %s", key)
                return self._failed(key, _Failure(repr(error)))
        self._passes["ok"].inc()
        self.errors.pop(key, None)
        return result

    def _failed(self, key: K, failure: _Failure) -> _Failure:
        self._passes["failed"].inc()
        self.errors[key] = failure.message
        return failure
