"""Which names of a zone a pass is about, and when every name is due that is not as asked for."""

from collections.abc import Collection, Iterable, Iterator, Set
from contextlib import contextmanager


class Schedule:
    """What is left to do in each zone. All times are loop time, in seconds.

    | a pass | is about |
    |---|---|
    | between two full ones | the names whose endpoints changed since the last pass |
    | a full one | all names that may not be as asked for: those that changed, and those left unsettled |

    A name is unsettled while its records are not exactly as asked for (see `plan_zone`): its object has no
    targets, it rests after failures or because it flaps, the record is somebody else's, a delete is held. It
    is looked at in every full pass until it is settled. When a zone was read afresh, or hosted zones came or
    went, every name that exists or is asked for counts as unsettled.
    """

    def __init__(self) -> None:
        self._unsettled: dict[str, set[str]] = {}
        self._next_full: dict[str, float] = {}

    def __contains__(self, zone_id: object) -> bool:
        """True when it is known which names of the zone are unsettled."""
        return zone_id in self._unsettled

    def begin(self, zone_id: str, names: Iterable[str]) -> None:
        """Count all of these names as unsettled, and have a full pass made now."""
        self._unsettled[zone_id] = set(names)
        self._next_full[zone_id] = 0.0

    def forget(self) -> None:
        """Know nothing of any zone."""
        self._unsettled.clear()
        self._next_full.clear()

    def take(self, zone_id: str, changed: Set[str], now: float, interval: float) -> tuple[Set[str], bool]:
        """The names that a pass is about, and whether it is a full one; the next one is `interval` later.

        A name that changed counts as unsettled until a plan says otherwise, should this pass fail.
        """
        unsettled = self._unsettled[zone_id]
        unsettled |= changed
        if now < self.next_full(zone_id):
            return changed, False
        self._next_full[zone_id] = now + interval
        return frozenset(unsettled), True

    def settle(self, zone_id: str, planned: Set[str], unsettled: Collection[str]) -> None:
        """Note that all `planned` names are settled but those in `unsettled`, which may have others too."""
        if zone_id in self._unsettled:
            self._unsettled[zone_id] = (self._unsettled[zone_id] - planned).union(unsettled)

    def next_full(self, zone_id: str) -> float:
        """When the next full pass is due; 0 when it is due now."""
        return self._next_full.get(zone_id, 0.0)

    @contextmanager
    def again_unless_done(self, zone_id: str) -> Iterator[None]:
        """Have the next full pass over a zone made now, should what is done meanwhile raise anything."""
        is_done = False
        try:
            yield
            is_done = True
        finally:
            if not is_done:
                self.hasten(zone_id)

    def hasten(self, zone_id: str, at: float = 0.0) -> None:
        """Have the next full pass over a zone made at this time, if it is not due earlier."""
        self._next_full[zone_id] = min(self.next_full(zone_id), at)

    def hasten_all(self) -> None:
        """Have the next full pass over every zone made now."""
        self._next_full.clear()
