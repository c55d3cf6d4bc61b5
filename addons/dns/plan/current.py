"""One name, set identifier and family of types as the zone holds it, with the proof of who owns it."""

from collections.abc import Iterator

from msgspec import Struct

from addons.dns.model.records import RecordSet, Zone, ZoneRecords, family
from addons.dns.model.registry import Ownership, Registry


class Row(Struct, frozen=True):
    """The data records of one name, set identifier and family, and the ownership of each, by type.

    `proofs` has the TXT records, in any format, that say so; a type without an ownership belongs to nobody
    we know.
    """

    name: str
    set_identifier: str
    family: str
    data: dict[str, RecordSet]
    owners: dict[str, Ownership]
    proofs: dict[str, tuple[RecordSet, ...]]

    def resource(self, registry: Registry) -> str:
        """The object for which the row was made by us, or by the owner whom we succeed; empty otherwise."""
        return next((said.resource for said in self.owners.values() if registry.accepts(said.owner)), "")

    def ours(self, registry: Registry) -> tuple[str, ...]:
        """The types that we hold here."""
        return tuple(
            kind for kind in self.data if kind in self.owners and self.owners[kind].owner == registry.owner
        )

    def strangers(self, registry: Registry) -> tuple[str, ...]:
        """The types that neither we hold here nor the owner whom we succeed."""
        return tuple(
            kind
            for kind in self.data
            if kind not in self.owners or not registry.accepts(self.owners[kind].owner)
        )

    def inherited(self, kind: str, registry: Registry) -> tuple[RecordSet, ...]:
        """The texts of the owner whom we succeed that prove his ownership of one type."""
        said = self.owners.get(kind)
        is_his = said is not None and said.owner != registry.owner and registry.accepts(said.owner)
        return self.proofs.get(kind, ()) if is_his else ()


def read_row(
    zone: Zone, name: str, set_identifier: str, kind: str, observed: ZoneRecords, registry: Registry
) -> Row:
    """Pair every data record of the row with its ownership texts.

    Where texts of several formats contradict each other, the newest format is right and the others prove
    nothing: they may be a stranger's.
    """
    row = Row(name, set_identifier, kind, {}, {}, {})
    for record in observed.at(name):
        if record.set_identifier != set_identifier or family(record.type) != kind:
            continue
        if registry.is_data(record):
            row.data[record.type] = record
            if not registry.enabled:
                row.owners[record.type] = Ownership(registry.owner, "")
            elif texts := list(_texts(zone, record, observed, registry)):
                _, said = texts[0]
                row.owners[record.type] = said
                agreeing = (text for text, other in texts if other.owner == said.owner)
                row.proofs[record.type] = tuple(agreeing)
    return row


def _texts(
    zone: Zone, record: RecordSet, observed: ZoneRecords, registry: Registry
) -> Iterator[tuple[RecordSet, Ownership]]:
    """The ownership texts of one record with what they say, newest format first."""
    names = [registry.txt_name(record.name, record.type, zone.name), *registry.legacy_txt_names(record)]
    for name in names:
        text = observed.find(name, "TXT", record.set_identifier)
        if text and (said := registry.owner_of(text)):
            yield text, said
