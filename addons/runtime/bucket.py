"""A client-side limit of the rate of calls, which gives way when the other side throttles."""

import asyncio
from dataclasses import dataclass

_TOGETHER_SECONDS = 1.0
"""Refusals so soon after one another are one message: the calls were under way together."""

_RECOVERY_SECONDS = 20.0
"""Time in which the rate climbs from nothing to its full height."""

_LEAST_PART = 1 / 16
"""Of the full rate: the rate never falls below it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls per second on average, and how many may come at once.

    botocore sends a call `attempts` times, which hides refusals; one that is throttled is made `tries` times.
    """

    per_second: float
    burst: int
    attempts: int = 1
    tries: int = 5


class Bucket:
    """Tokens that drop in at a rate; each call takes one, in the order of asking.

    A refusal halves the rate and empties the bucket; the rate then climbs back steadily, so that several
    clients of one account find their shares (additive increase, multiplicative decrease).
    """

    def __init__(self, rate: Rate) -> None:
        self._full = rate.per_second
        self._burst = rate.burst
        self._tokens = float(rate.burst)
        self._lock = asyncio.Lock()
        self._updated = 0.0
        self._slowed = float("-inf")
        self.per_second = rate.per_second
        """The rate in force."""
        self.tries = rate.tries

    async def take(self) -> float:
        """Wait for a token; give the seconds that it took."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._lock:
            self._fill(loop.time())
            while self._tokens < 1:
                # A little more than needed: a rounded timer that fires early would have to be set again.
                await asyncio.sleep((1 - self._tokens) / self.per_second + 1e-6)
                self._fill(loop.time())
            self._tokens -= 1
        return loop.time() - asked

    def slow_down(self) -> None:
        """Note that a call was refused."""
        now = asyncio.get_running_loop().time()
        self._fill(now)
        self._tokens = min(self._tokens, 0.0)
        if now - self._slowed >= _TOGETHER_SECONDS:
            self._slowed = now
            self.per_second = max(self.per_second / 2, self._full * _LEAST_PART)

    def _fill(self, now: float) -> None:
        passed = now - self._updated
        self._updated = now
        self._tokens = min(self._burst, self._tokens + passed * self.per_second)
        self.per_second = min(self._full, self.per_second + passed * self._full / _RECOVERY_SECONDS)
