"""The claims of all objects, kept by zone and name, so that an event costs only the names it touches."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from addons.dns.desired.holds import Holds
from addons.dns.model.claims import Claim, Claims
from addons.dns.model.zones import ZoneFinder

Object = tuple[str, str, str]
"""Kind, namespace and name."""


class ClaimBook:
    """Who asks for what, and which names have changed since a zone was planned last.

    A name may belong to several zones (public and private) and to none; those of no zone are kept until a
    zone for them appears. The times are those of the caller's clock, in seconds; they matter only for claims
    that are held when their object makes them no longer.
    """

    def __init__(self) -> None:
        self._finder = ZoneFinder(())
        self._objects: dict[Object, Claims] = {}
        self._names: dict[str, tuple[Claim, ...]] = {}
        self._zones: dict[str, dict[str, tuple[Claim, ...]]] = {}
        self._dirty: dict[str, set[str]] = {}
        self._homeless: set[str] = set()
        self._pinned: dict[str, set[str]] = {}
        self._holds = Holds()
        self.outside: Counter[str] = Counter()
        """How many names lie outside the domain filter, by the kind of the objects that ask for them."""

    def put(self, owner: Object, claims: Claims, now: float = 0.0) -> set[str]:
        """Replace the claims of one object; the ids of the zones in which names changed."""
        old = self._objects.get(owner, Claims())
        if old == claims:
            return set()
        if claims == Claims():
            del self._objects[owner]
        else:
            self._objects[owner] = claims
        self.outside[owner[0]] += len(claims.outside) - len(old.outside)
        return self._reclaim(old.claims, claims.claims, now)

    def release(self, now: float) -> set[str]:
        """Give up what was to be held until now or earlier; the ids of the zones in which names changed."""
        zones: set[str] = set()
        for name, ended in self._holds.release(now).items():
            rest = tuple(claim for claim in self._names[name] if claim not in ended)
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
        for name, claims in self._names.items():
            self._place(name, claims)

    def wanted(self, zone_id: str) -> Mapping[str, Sequence[Claim]]:
        """The claims in one zone, by name."""
        return self._zones.get(zone_id, {})

    def take_dirty(self, zone_id: str) -> set[str]:
        """The names of the zone that changed since they were taken last."""
        return self._dirty.pop(zone_id, set())

    def outside_of(self, owner: Object) -> tuple[str, ...]:
        """The names outside the domain filter that one object asks for."""
        return self._objects.get(owner, Claims()).outside

    def example_outside(self, kind: str) -> Object | None:
        """An object of this kind that asks for a name outside the domain filter."""
        found = (owner for owner, claims in self._objects.items() if owner[0] == kind and claims.outside)
        return next(found, None)

    def homeless_names(self) -> list[str]:
        """The names that no zone is there for."""
        return sorted(self._homeless)

    def homeless(self, name: str) -> list[Claim]:
        """The claims to a name that no zone is there for; none when there is one."""
        if name not in self._homeless:
            return []
        return [claim for claim in self._names[name] if not self._finder.find(name, claim.zone_id)]

    def __len__(self) -> int:
        return len(self._names)

    def _reclaim(self, old: Sequence[Claim], new: Sequence[Claim], now: float) -> set[str]:
        changed = {claim.name for claim in set(old).symmetric_difference(new)}
        gone, come = set(old).difference(new), _by_name(set(new).difference(old))
        gone_by_name = _by_name(gone)
        zones: set[str] = set()
        for name in changed:
            void = gone | self._holds.held(name)
            rest = self._names.get(name, ())
            if void:
                rest = tuple(claim for claim in rest if claim not in void)
            asked = rest + tuple(come.get(name, ()))
            claims = self._holds.update(name, asked, gone_by_name.get(name, ()), now)
            zones.update(self._file(name, claims))
        return zones

    def _file(self, name: str, claims: tuple[Claim, ...]) -> tuple[str, ...]:
        if claims:
            self._names[name] = claims
        else:
            self._names.pop(name, None)
        return self._place(name, claims)

    def _place(self, name: str, claims: tuple[Claim, ...]) -> tuple[str, ...]:
        """File the claims under their zones; the ids of all zones in which something may have changed."""
        usual = self._finder.find(name)
        by_zone: dict[str, tuple[Claim, ...]] = dict.fromkeys(usual, ())
        by_zone.update((zone_id, ()) for zone_id in self._pinned.pop(name, ()))
        is_homeless = False
        for pin in dict.fromkeys(claim.zone_id for claim in claims):
            zone_ids = self._finder.find(name, pin) if pin else usual
            is_homeless |= not zone_ids
            for zone_id in zone_ids:
                pinned = tuple(claim for claim in claims if claim.zone_id == pin)
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


def _by_name(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    found: dict[str, list[Claim]] = {}
    for claim in claims:
        found.setdefault(claim.name, []).append(claim)
    return found
