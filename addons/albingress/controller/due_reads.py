"""Target groups to be read from AWS although nobody waits for it: at the start, and in each period."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Final

from addons.runtime.bucket import Bucket, Rate

_RATE: Final = Rate(per_second=4.0, burst=10)
"""Of AWS's ten descriptions a second, those that somebody waits for need the rest."""

_EARLIEST: Final = 0.8
"""Part of a period after which a group may be due again, so that not all are due in one moment."""


class DueReads:
    """Gives target groups in the order in which they became due, slowly."""

    def __init__(self, period_seconds: float, rng: random.Random | None = None) -> None:
        self._period_seconds = period_seconds
        self._rng = rng or random.Random()  # noqa: S311
        self._due: dict[str, None] = {}
        self._has_due = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def add(self, group: str) -> None:
        """A group is due now."""
        self._due[group] = None
        self._has_due.set()

    def add_later(self, group: str) -> None:
        """A group was read; it is due again about one period from now."""
        self.forget(group)
        seconds = self._period_seconds * self._rng.uniform(_EARLIEST, 1.0)
        self._timers[group] = asyncio.get_running_loop().call_later(seconds, self.add, group)

    def forget(self, group: str) -> None:
        """A group is not to be read: it is gone, or was read just now."""
        self._due.pop(group, None)
        if timer := self._timers.pop(group, None):
            timer.cancel()

    async def groups(self) -> AsyncIterator[str]:
        """Each group as its turn comes, without end."""
        pace = Bucket(_RATE)
        while True:
            await self._has_due.wait()
            await pace.take()
            if group := next(iter(self._due), None):
                del self._due[group]
                yield group
            else:
                self._has_due.clear()
