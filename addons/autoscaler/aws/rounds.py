"""Reads what is due, each batch in a task of its own, so that one that hangs delays no other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from itertools import repeat
from math import inf
from typing import Any, Final, Generic, TypeVar

from addons.autoscaler.aws.schedule import Schedule
from addons.runtime.errors import OutsideError, Unavailable, Withheld

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
Periods = Callable[[], Mapping[K, float]]

_GATHER_SECONDS: Final = 0.1
"""What becomes due within so long is read together."""

_LONGEST_SECONDS: Final = 60.0

_MOST_CALLS: Final = 8
"""AwsSession has threads for so many, at least, of one kind."""


class Readings(Generic[K]):
    """One kind of reading. `periods` says how often which key is read now, `batches` parts keys into calls,
    `read` makes one call. What is due within `slack` seconds goes with what is due now. No more calls are
    begun at once than there are threads for them, so that none waits for a thread as if AWS did not answer.
    `errors` has why the last call about a key failed.
    """

    def __init__(
        self,
        what: str,
        periods: Periods[K],
        read: Callable[[Sequence[K]], Awaitable[None]],
        batches: Callable[[Sequence[K]], Iterable[Sequence[K]]],
        *,
        slack: float = 0.0,
    ) -> None:
        self.what = what
        self.periods = periods
        self.batches = batches
        self.schedule: Schedule[K] = Schedule()
        self.errors: dict[K, OutsideError] = {}
        self._read = read
        self._slack = slack
        self._calls = 0

    def begin(self, now: float, turn: float = inf) -> list["asyncio.Task[None]"]:
        """Begin what is due and was not begun after that turn of the schedule."""
        periods = self.periods()
        self.schedule.forget(periods)
        for key in self.errors.keys() - periods.keys():
            del self.errors[key]
        tasks = []
        for batch in self._due(now, periods, turn):
            self.schedule.begin(batch, now)
            self._calls += 1
            tasks.append(asyncio.create_task(self._one(batch), name=f"{self.what} {batch[0]}"))
        return tasks

    def next_at(self) -> float:
        """When something is due; infinity while no more may be begun before something ends."""
        return inf if self._calls >= _MOST_CALLS else self.schedule.next_at(self.periods())

    def _due(self, now: float, periods: Mapping[K, float], turn: float) -> list[Sequence[K]]:
        if self._calls >= _MOST_CALLS or not self.schedule.due(now, periods, turn):
            return []
        due = self.schedule.due(now + self._slack, periods, turn)
        return list(self.batches(due))[: _MOST_CALLS - self._calls]

    def forgive(self, keys: Iterable[K]) -> None:
        """Forget what failed: these were read in another way."""
        for key in keys:
            if self.errors.pop(key, None):
                self.schedule.forgive(key)

    async def _one(self, batch: Sequence[K]) -> None:
        error: OutsideError | None = None
        try:
            await self._read(batch)
        except OutsideError as failure:
            error = failure
        except Exception as crash:
            log.exception("crashed: the reading of %s", self.what)
            error = Unavailable(f"{self.what}: crashed: {crash!r}", code="Crashed")
        finally:
            self._calls -= 1
            self.schedule.end(batch, ok=error is None)
        self._note(batch, error)

    def _note(self, batch: Sequence[K], error: OutsideError | None) -> None:
        if error is None:
            for key in batch:
                self.errors.pop(key, None)
            return
        known = {each.message for each in self.errors.values()}
        self.errors.update(dict.fromkeys(batch, error))
        if error.message not in known and not isinstance(error, Withheld):
            log.warning("not read: %s, %d of them: %s", self.what, len(batch), error.message)


class Rounds:
    """Keeps several kinds of readings going. `wake` has a look taken at once."""

    def __init__(self, readings: Sequence[Readings[Any]]) -> None:
        self._readings = readings
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Have a look taken at what is due."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Read what is due until `stopping`; what is under way then is dropped, as it changes nothing."""
        stop = asyncio.create_task(stopping.wait())
        try:
            while not stopping.is_set():
                self._woken.clear()
                self._begin()
                await self._wait(stop)
        finally:
            await _end([*self._tasks, stop])

    async def settle(self) -> None:
        """Read what is due, and what becomes due by that, each once; `run` may go on meanwhile."""
        turns = [each.schedule.turn for each in self._readings]
        awaited = set(self._tasks)
        while True:
            if self._begin(turns):
                awaited |= self._tasks
            awaited = {task for task in awaited if not task.done()}
            if not awaited:
                return
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)

    def _begin(self, turns: Iterable[float] = repeat(inf)) -> bool:
        readings = zip(self._readings, turns, strict=False)
        begun = [task for each, turn in readings for task in each.begin(_now(), turn)]
        for task in begun:
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return bool(begun)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._woken.set()

    async def _wait(self, stop: "asyncio.Task[Any]") -> None:
        """Until something is due, woken, or the stop."""
        next_at = min((each.next_at() for each in self._readings), default=inf)
        woken = asyncio.create_task(self._woken.wait())
        try:
            timeout = min(max(next_at - _now(), 0.0), _LONGEST_SECONDS)
            await asyncio.wait([stop, woken], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([stop], timeout=_GATHER_SECONDS)
        finally:
            await _end([woken])


async def _end(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _now() -> float:
    return asyncio.get_running_loop().time()
