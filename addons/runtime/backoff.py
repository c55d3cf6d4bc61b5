"""How long to wait after failures in a row: longer each time, and never in step with the others."""

import random


class Backoff:
    """Decorrelated jitter between `first` and `longest` seconds.

    Each wait is drawn between `first` and three times the one before, so that clients that failed together
    come back apart. After `healthy` seconds without a failure it starts anew.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        first: float = 0.8,
        longest: float = 30.0,
        healthy: float = 120.0,
    ) -> None:
        self._rng = rng
        self._first = first
        self._longest = longest
        self._healthy = healthy
        self._wait = first
        self._resumed_at = float("-inf")

    def next(self, now: float) -> float:
        """Seconds to wait after a failure at `now`, in monotonic seconds."""
        if now - self._resumed_at >= self._healthy:
            self._wait = self._first
        self._wait = min(self._longest, self._rng.uniform(self._first, 3 * self._wait))
        self._resumed_at = now + self._wait
        return self._wait
