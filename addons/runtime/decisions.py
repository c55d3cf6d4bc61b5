"""The newest decisions, to act or not to act, for the status page and `/api/decisions`."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import Counter

from addons.runtime.clock import utc_now
from addons.runtime.outcomes import ObjectRef

_DECISIONS = Counter("addons_decisions_total", "Decisions, to act or not to act.", ["action", "reason"])


class Decision(Struct, frozen=True, rename="camel"):
    """One decision; `time` is when it was taken last, `count` how often in all."""

    time: datetime
    key: str
    object: str
    action: str
    reason: str
    message: str
    retry_at: datetime | None = None
    count: int = 1


class Decisions:
    """Holds the newest `size` decisions. One that is taken again is told once: its time and count change."""

    def __init__(self, size: int = 1000, now: Callable[[], datetime] = utc_now) -> None:
        self._size = size
        self._now = now
        self._entries: dict[tuple[str, ...], Decision] = {}
        self.on_demand: Callable[[str], Iterable[Decision]] = lambda about: ()
        """Decisions on one object that are made out when somebody asks; not held, as there may be many."""

    def record(
        self,
        *,
        key: str,
        ref: ObjectRef | None,
        action: str,
        reason: str,
        message: str,
        retry_at: datetime | None = None,
    ) -> None:
        """Write a decision down; `reason` is its CamelCase code, `message` says it in words."""
        about = str(ref) if ref else ""
        identity = (key, about, action, reason, message)
        decision = Decision(self._now(), *identity, retry_at=retry_at)
        if known := self._entries.pop(identity, None):
            decision = replace(decision, count=known.count + 1)
        self._entries[identity] = decision
        if len(self._entries) > self._size:
            del self._entries[next(iter(self._entries))]
        _DECISIONS.labels(action, reason).inc()

    def newest(self, object: str = "", limit: int = 100) -> list[Decision]:  # noqa: A002
        """List the newest decisions, the latest first; with `object`, "service/ns/name", only those on it."""
        held = (entry for entry in reversed(self._entries.values()) if object in ("", entry.object))
        found = chain(self.on_demand(object) if object else (), held)
        return [entry for entry, _ in zip(found, range(limit), strict=False)]
