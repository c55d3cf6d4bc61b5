"""What must rest for a while: records whose object has lost its targets, and records that flap."""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, created
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


def _recent(times: Iterable[datetime], now: datetime) -> list[datetime]:
    return [time for time in times if time > now - _WINDOW]
