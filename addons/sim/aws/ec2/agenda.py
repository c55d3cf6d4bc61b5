"""Time in EC2: what happens by itself a while after a call."""

import asyncio
import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

_SHORTEST_SECONDS = 0.001


def utc_now() -> datetime:
    """Give the present time, aware, in UTC."""
    return datetime.now(UTC)


class Agenda:
    """What is still to happen. `now` is how time passes, and may be replaced.

    Between `start` and `stop` things happen when they are due; before and after, at the next `settle`.
    """

    def __init__(self) -> None:
        self.now: Callable[[], datetime] = utc_now
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def time(self) -> datetime:
        """Give the present time, of whatever clock is in use."""
        return self.now()

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Let something happen so many seconds later; with none, now."""
        if seconds <= 0:
            happen()
            return
        heapq.heappush(self._due, (self.now() + timedelta(seconds=seconds), next(self._numbers), happen))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._set_timer)

    def settle(self) -> None:
        """Let everything happen that is due."""
        while self._due and self._due[0][0] <= self.now():
            heapq.heappop(self._due)[2]()

    def start(self) -> None:
        """Let things happen by themselves in the running loop, whoever's thread they are put down in."""
        self._loop = asyncio.get_running_loop()
        self._set_timer()

    def stop(self) -> None:
        """Let nothing happen by itself any more."""
        self._loop = None
        self._cancel_timer()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        self._cancel_timer()
        self.settle()
        if self._loop is not None and self._due:
            seconds = (self._due[0][0] - self.now()).total_seconds()
            self._timer = self._loop.call_later(max(seconds, _SHORTEST_SECONDS), self._set_timer)
