"""A queue of keys to work on: each key waits at most once, and is never worked on twice at the same time."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from prometheus_client import Gauge, Histogram

K = TypeVar("K", bound=Hashable)

_DEPTH = Gauge("addons_queue_depth", "Keys that wait for a worker.", ["queue"])
_AGE = Gauge("addons_queue_age_seconds", "How long the oldest key has waited for a worker.", ["queue"])
_WAIT = Histogram("addons_queue_wait_seconds", "Time from when a key was due to its start.", ["queue"])


class QueueClosed(Exception):
    """The queue hands out no more keys."""


class WorkQueue(Generic[K]):
    """Keys in the order in which they became due.

    A key that is added while it waits is worked on once; one that is added while it is worked on is due again
    when that is `done`. A delayed key is due at the earliest of the times asked for, and whoever takes a key
    takes care of its delayed wish as well.
    """

    def __init__(self, name: str) -> None:
        self._due: dict[K, float] = {}
        self._running: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._changed = asyncio.Event()
        self._closed = False
        self._time: Callable[[], float] = lambda: 0.0
        self._depth = _DEPTH.labels(name)
        self._wait = _WAIT.labels(name)
        _AGE.labels(name).set_function(self.age)

    def __len__(self) -> int:
        return len(self._due)

    @property
    def idle(self) -> bool:
        """True when no key is due and none is worked on; delayed ones do not count."""
        return not self._due and not self._running

    def age(self) -> float:
        """Seconds that the oldest key has been due."""
        return self._time() - next(iter(self._due.values())) if self._due else 0.0

    def add(self, key: K) -> None:
        """Make a key due now."""
        if key in self._running:
            self._again.add(key)
        elif key not in self._due:
            self._time = asyncio.get_running_loop().time
            self._due[key] = self._time()
            self._depth.set(len(self._due))
            self._changed.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Make a key due in so many seconds, unless it is due earlier anyway."""
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        if timer := self._timers.get(key):
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._ring, key)

    async def get(self) -> K:
        """Take the key that has been due for longest; raises QueueClosed once the queue is closed."""
        while not self._closed:
            if self._due:
                return self._take()
            self._changed.clear()
            await self._changed.wait()
        raise QueueClosed

    def done(self, key: K, rest: float = 0.0) -> None:
        """Say that the work on a key is finished; if added meanwhile it is due after `rest` seconds."""
        self._running.remove(key)
        if key in self._again:
            self._again.remove(key)
            self.add_after(key, rest)

    def close(self) -> None:
        """Hand out no more keys. They are kept, and may be added, for when the queue is opened again."""
        self._closed = True
        self._changed.set()

    def open(self) -> None:
        """Hand out keys, again after `close`."""
        self._closed = False

    def _take(self) -> K:
        key, due = next(iter(self._due.items()))
        del self._due[key]
        if timer := self._timers.pop(key, None):
            timer.cancel()
        self._running.add(key)
        self._depth.set(len(self._due))
        self._wait.observe(max(0.0, self._time() - due))
        return key

    def _ring(self, key: K) -> None:
        del self._timers[key]
        self.add(key)
