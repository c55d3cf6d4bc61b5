"""What failed lately: why, how often in a row, and until when it rests. The one back-off of all daemons."""

import asyncio
import random
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from addons.runtime.backoff import Backoff
from addons.runtime.errors import OutsideError
from addons.runtime.outcomes import Blocked

K = TypeVar("K", bound=Hashable)


class _Entry:
    """The failures of one key in a row; `until` is loop time."""

    def __init__(self, backoff: Backoff) -> None:
        self.backoff = backoff
        self.failures = 0
        self.reason = ""
        self.message = ""
        self.until = 0.0


class Ledger(Generic[K]):
    """Failures by key, as data that the next plan reads.

    After a failure the key rests: for about `first` seconds, longer after each further failure in a row, at
    most `longest`, with jitter (see Backoff), and at least for as long as the other side asked. A success
    clears the key.
    """

    def __init__(
        self, *, first: float = 1.0, longest: float = 300.0, rng: random.Random | None = None
    ) -> None:
        self._first = first
        self._longest = longest
        self._rng = rng or random.Random()  # noqa: S311
        self._entries: dict[K, _Entry] = {}

    def failed(self, key: K, error: OutsideError) -> float:
        """Write a failure down; the seconds that the key rests."""
        return self._failed(key, error.reason, error.message, error.retry_after or 0.0)

    def crashed(self, key: K, message: str) -> float:
        """Write down a failure that is none of the outside world; the seconds that the key rests."""
        return self._failed(key, "Crashed", message, 0.0)

    def _failed(self, key: K, reason: str, message: str, at_least: float) -> float:
        if key not in self._entries:
            backoff = Backoff(self._rng, first=self._first, longest=self._longest, healthy=float("inf"))
            self._entries[key] = _Entry(backoff)
        entry, now = self._entries[key], _now()
        seconds = max(entry.backoff.next(now), at_least)
        entry.failures += 1
        entry.reason, entry.message = reason, message
        entry.until = now + seconds
        return seconds

    def succeeded(self, key: K) -> None:
        """Clear what was against a key: its action succeeded, or it is gone."""
        self._entries.pop(key, None)

    def blocked(self) -> dict[K, Blocked]:
        """The keys that must rest now."""
        now = _now()
        return {
            key: Blocked(entry.until - now, entry.message, entry.failures)
            for key, entry in self._entries.items()
            if entry.until > now
        }

    def rest(self, key: K) -> float:
        """Seconds that a key must still rest; 0.0 when it need not."""
        entry = self._entries.get(key)
        return max(0.0, entry.until - _now()) if entry else 0.0

    @property
    def errors(self) -> dict[K, str]:
        """What failed and has not succeeded since: key -> why, also when its rest is over."""
        return {key: entry.message for key, entry in self._entries.items()}

    @property
    def reasons(self) -> dict[K, str]:
        """The same as the code of the other side."""
        return {key: entry.reason for key, entry in self._entries.items()}

    def forget(self, is_gone: Callable[[K], bool]) -> None:
        """Drop the keys that no longer exist in the world."""
        for key in [key for key in self._entries if is_gone(key)]:
            del self._entries[key]


def _now() -> float:
    return asyncio.get_running_loop().time()
