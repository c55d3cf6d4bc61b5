"""The endpoints of all objects, kept by zone and name, so that an event costs only the names it touches."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TypeVar

from msgspec.structs import replace

from addons.dns.model.endpoint import Desired, Endpoint, SourceObject, unusable
from addons.dns.model.objects import ObjectKey
from addons.dns.model.records import family
from addons.dns.model.zones import ZoneFinder

V = TypeVar("V")

_NO_ZONE = ""
"""In place of a zone id: the endpoints that no zone is there for."""


class EndpointIndex:
    """Which object asks for what, and which names have changed since a zone was planned last.

    A name may belong to several zones (public and private) and to none; those of no zone are kept until a
    zone for them appears. An endpoint with `hold_seconds` that its object no longer asks for is held for so
    long as one that only keeps: the successor of a pod may come. The times are those of the caller's clock,
    in seconds; they matter for such endpoints alone.
    """

    def __init__(self) -> None:
        self._finder = ZoneFinder(())
        self._objects: dict[ObjectKey, Desired] = {}
        self._asked: dict[str, tuple[Endpoint, ...]] = {}
        self._held: dict[str, dict[Endpoint, float]] = {}
        self._zones: dict[str, dict[str, Sequence[Endpoint]]] = {}
        self._changed: dict[str, set[str]] = {}
        self.unreadable: dict[str, SourceObject] = {}
        """The objects that ask for a name which cannot be read, by their names in ownership texts."""
        self.outside: Counter[str] = Counter()
        """How many names lie outside the domain filter, by the kind of the objects that ask for them."""

    def __len__(self) -> int:
        return len(self._asked.keys() | self._held.keys())

    def put(self, owner: ObjectKey, desired: Desired, now: float = 0.0) -> set[str]:
        """Replace what one object asks for; the ids of the zones in which names changed."""
        old = self._objects.get(owner, Desired())
        desired = _carried_over(old, desired)
        self._note_unreadable(old, desired)
        if old == desired:
            return set()
        if desired == Desired():
            del self._objects[owner]
        else:
            self._objects[owner] = desired
        self.outside[owner[0]] += len(desired.outside) - len(old.outside)
        gone = set(old.endpoints).difference(desired.endpoints)
        known = set(old.endpoints)
        left = _by_name(gone)
        added = _by_name(one for one in dict.fromkeys(desired.endpoints) if one not in known)
        zones: set[str] = set()
        for name in left.keys() | added.keys():
            before = self._at(name)
            kept = tuple(one for one in self._asked.get(name, ()) if one not in gone)
            asked = kept + tuple(added.get(name, ()))
            held = _held(self._held.get(name, {}), asked, left.get(name, ()), now)
            zones |= self._replace(name, before, asked, held)
        return zones

    def release(self, now: float) -> set[str]:
        """Give up what was to be held until now or earlier; the ids of the zones in which names changed."""
        zones: set[str] = set()
        for name in [name for name, held in self._held.items() if min(held.values()) <= now]:
            before = self._at(name)
            held = {endpoint: until for endpoint, until in self._held[name].items() if until > now}
            zones |= self._replace(name, before, self._asked.get(name, ()), held)
        return zones

    @property
    def next_release(self) -> float:
        """When something that is held ends next; infinite when nothing is held."""
        return min((until for held in self._held.values() for until in held.values()), default=float("inf"))

    def set_zones(self, finder: ZoneFinder) -> None:
        """Find the zones of all names anew, because zones came or went. Every name counts as changed."""
        self._finder = finder
        self._zones.clear()
        self._changed.clear()
        for name in self._asked.keys() | self._held.keys():
            self._file(name, {}, self._placed(name, self._at(name)))

    def in_zone(self, zone_id: str) -> Mapping[str, Sequence[Endpoint]]:
        """The endpoints in one zone, by name."""
        return self._zones.get(zone_id, {})

    def changed(self, zone_id: str) -> Set[str]:
        """The names of the zone that `take_changed` would give."""
        return self._changed.get(zone_id, frozenset())

    def take_changed(self, zone_id: str) -> set[str]:
        """The names of the zone that changed since they were taken last."""
        return self._changed.pop(zone_id, set())

    def without_zone(self) -> Mapping[str, Sequence[Endpoint]]:
        """The endpoints that no zone is there for, by name."""
        return self.in_zone(_NO_ZONE)

    def names_of(self, owner: ObjectKey) -> set[str]:
        """The names that one object asks for."""
        return {endpoint.name for endpoint in self._objects.get(owner, Desired()).endpoints}

    def outside_of(self, owner: ObjectKey) -> tuple[str, ...]:
        """The names outside the domain filter that one object asks for."""
        return self._objects.get(owner, Desired()).outside

    def example_outside(self, kind: str) -> ObjectKey | None:
        """An object of this kind that asks for a name outside the domain filter."""
        found = (owner for owner, desired in self._objects.items() if owner[0] == kind and desired.outside)
        return next(found, None)

    def _note_unreadable(self, old: Desired, new: Desired) -> None:
        if old.unreadable:
            del self.unreadable[old.unreadable.resource]
        if new.unreadable:
            self.unreadable[new.unreadable.resource] = new.unreadable

    def _at(self, name: str) -> tuple[Endpoint, ...]:
        """What is asked of a name, and what is held of it."""
        return (*self._asked.get(name, ()), *self._held.get(name, ()))

    def _replace(
        self,
        name: str,
        before: Sequence[Endpoint],
        asked: tuple[Endpoint, ...],
        held: dict[Endpoint, float],
    ) -> set[str]:
        """Put other endpoints in the place of those `before`; the ids of the zones of both."""
        _set(self._asked, name, asked)
        _set(self._held, name, held)
        return self._file(name, self._placed(name, before), self._placed(name, self._at(name)))

    def _placed(self, name: str, endpoints: Sequence[Endpoint]) -> dict[str, tuple[Endpoint, ...]]:
        """The endpoints by the ids of the zones that they belong to.

        One that means a zone which is not there is unusable in all zones that fit its name.
        """
        zones = {pin: self._finder.find(name, pin) for pin in {endpoint.zone_id for endpoint in endpoints}}
        placed: dict[str, list[Endpoint]] = {}
        for endpoint in endpoints:
            for zone_id in zones[endpoint.zone_id] or (_NO_ZONE,):
                placed.setdefault(zone_id, []).append(endpoint)
            if endpoint.zone_id and not zones[endpoint.zone_id]:
                for zone_id in self._finder.find(name):
                    placed.setdefault(zone_id, []).append(unusable(endpoint, kind=endpoint.type))
        return {zone_id: tuple(found) for zone_id, found in placed.items()}

    def _file(
        self, name: str, before: Mapping[str, object], after: Mapping[str, Sequence[Endpoint]]
    ) -> set[str]:
        zone_ids = before.keys() | after.keys()
        for zone_id in zone_ids:
            names = self._zones.setdefault(zone_id, {})
            if zone_id in after:
                names[name] = after[zone_id]
            else:
                del names[name]
            self._changed.setdefault(zone_id, set()).add(name)
        return zone_ids - {_NO_ZONE}


def _carried_over(old: Desired, new: Desired) -> Desired:
    """`new`, with what the object had asked for before it began to ask in a way that cannot be used.

    A record that several objects share was made for one of them; what the others have in it is known from
    here alone. It only keeps: nothing is made of it.
    """
    unclear = {endpoint.name for endpoint in new.endpoints if endpoint.is_unusable}
    if not (unclear or new.unreadable):
        return new
    usable = {_set_of(endpoint) for endpoint in new.endpoints if not endpoint.is_unusable}
    left = [
        replace(endpoint, keeps=True, hold_seconds=0)
        for endpoint in old.endpoints
        if not (endpoint.is_unusable or endpoint.is_pending)
        and (new.unreadable or endpoint.name in unclear)
        and _set_of(endpoint) not in usable
    ]
    return replace(new, endpoints=(*new.endpoints, *left))


def _set_of(endpoint: Endpoint) -> tuple[str, str, str]:
    return endpoint.name, endpoint.set_identifier, family(endpoint.type)


def _set(values: dict[str, V], name: str, value: V) -> None:
    """Keep a value, unless it is empty."""
    if value:
        values[name] = value
    else:
        values.pop(name, None)


def _by_name(endpoints: Iterable[Endpoint]) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        found.setdefault(endpoint.name, []).append(endpoint)
    return found


def _held(
    before: Mapping[Endpoint, float], asked: Iterable[Endpoint], gone: Iterable[Endpoint], now: float
) -> dict[Endpoint, float]:
    """What is held of a name, and until when, after `gone` have gone and with `asked` there.

    An endpoint is held only while nobody asks for the same record set: its successor stands alone.
    """
    held = dict(before)
    for endpoint in gone:
        if endpoint.hold_seconds and not endpoint.is_pending:
            held[replace(endpoint, keeps=True, hold_seconds=0)] = now + endpoint.hold_seconds
    taken = {endpoint.set_identifier for endpoint in asked}
    return {one: until for one, until in held.items() if one.set_identifier not in taken}
