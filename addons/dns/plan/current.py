"""What a zone holds now of one name, and the changes that turn it into something else. Pure.

`current` is external-dns's word for it, beside the endpoints that are asked for.
"""

from collections.abc import Container, Iterable, Iterator, Mapping

from msgspec import Struct

from addons.dns.model.records import (
    Change,
    RecordKey,
    RecordSet,
    Zone,
    ZoneRecords,
    family,
    is_same,
    routing_meaning,
)
from addons.dns.model.registry import Ownership, Registry


class Current(Struct, frozen=True):
    """The data records of one name, set identifier and family of types, by type, and who owns each.

    `texts` has the ownership TXT records, in any format, that say so; a type without an owner belongs to
    nobody we know. `key` names all of it in decisions and in the ledger.
    """

    key: str
    zone: Zone
    name: str
    family: str
    registry: Registry
    data: dict[str, RecordSet] = {}
    owners: dict[str, Ownership] = {}
    texts: dict[str, tuple[RecordSet, ...]] = {}

    @property
    def resource(self) -> str:
        """The object for which the records were made by us, or by the former owner; empty otherwise."""
        owners = self.owners.values()
        return next((said.resource for said in owners if self.registry.accepts(said.owner)), "")

    @property
    def ours(self) -> tuple[str, ...]:
        """The types that we own here."""
        us = self.registry.owner
        return tuple(kind for kind in self.data if kind in self.owners and self.owners[kind].owner == us)

    @property
    def foreign(self) -> tuple[str, ...]:
        """The types that neither we own here nor the former owner whose records we take over."""
        accepts, owners = self.registry.accepts, self.owners
        return tuple(kind for kind in self.data if kind not in owners or not accepts(owners[kind].owner))

    def deletion(self, kinds: Iterable[str]) -> tuple[Change, ...]:
        """Delete the data records of `kinds` with all their ownership texts, exactly as Route 53 holds them.

        Texts in old formats go too: left behind, they would give us the next record that somebody else makes
        there.
        """
        doomed: dict[tuple[str, str, str], RecordSet] = {}
        for kind in kinds:
            doomed[self.data[kind].key] = self.data[kind]
            doomed.update((text.key, text) for text in self.texts.get(kind, ()))
        return tuple(Change("DELETE", record) for record in doomed.values())

    def changes_to(
        self, records: Mapping[str, RecordSet], resource: str, observed: ZoneRecords
    ) -> tuple[Change, ...]:
        """All changes that turn this into `records`, owned because of `resource`; deletes come first.

        An ownership text that already says so stays as it is: rewriting it would cost four fifths of a batch.
        So does one that an alias A was owned by, when a CNAME takes its place: both call it `cname-`.
        """
        texts = {
            kind: self.registry.txt_record(new, resource, self.zone.name) for kind, new in records.items()
        }
        needed = {text.key for text in texts.values()}
        changes: list[Change] = []
        for kind in sorted(records.keys() | self.data.keys()):
            old, new = self.data.get(kind), records.get(kind)
            if new is None:
                changes += (change for change in self.deletion([kind]) if change.record.key not in needed)
                continue
            if old is None or not is_same(old, new):
                changes += _swap(old, new)
            if self.registry.enabled:
                text = texts[kind]
                changes += self._retext(observed.find(*text.key), text)
                stale = (old for old in self._inherited(kind) if old.key != text.key)
                changes += (Change("DELETE", old) for old in stale)
        return tuple(sorted(changes, key=lambda change: change.action == "CREATE"))

    def _inherited(self, kind: str) -> tuple[RecordSet, ...]:
        """The texts that prove the former owner's ownership of one type."""
        said = self.owners.get(kind)
        is_former = said is not None and said.owner != self.registry.owner
        return self.texts.get(kind, ()) if is_former else ()

    def _retext(self, old: RecordSet | None, new: RecordSet) -> Iterator[Change]:
        if old is None or self._says(old) != self._says(new):
            yield from _swap(old, new)

    def _says(self, text: RecordSet) -> tuple[Ownership | None, tuple[tuple[str, str], ...], str]:
        """What must be right in an ownership text; labels of other programs and its TTL may be anything."""
        return self.registry.owner_of(text), routing_meaning(text.routing), text.health_check_id


def read_current(
    zone: Zone,
    name: str,
    set_identifier: str,
    kind: str,
    observed: ZoneRecords,
    registry: Registry,
    void: Container[RecordKey] = (),
) -> Current:
    """Pair every data record of one name, set identifier and family with its ownership texts.

    Those in `void` prove nothing: they stood there without a record, and this one is not of our making.

    Where texts of several formats contradict each other, the newest format is right and the others prove
    nothing: they may be somebody else's.
    """
    current = Current(
        records_key(zone.id, name, set_identifier, kind), zone, name, kind, registry, {}, {}, {}
    )
    for record in observed.at(name):
        if record.set_identifier != set_identifier or family(record.type) != kind:
            continue
        if registry.is_data(record):
            current.data[record.type] = record
            if not registry.enabled:
                current.owners[record.type] = Ownership(registry.owner, "")
                continue
            found = registry.texts_of(record, zone.name, observed)
            if texts := [(text, said) for text, said in found if text.key not in void]:
                _, said = texts[0]
                current.owners[record.type] = said
                current.texts[record.type] = tuple(text for text, one in texts if one.owner == said.owner)
    return current


def records_key(zone_id: str, name: str, set_identifier: str, kind: str) -> str:
    """zone/name, and what else there is to tell the record sets of one name apart."""
    marks = (set_identifier, kind and f"type={kind}")
    return "#".join((f"{zone_id}/{name}", *filter(None, marks)))


def _swap(old: RecordSet | None, new: RecordSet) -> Iterator[Change]:
    """Compare and swap: when `old` is no longer what we saw, its delete fails, and the whole batch too."""
    if old is not None:
        yield Change("DELETE", old)
    yield Change("CREATE", new)
