"""One hosted zone: its record sets by name and in listing order, and a draft that changes them atomically."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from addons.sim.aws.route53.model import Key, RecordSet, Vpc
from addons.sim.aws.route53.names import sort_key

_EMPTY: Mapping[tuple[str, str], RecordSet] = {}


def listing_key(name: str, type_: str = "", set_id: str = "") -> str:
    """Give a text that sorts as Route 53 lists: reversed name, then type, then set identifier.

    One text instead of a tuple makes a comparison one memcmp; NUL stands below every other character.
    """
    return f"{sort_key(name)}\0{type_}\0{set_id}"


@dataclass(eq=False)
class Zone:
    """A hosted zone. A page of a listing costs its own length, however large the zone is."""

    id: str
    name: str
    caller_reference: str
    comment: str = ""
    private: bool = False
    vpcs: list[Vpc] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    _by_name: dict[str, dict[tuple[str, str], RecordSet]] = field(default_factory=dict, repr=False)
    _by_order: dict[str, RecordSet] = field(default_factory=dict, repr=False)
    _order: list[str] = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[RecordSet]:
        return (self._by_order[key] for key in self._order)

    def at(self, name: str) -> Mapping[tuple[str, str], RecordSet]:
        """Give the record sets of one parsed name, keyed by type and set identifier."""
        return self._by_name.get(name, _EMPTY)

    def has_below(self, name: str) -> bool:
        """Say whether a record set exists below the name, which makes it an empty non-terminal."""
        prefix = sort_key(name)
        position = bisect_left(self._order, f"{prefix}\1")
        return position < len(self._order) and self._order[position].startswith(prefix)

    def page(self, start: str, count: int) -> Sequence[RecordSet]:
        """Give up to `count` record sets from a `listing_key` on."""
        position = bisect_left(self._order, start)
        return [self._by_order[key] for key in self._order[position : position + count]]

    def put(self, record_set: RecordSet) -> None:
        """Add a record set, or replace the one with its key."""
        key = listing_key(*record_set.key)
        if key not in self._by_order:
            insort(self._order, key)
        self._by_order[key] = record_set
        self._by_name.setdefault(record_set.name, {})[record_set.type, record_set.set_id] = record_set

    def remove(self, identity: Key) -> None:
        """Take out a record set that is there."""
        key = listing_key(*identity)
        del self._by_order[key]
        del self._order[bisect_left(self._order, key)]
        siblings = self._by_name[identity.name]
        del siblings[identity.type, identity.set_id]
        if not siblings:
            del self._by_name[identity.name]


class Draft:
    """A zone as a batch would leave it: read through to the zone, written to it by `commit` alone."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._written: dict[str, dict[tuple[str, str], RecordSet]] = {}
        self._touched: dict[Key, RecordSet | None] = {}

    def at(self, name: str) -> Mapping[tuple[str, str], RecordSet]:
        """Give the record sets of a name after the changes so far."""
        written = self._written.get(name)
        return self.zone.at(name) if written is None else written

    def put(self, record_set: RecordSet) -> None:
        """Add or replace, in the draft only."""
        self._writable(record_set.name)[record_set.type, record_set.set_id] = record_set
        self._touched[record_set.key] = record_set

    def remove(self, key: Key) -> None:
        """Take out, in the draft only."""
        del self._writable(key.name)[key.type, key.set_id]
        self._touched[key] = None

    def growth(self) -> int:
        """Say by how many record sets the zone would grow (negative: shrink)."""
        return sum(
            (new is not None) - ((key.type, key.set_id) in self.zone.at(key.name))
            for key, new in self._touched.items()
        )

    def commit(self) -> None:
        """Make the zone what the draft says."""
        for key, new in self._touched.items():
            if new is not None:
                self.zone.put(new)
            elif (key.type, key.set_id) in self.zone.at(key.name):
                self.zone.remove(key)

    def _writable(self, name: str) -> dict[tuple[str, str], RecordSet]:
        if name not in self._written:
            self._written[name] = dict(self.zone.at(name))
        return self._written[name]
