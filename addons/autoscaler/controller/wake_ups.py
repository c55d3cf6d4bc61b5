"""When the next pass is due: soon after something happened, and never later than every scan interval."""

import asyncio
from contextlib import suppress

IDLE_SECONDS = 0.3
"""Pods come in swarms: a pass waits until no more of them came for so long,"""

MOST_SECONDS = 1.0
"""and no longer than so long after the first."""


class WakeUps:
    """Gathers what wakes the next pass."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS, most_seconds: float = MOST_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._most_seconds = most_seconds
        self._first: float | None = None
        self._due = float("inf")
        self._changed = asyncio.Event()

    def ring(self) -> None:
        """Something has happened of which more may come."""
        now = asyncio.get_running_loop().time()
        if self._first is None:
            self._first = now
        self._due = min(now + self._idle_seconds, self._first + self._most_seconds)
        self._changed.set()

    def ring_at_once(self) -> None:
        """Something has happened that must not wait."""
        self._first = self._due = asyncio.get_running_loop().time()
        self._changed.set()

    async def wait(self, most_seconds: float) -> None:
        """Return when a pass is due, after `most_seconds` at the latest; what rang is heard then."""
        clock = asyncio.get_running_loop().time
        late = clock() + most_seconds
        while (due := min(self._due, late)) > clock():
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
        self._first, self._due = None, float("inf")
