"""What stands in the way of a wanted record: told before Route 53 would refuse it, or worse, accept it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from addons.dns import names as reasons
from addons.dns.model.records import RecordSet, Zone, ZoneRecords, family, is_same
from addons.dns.model.registry import Registry
from addons.dns.plan.current import Row


class Obstacle(NamedTuple):
    """A reason code, the reason in words, and who is in the way, where it is somebody else."""

    reason: str
    message: str
    holder: str = ""


NOBODY = "nobody"
"""Holds the records that no text says an owner of."""


def obstacle(
    zone: Zone, row: Row, records: Mapping[str, RecordSet], observed: ZoneRecords, registry: Registry
) -> Obstacle | None:
    """The first reason why `records` cannot be made in `zone`, or None."""
    return (
        _foreign_row(zone, row, records, registry)
        or _cname_rules(zone, row, records, observed)
        or _text_taken(zone, records.values(), observed, registry)
    )


def _foreign_row(
    zone: Zone, row: Row, records: Mapping[str, RecordSet], registry: Registry
) -> Obstacle | None:
    strangers = [kind for kind in row.strangers(registry) if not _is_adoptable(kind, row, records, registry)]
    if not strangers:
        return None
    said = row.owners.get(strangers[0])
    whose = f"is owned by {said.owner!r}" if said else "has no owner"
    message = f"{strangers[0]} {row.name} exists in {zone} and {whose}, not touched"
    return Obstacle(reasons.OWNER_CONFLICT, message, said.owner if said else NOBODY)


def _is_adoptable(kind: str, row: Row, records: Mapping[str, RecordSet], registry: Registry) -> bool:
    """True for a record of nobody that is what is wanted already: all it lacks is our text beside it."""
    return (
        registry.adopts_unowned
        and kind not in row.owners
        and kind in records
        and is_same(row.data[kind], records[kind])
    )


def _cname_rules(
    zone: Zone, row: Row, records: Mapping[str, RecordSet], observed: ZoneRecords
) -> Obstacle | None:
    """A CNAME is alone at its name, and never at the apex (RFC 1034 section 3.6.2)."""
    if "CNAME" not in records:
        return _beside_cname(row, observed)
    if row.name == zone.name:
        return Obstacle(reasons.CNAME_AT_APEX, f"{row.name} is the apex of {zone}, where no CNAME can be")
    leaving = {proof.key for proofs in row.proofs.values() for proof in proofs}
    for other in observed.at(row.name):
        if family(other.type) and other.key not in leaving:
            message = f"{row.name} has a record of type {other.type}, so it cannot be a CNAME"
            return Obstacle(reasons.CNAME_EXCLUSIVE, message)
    return None


def _beside_cname(row: Row, observed: ZoneRecords) -> Obstacle | None:
    if row.family and any(other.type == "CNAME" for other in observed.at(row.name)):
        message = f"{row.name} is a CNAME, so it cannot have a record of type {row.family}"
        return Obstacle(reasons.CNAME_EXCLUSIVE, message)
    return None


def _text_taken(
    zone: Zone, records: Iterable[RecordSet], observed: ZoneRecords, registry: Registry
) -> Obstacle | None:
    """A record without its ownership text would be nobody's, so without the text there is no record."""
    if not registry.enabled:
        return None
    for record in records:
        there = observed.find(*record.key)
        if there and registry.is_text(there):
            message = f"TXT {record.name} says who owns another record, so it can say nothing else"
            return Obstacle(reasons.OWNERSHIP_TEXT_TAKEN, message)
        name = registry.txt_name(record.name, record.type, zone.name)
        for other in observed.at(name):
            if found := _text_conflict(record, other, registry):
                return found
    return None


def _text_conflict(record: RecordSet, other: RecordSet, registry: Registry) -> Obstacle | None:
    """Why `other`, which stands where the ownership text of `record` belongs, keeps it away."""
    if other.type == "CNAME":
        message = f"{other.name} is a CNAME, so no TXT there can say who owns {record.name}"
        return Obstacle(reasons.OWNERSHIP_TEXT_TAKEN, message)
    if other.type != "TXT" or other.set_identifier != record.set_identifier:
        return None
    said = registry.owner_of(other)
    if said is None:
        message = f"TXT {other.name} holds something else than the ownership of {record.name}"
        return Obstacle(reasons.OWNERSHIP_TEXT_TAKEN, message)
    if not registry.accepts(said.owner):
        message = f"TXT {other.name} gives {record.name} to {said.owner!r}"
        return Obstacle(reasons.OWNER_CONFLICT, message, said.owner)
    return None
