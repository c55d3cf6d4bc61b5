"""The endpoints of all objects, kept by zone and name, so that an event costs only the names it touches."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from addons.dns.desired.holds import Holds
from addons.dns.model.endpoint import Desired, Endpoint
from addons.dns.model.zones import ZoneFinder

Object = tuple[str, str, str]
"""Kind, namespace and name."""


class EndpointIndex:
    """Who asks for what, and which names have changed since a zone was planned last.

    A name may belong to several zones (public and private) and to none; those of no zone are kept until a
    zone for them appears. The times are those of the caller's clock, in seconds; they matter for endpoints
    that are held when their object makes them no longer.
    """

    def __init__(self) -> None:
        self._finder = ZoneFinder(())
        self._objects: dict[Object, Desired] = {}
        self._names: dict[str, tuple[Endpoint, ...]] = {}
        self._zones: dict[str, dict[str, tuple[Endpoint, ...]]] = {}
        self._dirty: dict[str, set[str]] = {}
        self._homeless: set[str] = set()
        self._pinned: dict[str, set[str]] = {}
        self._holds = Holds()
        self.outside: Counter[str] = Counter()
        """How many names lie outside the domain filter, by the kind of the objects that ask for them."""

    def put(self, owner: Object, endpoints: Desired, now: float = 0.0) -> set[str]:
        """Replace the endpoints of one object; the ids of the zones in which names changed."""
        old = self._objects.get(owner, Desired())
        if old == endpoints:
            return set()
        if endpoints == Desired():
            del self._objects[owner]
        else:
            self._objects[owner] = endpoints
        self.outside[owner[0]] += len(endpoints.outside) - len(old.outside)
        return self._reclaim(old.endpoints, endpoints.endpoints, now)

    def release(self, now: float) -> set[str]:
        """Give up what was to be held until now or earlier; the ids of the zones in which names changed."""
        zones: set[str] = set()
        for name, ended in self._holds.release(now).items():
            rest = tuple(endpoint for endpoint in self._names[name] if endpoint not in ended)
            zones.update(self._file(name, rest))
        return zones

    @property
    def next_release(self) -> float:
        """When something that is held ends next; infinite when nothing is held."""
        return self._holds.next_release

    def route(self, finder: ZoneFinder) -> None:
        """Find the zones of all names anew, because zones came or went. Leaves every name unplanned."""
        self._finder = finder
        self._zones.clear()
        self._dirty.clear()
        self._homeless.clear()
        self._pinned.clear()
        for name, endpoints in self._names.items():
            self._place(name, endpoints)

    def wanted(self, zone_id: str) -> Mapping[str, Sequence[Endpoint]]:
        """The endpoints in one zone, by name."""
        return self._zones.get(zone_id, {})

    def take_dirty(self, zone_id: str) -> set[str]:
        """The names of the zone that changed since they were taken last."""
        return self._dirty.pop(zone_id, set())

    def outside_of(self, owner: Object) -> tuple[str, ...]:
        """The names outside the domain filter that one object asks for."""
        return self._objects.get(owner, Desired()).outside

    def example_outside(self, kind: str) -> Object | None:
        """An object of this kind that asks for a name outside the domain filter."""
        found = (
            owner for owner, endpoints in self._objects.items() if owner[0] == kind and endpoints.outside
        )
        return next(found, None)

    def homeless_names(self) -> list[str]:
        """The names that no zone is there for."""
        return sorted(self._homeless)

    def homeless(self, name: str) -> list[Endpoint]:
        """The endpoints to a name that no zone is there for; none when there is one."""
        if name not in self._homeless:
            return []
        return [endpoint for endpoint in self._names[name] if not self._finder.find(name, endpoint.zone_id)]

    def __len__(self) -> int:
        return len(self._names)

    def _reclaim(self, old: Sequence[Endpoint], new: Sequence[Endpoint], now: float) -> set[str]:
        changed = {endpoint.name for endpoint in set(old).symmetric_difference(new)}
        gone, come = set(old).difference(new), _by_name(set(new).difference(old))
        gone_by_name = _by_name(gone)
        zones: set[str] = set()
        for name in changed:
            void = gone | self._holds.held(name)
            rest = self._names.get(name, ())
            if void:
                rest = tuple(endpoint for endpoint in rest if endpoint not in void)
            asked = rest + tuple(come.get(name, ()))
            endpoints = self._holds.update(name, asked, gone_by_name.get(name, ()), now)
            zones.update(self._file(name, endpoints))
        return zones

    def _file(self, name: str, endpoints: tuple[Endpoint, ...]) -> tuple[str, ...]:
        if endpoints:
            self._names[name] = endpoints
        else:
            self._names.pop(name, None)
        return self._place(name, endpoints)

    def _place(self, name: str, endpoints: tuple[Endpoint, ...]) -> tuple[str, ...]:
        """File the endpoints under their zones; the ids of all zones in which something may have changed."""
        usual = self._finder.find(name)
        by_zone: dict[str, tuple[Endpoint, ...]] = dict.fromkeys(usual, ())
        by_zone.update((zone_id, ()) for zone_id in self._pinned.pop(name, ()))
        is_homeless = False
        for pin in dict.fromkeys(endpoint.zone_id for endpoint in endpoints):
            zone_ids = self._finder.find(name, pin) if pin else usual
            is_homeless |= not zone_ids
            for zone_id in zone_ids:
                pinned = tuple(endpoint for endpoint in endpoints if endpoint.zone_id == pin)
                by_zone[zone_id] = (*by_zone.get(zone_id, ()), *pinned)
            if pin:
                self._pinned.setdefault(name, set()).update(zone_ids)
        for zone_id, found in by_zone.items():
            wanted = self._zones.setdefault(zone_id, {})
            if found:
                wanted[name] = found
            else:
                wanted.pop(name, None)
            self._dirty.setdefault(zone_id, set()).add(name)
        if is_homeless:
            self._homeless.add(name)
        else:
            self._homeless.discard(name)
        return tuple(by_zone)


def _by_name(endpoints: Iterable[Endpoint]) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        found.setdefault(endpoint.name, []).append(endpoint)
    return found
