"""Rate limits, as AWS has them for each account and service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`burst` calls at once, then `rate` a second."""

    rate: float
    burst: int


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


class Throttles:
    """Buckets by pattern of operations. Each operation has its own, or with `is_shared` each pattern one."""

    def __init__(self, monotonic: Callable[[], float], *, is_shared: bool = False) -> None:
        self._monotonic = monotonic
        self._is_shared = is_shared
        self._buckets: dict[str, Throttle] = {}

    def admit(self, operation: str, limits: Mapping[str, RateLimit]) -> bool:
        """Take a token from the bucket of the first pattern that fits; True without any."""
        for pattern, limit in limits.items():
            if fnmatchcase(operation, pattern):
                key = pattern if self._is_shared else operation
                bucket = self._buckets.setdefault(key, Throttle(self._monotonic))
                return bucket.admits(limit.rate, limit.burst)
        return True
