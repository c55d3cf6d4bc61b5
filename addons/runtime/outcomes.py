"""The values in which a daemon tells what happened: problem, skip, outcome, and the ledger of failures."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from addons.runtime.errors import OutsideError

Action = TypeVar("Action")


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Names one Kubernetes object, for messages, decisions and Events."""

    kind: str
    namespace: str
    name: str
    uid: str = field(default="", compare=False)
    api_version: str = field(default="v1", compare=False)

    def __str__(self) -> str:
        parts = (self.kind.lower(), self.namespace, self.name)
        return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A fault in somebody's object. It costs that object only, never its neighbours."""

    ref: ObjectRef
    reason: str
    message: str


@dataclass(frozen=True, slots=True, order=True)
class Skip:
    """A decision not to act, with the reason in words, and the time of the next try where there is one."""

    key: str
    ref: ObjectRef | None
    reason: str
    message: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Action]):
    """The result of one action."""

    action: Action
    error: OutsideError | None = None

    @property
    def ok(self) -> bool:
        """True when the action was carried out."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Blocked:
    """A key that is not to be tried before `until`, and why."""

    until: datetime
    message: str
    failures: int


class Ledger:
    """Recent failures per key, as data that the next plan reads.

    The n-th failure in a row blocks its key for `first * 2**(n-1)`, at most `longest`; a success clears it.
    """

    def __init__(
        self, *, first: timedelta = timedelta(seconds=5), longest: timedelta = timedelta(minutes=10)
    ) -> None:
        self._first = first
        self._longest = longest
        self._entries: dict[str, Blocked] = {}

    def record(self, key: str, error: OutsideError | None, now: datetime) -> None:
        """Write down how the latest action on `key` ended; `error` is None for a success."""
        if error is None:
            self._entries.pop(key, None)
            return
        failures = self._entries[key].failures + 1 if key in self._entries else 1
        wait = min(self._first * 2 ** min(failures - 1, 20), self._longest)
        if error.retry_after is not None:
            wait = max(wait, timedelta(seconds=error.retry_after))
        self._entries[key] = Blocked(now + wait, error.message, failures)

    def blocked(self, now: datetime) -> dict[str, Blocked]:
        """The keys that must rest at `now`."""
        return {key: entry for key, entry in self._entries.items() if entry.until > now}

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """Drop the entries whose key no longer exists in the world."""
        for key in [key for key in self._entries if is_gone(key)]:
            del self._entries[key]
