"""A token bucket that learns: it slows down when the other side throttles, and recovers step by step."""

import asyncio
from typing import NamedTuple

_SLOWEST = 0.1
_STEP = 0.05


class Rate(NamedTuple):
    """How often something may happen: `per_second` in the long run, `burst` at once."""

    per_second: float
    burst: int = 1


class Bucket:
    """Makes callers wait so that `rate` is kept, in the order in which they came.

    Additive increase, multiplicative decrease: each throttled call halves the rate, down to a tenth; each
    successful one gives back a twentieth of what is configured.
    """

    def __init__(self, rate: Rate) -> None:
        self._configured = rate
        self._per_second = rate.per_second
        self._tokens = float(rate.burst)
        self._counted_at: float | None = None

    @property
    def per_second(self) -> float:
        """The rate at present."""
        return self._per_second

    async def take(self) -> float:
        """Wait for a turn, and give the seconds that it took. A cancelled wait gives its turn back."""
        self._refill()
        self._tokens -= 1
        if self._tokens >= 0:
            return 0.0
        wait = -self._tokens / self._per_second
        try:
            await asyncio.sleep(wait)
        except asyncio.CancelledError:
            self._tokens += 1
            raise
        return wait

    def slow_down(self) -> None:
        """Note that the other side throttled a call: halve the rate, and let no burst follow."""
        self._refill()
        self._per_second = max(self._per_second / 2, self._configured.per_second * _SLOWEST)
        self._tokens = min(self._tokens, 0.0)

    def speed_up(self) -> None:
        """Note that a call passed."""
        if self._per_second < self._configured.per_second:
            self._refill()
            step = self._configured.per_second * _STEP
            self._per_second = min(self._per_second + step, self._configured.per_second)

    def _refill(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._counted_at is not None:
            earned = (now - self._counted_at) * self._per_second
            self._tokens = min(self._tokens + earned, float(self._configured.burst))
        self._counted_at = now
