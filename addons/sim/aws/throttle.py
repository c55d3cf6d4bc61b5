"""Rate limits, as AWS has them for each account and service."""

from collections.abc import Callable


class Throttle:
    """A token bucket: `burst` calls at once, then `rate` a second."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._spent = 0.0
        self._seen = monotonic()

    def admits(self, rate: float | None, burst: int) -> bool:
        """Take a token; False when there is none. No rate admits everything."""
        now = self._monotonic()
        if rate is None:
            self._spent, self._seen = 0.0, now
            return True
        self._spent, self._seen = max(0.0, self._spent - (now - self._seen) * rate), now
        if self._spent + 1 > burst:
            return False
        self._spent += 1
        return True
