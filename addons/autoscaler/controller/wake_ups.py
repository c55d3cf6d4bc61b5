"""When the next pass is due: soon after something happened, yet not for each of many things by itself."""

import asyncio
from collections.abc import Callable

IDLE_SECONDS = 0.3
"""Pods come in swarms: a pass waits until no more of them came for so long,"""

MOST_SECONDS = 1.0
"""and no longer than so long after the first."""


class WakeUps:
    """Calls `wake` once for all that rings within a short time."""

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        idle_seconds: float = IDLE_SECONDS,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self._wake = wake
        self._idle_seconds = idle_seconds
        self._most_seconds = most_seconds
        self._first = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Something has happened of which more may come."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._first = loop.time()
        else:
            self._timer.cancel()
        due = min(loop.time() + self._idle_seconds, self._first + self._most_seconds)
        self._timer = loop.call_at(due, self._over)

    def _over(self) -> None:
        self._timer = None
        self._wake()
