"""The claims of all objects, kept by zone and name, so that an event costs only the names it touches."""

from collections.abc import Iterable, Mapping, Sequence

from addons.dns.model.claims import Claim, Claims
from addons.dns.model.zones import ZoneFinder
from addons.runtime.outcomes import ObjectRef

Object = tuple[str, str, str]
"""Kind, namespace and name."""


class ClaimBook:
    """Who asks for what, and which names have changed since a zone was planned last.

    A name may belong to several zones (public and private) and to none; those of no zone are kept until a
    zone for them appears.
    """

    def __init__(self) -> None:
        self._finder = ZoneFinder(())
        self._objects: dict[Object, Claims] = {}
        self._names: dict[str, tuple[Claim, ...]] = {}
        self._zones: dict[str, dict[str, tuple[Claim, ...]]] = {}
        self._dirty: dict[str, set[str]] = {}
        self._homeless: set[str] = set()

    def put(self, owner: Object, claims: Claims) -> set[str]:
        """Replace the claims of one object; the ids of the zones in which names changed."""
        old = self._objects.get(owner, Claims())
        if old == claims:
            return set()
        if claims == Claims():
            del self._objects[owner]
        else:
            self._objects[owner] = claims
        return self._reclaim(old.claims, claims.claims)

    def route(self, finder: ZoneFinder) -> None:
        """Find the zones of all names anew, because zones came or went. Leaves every name unplanned."""
        self._finder = finder
        self._zones.clear()
        self._dirty.clear()
        self._homeless.clear()
        for name, claims in self._names.items():
            self._place(name, claims)

    def wanted(self, zone_id: str) -> Mapping[str, Sequence[Claim]]:
        """The claims in one zone, by name."""
        return self._zones.get(zone_id, {})

    def take_dirty(self, zone_id: str) -> set[str]:
        """The names of the zone that changed since they were taken last."""
        return self._dirty.pop(zone_id, set())

    def homeless_names(self) -> list[str]:
        """The names that no zone is there for."""
        return sorted(self._homeless)

    def homeless(self, name: str) -> list[ObjectRef]:
        """The objects that ask for a name that no zone is there for; none when there is one."""
        return [claim.claimant.ref for claim in self._names[name]] if name in self._homeless else []

    def __len__(self) -> int:
        return len(self._names)

    def _reclaim(self, old: Sequence[Claim], new: Sequence[Claim]) -> set[str]:
        changed = {claim.name for claim in set(old).symmetric_difference(new)}
        gone, come = set(old).difference(new), _by_name(set(new).difference(old))
        zones: set[str] = set()
        for name in changed:
            rest = tuple(claim for claim in self._names.get(name, ()) if claim not in gone)
            claims = rest + tuple(come.get(name, ()))
            if claims:
                self._names[name] = claims
            else:
                self._names.pop(name, None)
            zones.update(self._place(name, claims))
        return zones

    def _place(self, name: str, claims: tuple[Claim, ...]) -> tuple[str, ...]:
        zone_ids = self._finder.find(name)
        for zone_id in zone_ids:
            wanted = self._zones.setdefault(zone_id, {})
            if claims:
                wanted[name] = claims
            else:
                wanted.pop(name, None)
            self._dirty.setdefault(zone_id, set()).add(name)
        if claims and not zone_ids:
            self._homeless.add(name)
        else:
            self._homeless.discard(name)
        return zone_ids


def _by_name(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    found: dict[str, list[Claim]] = {}
    for claim in claims:
        found.setdefault(claim.name, []).append(claim)
    return found
