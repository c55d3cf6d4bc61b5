"""A clock that does not jump: all that is judged by how long it has lasted would be over in one moment."""

from collections.abc import Callable
from datetime import UTC, datetime

_SLEW = 0.5
"""By so much of each second it may run faster or slower than seconds pass, until it shows the right time."""
_EXACT = 0.001


class SteadyClock:
    """Shows the time of day, and follows it slowly where that is set.

    Clocks are set when a machine wakes, or finds its time server late. An instance that boots would at once
    count as one that never joins, and a node that has just become idle as idle for long.
    `monotonic` gives seconds from any start.
    """

    def __init__(self, time_of_day: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._time_of_day = time_of_day
        self._monotonic = monotonic
        self._at = monotonic()
        self._offset = time_of_day().timestamp() - self._at

    def now(self) -> datetime:
        """The time, never earlier than it has shown before by more than a rounding."""
        at, shown = self._monotonic(), self._time_of_day()
        behind = shown.timestamp() - at - self._offset
        most = _SLEW * (at - self._at)
        self._at = at
        if abs(behind) <= most + _EXACT:
            self._offset += behind
            return shown
        self._offset += most if behind > 0 else -most
        return datetime.fromtimestamp(at + self._offset, UTC)
