"""Record sets and zones as Route 53 holds them."""

import json
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, ip_address

from msgspec import Struct

MANAGED_TYPES = ("A", "AAAA", "CNAME")
"""The kinds of data records this daemon writes unless the settings say otherwise; others are left alone."""


def family(record_type: str) -> str:
    """Record types of one family go to one object together; families are decided apart from each other.

    Addresses, CNAMEs and what has no target yet are one family, named by the empty text: they are what a name
    leads to. Every other type stands by itself, so that an MX of one object goes well with an A of another.
    """
    return "" if record_type in MANAGED_TYPES else record_type


class Alias(Struct, frozen=True, gc=False):
    """A pointer to an AWS resource in place of values and a TTL."""

    zone_id: str
    name: str
    evaluate_target_health: bool


RecordKey = tuple[str, str, str]
"""Name, type and set identifier."""


class RecordSet(Struct, frozen=True, gc=False):
    """One record set, with its values spelled exactly as Route 53 holds them: a delete must repeat them.

    `routing` is the routing policy without interpretation, as sorted pairs of (field of the API, its JSON
    text), so that a policy this daemon knows nothing about survives a round trip. `ttl` is 0 with an alias.
    """

    name: str
    type: str
    ttl: int
    values: tuple[str, ...] = ()
    set_identifier: str = ""
    alias: Alias | None = None
    routing: tuple[tuple[str, str], ...] = ()
    health_check_id: str = ""

    @property
    def key(self) -> RecordKey:
        """What makes a record set unique within its zone."""
        return self.name, self.type, self.set_identifier

    @property
    def target(self) -> str:
        """What the name leads to, in words."""
        return f"alias {self.alias.name}" if self.alias else ", ".join(self.values)

    def __str__(self) -> str:
        return f"{self.type} {self.name} -> {self.target}"


def is_same(one: RecordSet, other: RecordSet) -> bool:
    """True when both answer queries alike, whatever the order of values, case, and spelling of IPv6."""
    return one == other or (
        one.key == other.key
        and one.ttl == other.ttl
        and _alias_meaning(one.alias) == _alias_meaning(other.alias)
        and routing_meaning(one.routing) == routing_meaning(other.routing)
        and one.health_check_id == other.health_check_id
        and meaning(one.type, one.values) == meaning(other.type, other.values)
    )


def meaning(record_type: str, values: Iterable[str]) -> frozenset[str]:
    """The values of a record with every spelling of one thing made equal."""
    if record_type == "AAAA":
        return frozenset(_address_meaning(value) for value in values)
    if record_type == "CNAME":
        return frozenset(value.lower().removesuffix(".") for value in values)
    if record_type == "TLSA":
        return frozenset(value.lower() for value in values)
    return frozenset(values)


def _address_meaning(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        return value


def _alias_meaning(alias: Alias | None) -> Alias | None:
    if alias is None:
        return None
    name = alias.name.lower().removesuffix(".").removeprefix("dualstack.")
    return Alias(alias.zone_id, name, alias.evaluate_target_health)


def routing_meaning(routing: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The policy without a bias of nothing, which Route 53 may or may not spell out."""
    return tuple((field, _unbiased(text) if "Bias" in text else text) for field, text in routing)


def _unbiased(text: str) -> str:
    place = {key: value for key, value in json.loads(text).items() if (key, value) != ("Bias", 0)}
    return json.dumps(place, sort_keys=True)


def type_of_target(target: str) -> str:
    """A for an IPv4 address, AAAA for an IPv6 address, CNAME for anything else."""
    return read_target(target)[0]


def read_target(target: str) -> tuple[str, str]:
    """The type of the record that leads to a target, and the one spelling of that target."""
    try:
        address = ip_address(target)
    except ValueError:
        return "CNAME", target.lower().removesuffix(".")
    return "AAAA" if isinstance(address, IPv6Address) else "A", str(address)


class Zone(Struct, frozen=True, gc=False):
    """One hosted zone. `record_count` is what Route 53 said when it was asked last."""

    id: str
    name: str
    private: bool = False
    record_count: int = 0

    def __str__(self) -> str:
        return f"{'private' if self.private else 'public'} zone {self.name} ({self.id})"


class ZoneRecords:
    """The record sets of one zone, by name. Changes with every successful batch of ours.

    `revision` is another one after every change.
    """

    __slots__ = ("_by_name", "_count", "revision")

    def __init__(self, records: Iterable[RecordSet] = ()) -> None:
        self._by_name: dict[str, tuple[RecordSet, ...]] = {}
        self._count = 0
        self.revision = 0
        for record in records:
            self._put(record)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[RecordSet]:
        for records in self._by_name.values():
            yield from records

    def names(self) -> Iterable[str]:
        """Every name that has a record set."""
        return self._by_name.keys()

    def at(self, name: str) -> tuple[RecordSet, ...]:
        """All record sets of one name."""
        return self._by_name.get(name, ())

    def find(self, name: str, record_type: str, set_identifier: str = "") -> RecordSet | None:
        """The one record set of this key."""
        for record in self._by_name.get(name, ()):
            if record.type == record_type and record.set_identifier == set_identifier:
                return record
        return None

    def apply(self, changes: Iterable["Change"]) -> None:
        """Do to these records what Route 53 did with a batch."""
        for change in changes:
            if change.action == "DELETE":
                self._drop(change.record)
            else:
                self._put(change.record)

    def replace(self, name: str, records: Iterable[RecordSet]) -> None:
        """What `name` holds, read afresh."""
        self._count -= len(self._by_name.pop(name, ()))
        self.revision += 1
        for record in records:
            self._put(record)

    def _put(self, record: RecordSet) -> None:
        self._drop(record)
        self._by_name[record.name] = (*self._by_name.get(record.name, ()), record)
        self._count += 1
        self.revision += 1

    def _drop(self, record: RecordSet) -> None:
        old = self._by_name.get(record.name)
        if not old:
            return
        rest = tuple(other for other in old if other.key != record.key)
        self._count -= len(old) - len(rest)
        self.revision += 1
        if rest:
            self._by_name[record.name] = rest
        else:
            del self._by_name[record.name]


class Change(Struct, frozen=True, gc=False):
    """One element of a change batch; `action` is CREATE or DELETE, never UPSERT.

    An UPSERT would silently take over a record that somebody else has changed meanwhile. DELETE of exactly
    what was seen, with CREATE of what is wanted, in one atomic batch, fails instead, at the same price.
    """

    action: str
    record: RecordSet
