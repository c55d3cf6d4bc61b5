"""Stops asking a service that does not answer, and feels its way back."""

from random import Random

_FAILURES = 5
"""After so many failures in a row, whatever they were about, the service counts as away."""

_FIRST_SECONDS = 2.0
_LONGEST_SECONDS = 30.0


class Breaker:
    """Open after several failures in a row: no call then, but one from time to time to see.

    Times are those of the event loop. The pauses grow, and are never quite the same on two nodes.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._failures = 0
        self._closed_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether the service counts as away."""
        return self._failures >= _FAILURES

    def pause(self, now: float) -> float:
        """Seconds until the next call may be made; 0 for at once."""
        return max(0.0, self._closed_at - now) if self.is_open else 0.0

    def begin(self, now: float) -> None:
        """Note that a call is made; while open it is the only one for some time."""
        if self.is_open:
            self._closed_at = now + self._wait()

    def succeed(self) -> None:
        """Note that the service has answered, be it with a refusal."""
        self._failures = 0

    def fail(self, now: float) -> None:
        """Note that a call got no answer, or was told to come back later."""
        self._failures += 1
        if self.is_open:
            self._closed_at = now + self._wait()

    def _wait(self) -> float:
        grown = _FIRST_SECONDS * 2.0 ** min(self._failures - _FAILURES, 10)
        return min(grown, _LONGEST_SECONDS) * self._rng.uniform(0.75, 1.0)
