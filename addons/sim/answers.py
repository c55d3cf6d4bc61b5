"""What an authoritative server knows of a name: RFC 1034 section 4.3.2 over the zones of Route 53.

No wire format here: names are the texts of `route53.names`, values those of the record sets.
"""

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from addons.sim.aws.route53.model import RecordSet
from addons.sim.aws.route53.names import is_within, parse_name
from addons.sim.aws.route53.zone import Zone

Code = Literal["NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL"]
Sets = Mapping[tuple[str, str], RecordSet]

ALIAS_TTL_SECONDS = 60
_MAX_STEPS = 16
_MAX_MULTIVALUE = 8


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one name and type, as they go into a section of a reply."""

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]


@dataclass(slots=True)
class Answer:
    """The sections of a reply. `authoritative` is false where a zone is delegated away."""

    code: Code = "NOERROR"
    answer: list[Records] = field(default_factory=list)
    authority: list[Records] = field(default_factory=list)
    authoritative: bool = True


class _Loop(Exception):
    """CNAMEs or aliases lead on for too long."""


@dataclass(frozen=True)
class Lookup:
    """One look at the zones, as they are now.

    `outside` gives the addresses of names that no zone holds, a load balancer's for instance.
    A record set whose health check is in `unhealthy` is left out while it has a healthy sibling.
    """

    zones: Sequence[Zone]
    outside: Mapping[str, Sequence[str]]
    unhealthy: Collection[str]
    random: random.Random

    def answer(self, name: str, type_: str) -> Answer:
        """Answer a question for a parsed name."""
        answer = Answer()
        try:
            self._follow(answer, name, type_)
        except _Loop:
            return Answer("SERVFAIL")
        return answer

    def _follow(self, answer: Answer, name: str, type_: str) -> None:
        for _ in range(_MAX_STEPS):
            zone = self._zone_of(name)
            if zone is None:
                self._answer_outside(answer, name, type_)
                return
            if cut := _delegation(zone, name):
                answer.authority += [_plain(cut.name, cut)]
                answer.authoritative = bool(answer.answer)
                return
            sets = _find(zone, name)
            cname = self._pick(sets, "CNAME") if type_ not in ("CNAME", "ANY") else ()
            if not cname:
                self._answer_here(answer, zone, sets, name, type_)
                return
            records = self._expand(name, cname[0])
            answer.answer += records
            if not records:
                answer.authority += [_soa(zone)]
                return
            name = parse_name(records[0].values[0])
        raise _Loop

    def _answer_outside(self, answer: Answer, name: str, type_: str) -> None:
        if records := self._outside_records(name, name, type_):
            answer.answer += [records]
        elif not answer.answer and name not in self.outside:
            answer.code, answer.authoritative = "REFUSED", False

    def _answer_here(self, answer: Answer, zone: Zone, sets: Sets | None, name: str, type_: str) -> None:
        if sets is None:
            answer.code = "NXDOMAIN"
        types = sorted({its_type for its_type, _ in sets or ()}) if type_ == "ANY" else [type_]
        found = [
            records
            for wanted in types
            for records in _merge(
                expanded for item in self._pick(sets, wanted) for expanded in self._expand(name, item)
            )
        ]
        answer.answer += found
        if not found:
            answer.authority += [_soa(zone)]

    def _zone_of(self, name: str) -> Zone | None:
        """Give the closest zone; of a public and a private one of the same name, the private one."""
        around = [zone for zone in self.zones if is_within(name, zone.name)]
        return max(around, key=lambda zone: (len(zone.name), zone.private), default=None)

    def _pick(self, sets: Sets | None, type_: str) -> Sequence[RecordSet]:
        """Choose, as the routing policy says, which record sets of a type answer this time."""
        found = [item for (its_type, _), item in (sets or {}).items() if its_type == type_]
        healthy = [item for item in found if item.health_check_id not in self.unhealthy]
        choice = healthy or found
        if len(choice) < 2 or choice[0].multivalue:
            return choice[:_MAX_MULTIVALUE]
        if choice[0].weight is not None:
            return self._pick_weighted(choice)
        return [min(choice, key=_preference)]

    def _pick_weighted(self, choice: Sequence[RecordSet]) -> Sequence[RecordSet]:
        weights = [item.weight or 0 for item in choice]
        return self.random.choices(choice, weights if any(weights) else None)

    def _expand(self, name: str, item: RecordSet, steps: int = 0) -> list[Records]:
        """Give what a record set says under `name`; an alias says what its target says."""
        if item.alias is None:
            return [_plain(name, item)]
        if steps == _MAX_STEPS:
            raise _Loop
        target = item.alias.dns_name
        zone = self._zone_of(target)
        if zone is None:
            records = self._outside_records(name, target, item.type)
            return [records] if records else []
        return [
            records
            for found in self._pick(_find(zone, target), item.type)
            for records in self._expand(name, found, steps + 1)
        ]

    def _outside_records(self, name: str, target: str, type_: str) -> Records | None:
        addresses = self.outside.get(target, ())
        values = tuple(address for address in addresses if (":" in address) == (type_ == "AAAA"))
        if type_ not in ("A", "AAAA") or not values:
            return None
        return Records(name, type_, ALIAS_TTL_SECONDS, values)


def _find(zone: Zone, name: str) -> Sets | None:
    """Give the record sets that speak for a name, a wildcard's if need be; None: there is no such name.

    An empty mapping is an empty non-terminal: the name exists, since something lies below it. A wildcard
    speaks only directly below the closest name that exists (RFC 4592 section 3.3.1).
    """
    if sets := zone.at(name):
        return sets
    if zone.has_below(name):
        return {}
    encloser = name
    while encloser != zone.name:
        encloser = encloser.partition(".")[2]
        if zone.at(encloser) or zone.has_below(encloser):
            break
    return zone.at(f"\\052.{encloser}") or None


def _delegation(zone: Zone, name: str) -> RecordSet | None:
    """Give the NS record set at a zone cut on the way from the apex to the name."""
    cut = None
    while name != zone.name:
        cut = zone.at(name).get(("NS", "")) or cut
        name = name.partition(".")[2]
    return cut


def _preference(item: RecordSet) -> tuple[bool, bool, str]:
    """Order siblings of a policy that asks where the client is, which nobody knows here: defaults first."""
    place = item.geo_location
    return item.failover == "SECONDARY", place is not None and place.country != "*", item.set_id


def _merge(parts: Iterable[Records]) -> Iterator[Records]:
    """Make one record set of multivalue siblings: they have one name and type on the wire."""
    found = list(parts)
    if found:
        values = dict.fromkeys(value for records in found for value in records.values)
        yield replace(found[0], ttl=min(records.ttl for records in found), values=tuple(values))


def _plain(name: str, item: RecordSet) -> Records:
    return Records(name, item.type, item.ttl or 0, item.values)


def _soa(zone: Zone) -> Records:
    """Give the SOA for a negative answer, its TTL no longer than its last field (RFC 2308 section 3)."""
    item = zone.at(zone.name)["SOA", ""]
    minimum = int(item.values[0].split()[-1])
    return Records(zone.name, "SOA", min(item.ttl or 0, minimum), item.values)
