"""What plans must know of the past: lost targets, records that flap, ownership texts without a record."""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Set
from datetime import UTC, datetime, timedelta

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, created
from addons.dns.model.records import RecordKey, Zone
from addons.dns.model.registry import Registry
from addons.dns.plan.records import Written
from addons.runtime.outcomes import Outcome, Skip

_WINDOW = timedelta(minutes=10)
_MOST = 5


class TargetHolds:
    """Until when records are kept although their object has no targets: the key of the records -> the end."""

    def __init__(self, length: timedelta, now: Callable[[], datetime]) -> None:
        self._length = length
        self._now = now
        self.ends: dict[str, datetime] = {}

    def follow(self, skips: Iterable[Skip], planned: Container[str]) -> None:
        """Begin a hold for what has just lost its targets; end those of what has some again.

        `planned` has the keys that the skips are about.
        """
        waiting = {skip.key for skip in skips if skip.reason == reasons.NO_TARGETS}
        for key in [key for key in self.ends if key not in waiting and key in planned]:
            del self.ends[key]
        for key in waiting:
            self.ends.setdefault(key, self._now() + self._length)


class Flapping:
    """Which records were given the same more than five times within ten minutes.

    Different contents are no flapping: behind a headless Service every restart of a pod makes new ones.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._times: dict[Written, list[datetime]] = {}
        self._often: set[Written] = set()
        self._cleaned = datetime.min.replace(tzinfo=UTC)

    def count(self, outcomes: Iterable[Outcome[ChangeGroup]]) -> None:
        """Count what was written."""
        now = self._now()
        if now - self._cleaned > _WINDOW:
            self._forget(now)
        for outcome in outcomes:
            if outcome.ok and (content := created(outcome.action.changes)):
                written = (outcome.action.key, content)
                times = self._times.setdefault(written, [])
                times[:] = [*_recent(times, now), now]
                if len(times) > _MOST:
                    self._often.add(written)

    def resting(self) -> Mapping[Written, datetime]:
        """What may not be written once more -> until when."""
        now = self._now()
        self._often = {written for written in self._often if _recent(self._times.get(written, []), now)}
        return {written: self._times[written][-1] + _WINDOW for written in self._often}

    def _forget(self, now: datetime) -> None:
        self._cleaned = now
        self._times = {written: times for written, times in self._times.items() if _recent(times, now)}


class VoidTexts:
    """Remembers orphaned texts, so that a record that comes to stand beside one is not taken for ours.

    A text proves something again when we have made its record. What was seen is lost with the process.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._found: dict[str, set[RecordKey]] = {}

    def of(self, zone_id: str) -> Set[RecordKey]:
        """The keys of the void texts of one zone."""
        return self._found.get(zone_id, set())

    def follow(
        self, zone: Zone, orphans: Collection[RecordKey], outcomes: Iterable[Outcome[ChangeGroup]]
    ) -> None:
        """Note the orphans that a plan was made with, and forget those whose record or text we changed."""
        if void := self._found.get(zone.id, set()).union(orphans):
            for outcome in outcomes:
                if outcome.ok:
                    void.difference_update(self._settled(zone, outcome.action))
            self._found[zone.id] = void

    def _settled(self, zone: Zone, group: ChangeGroup) -> Iterable[RecordKey]:
        for change in group.changes:
            record = change.record
            yield record.key
            if change.action == "CREATE":
                name = self._registry.txt_name(record.name, record.type, zone.name)
                yield name, "TXT", record.set_identifier
                for name in self._registry.legacy_txt_names(record):
                    yield name, "TXT", record.set_identifier


def _recent(times: Iterable[datetime], now: datetime) -> list[datetime]:
    return [time for time in times if time > now - _WINDOW]
