"""What must hold before records are made; told before Route 53 would refuse or, worse, accept them. Pure.

| asked in order | reason when not |
|---|---|
| what is there is ours, the former owner's, or adoptable | `OwnerConflict` |
| a CNAME is not at the apex, and nothing else is at its name | `CnameAtApex`, `CnameExclusive` |
| the ownership text has a place, and nobody else's is there | `OwnershipTextTaken`, `OwnerConflict` |
"""

from collections.abc import Mapping
from typing import NamedTuple

from addons.dns import names as reasons
from addons.dns.model.records import RecordSet, ZoneRecords, family, is_same
from addons.dns.plan.current import Current


class Unmet(NamedTuple):
    """A reason code, the reason in words, and who holds the name, where it is somebody else."""

    reason: str
    message: str
    holder: str = ""


NOBODY = "nobody"
"""Holds the records that no text says an owner of."""


def unmet_precondition(
    current: Current, records: Mapping[str, RecordSet], observed: ZoneRecords
) -> Unmet | None:
    """The first reason why `current` cannot become `records`, or None."""
    return (
        _foreign_records(current, records)
        or _cname_rules(current, records, observed)
        or _text_taken(current, records, observed)
    )


def _foreign_records(current: Current, records: Mapping[str, RecordSet]) -> Unmet | None:
    foreign = [kind for kind in current.foreign if not _is_adoptable(kind, current, records)]
    if not foreign:
        return None
    said = current.owners.get(foreign[0])
    whose = f"is owned by {said.owner!r}" if said else "has no owner"
    message = f"{foreign[0]} {current.name} exists in {current.zone} and {whose}, not touched"
    return Unmet(reasons.OWNER_CONFLICT, message, said.owner if said else NOBODY)


def _is_adoptable(kind: str, current: Current, records: Mapping[str, RecordSet]) -> bool:
    """True for a record of nobody that is what is wanted already: all it lacks is our text beside it."""
    return (
        current.registry.adopts_unowned
        and kind not in current.owners
        and kind in records
        and is_same(current.data[kind], records[kind])
    )


def _cname_rules(current: Current, records: Mapping[str, RecordSet], observed: ZoneRecords) -> Unmet | None:
    """A CNAME is alone at its name, and never at the apex (RFC 1034 section 3.6.2)."""
    name, others = current.name, observed.at(current.name)
    if "CNAME" not in records:
        if current.family and any(other.type == "CNAME" for other in others):
            message = f"{name} is a CNAME, so it cannot have a record of type {current.family}"
            return Unmet(reasons.CNAME_EXCLUSIVE, message)
        return None
    if name == current.zone.name:
        message = f"{name} is the apex of {current.zone}, where no CNAME can be"
        return Unmet(reasons.CNAME_AT_APEX, message)
    leaving = {text.key for texts in current.texts.values() for text in texts}
    for other in others:
        if family(other.type) and other.key not in leaving:
            message = f"{name} has a record of type {other.type}, so it cannot be a CNAME"
            return Unmet(reasons.CNAME_EXCLUSIVE, message)
    return None


def _text_taken(current: Current, records: Mapping[str, RecordSet], observed: ZoneRecords) -> Unmet | None:
    """A record without its ownership text would be nobody's, so without the text there is no record."""
    registry = current.registry
    if not registry.enabled:
        return None
    for record in records.values():
        there = observed.find(*record.key)
        if there and registry.is_text(there):
            message = f"TXT {record.name} says who owns another record, so it can say nothing else"
            return Unmet(reasons.OWNERSHIP_TEXT_TAKEN, message)
        for other in observed.at(registry.txt_name(record.name, record.type, current.zone.name)):
            if unmet := _text_conflict(record, other, current):
                return unmet
    return None


def _text_conflict(record: RecordSet, other: RecordSet, current: Current) -> Unmet | None:
    """Why `other`, which stands where the ownership text of `record` belongs, keeps it away."""
    if other.type == "CNAME":
        message = f"{other.name} is a CNAME, so no TXT there can say who owns {record.name}"
        return Unmet(reasons.OWNERSHIP_TEXT_TAKEN, message)
    if other.type != "TXT" or other.set_identifier != record.set_identifier:
        return None
    said = current.registry.owner_of(other)
    if said is None:
        message = f"TXT {other.name} holds something else than the ownership of {record.name}"
        return Unmet(reasons.OWNERSHIP_TEXT_TAKEN, message)
    if not current.registry.accepts(said.owner):
        message = f"TXT {other.name} gives {record.name} to {said.owner!r}"
        return Unmet(reasons.OWNER_CONFLICT, message, said.owner)
    return None
