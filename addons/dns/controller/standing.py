"""How every zone and name stands: what failed lately, and may not be tried again yet."""

from collections.abc import Callable, Container, Mapping
from datetime import datetime, timedelta

from addons.runtime.errors import Invalid, OutsideError
from addons.runtime.outcomes import Blocked, Ledger


def zone_error(error: OutsideError | None) -> OutsideError | None:
    """The error, when it is none of a single name but of the zone or the whole account."""
    return None if error is None or isinstance(error, Invalid) else error


class Standing:
    """The ledger, and what is wrong at present in words: key -> message."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._now = now
        self.failures: dict[str, str] = {}

    def blocked(self) -> Mapping[str, Blocked]:
        """The keys that must rest now."""
        return self._ledger.blocked(self._now())

    def rest(self, key: str) -> float:
        """Seconds that `key` must rest still; 0.0 when it need not."""
        entry = self.blocked().get(key)
        return (entry.until - self._now()) / timedelta(seconds=1) if entry else 0.0

    def failed(self, key: str, error: OutsideError) -> float:
        """Have `key` rest; seconds until it may be tried again."""
        self._ledger.record(key, error, self._now())
        self.failures[key] = error.message
        return self.rest(key)

    def succeeded(self, key: str) -> None:
        """Clear what was against `key`."""
        self._ledger.record(key, None, self._now())
        self.failures.pop(key, None)

    def forget_names(self, zone_id: str, existing: Container[str]) -> None:
        """Drop the keys of names in a zone that are none of `existing`: not wanted, and not there."""

        def is_gone(key: str) -> bool:
            zone, slash, name = key.partition("#")[0].partition("/")
            return bool(slash) and zone == zone_id and name not in existing

        self._ledger.forget(is_gone)
        for key in [key for key in self.failures if is_gone(key)]:
            del self.failures[key]
