"""Which groups of a refused batch Route 53 complains about, and which groups may be sent at all."""

import re
from collections.abc import Collection, Iterable

from addons.dns.model.actions import ChangeGroup
from addons.dns.model.hostnames import from_route53
from addons.dns.model.records import RecordSet, Zone, ZoneRecords
from addons.dns.model.registry import Registry

_ZONE_MENTION = re.compile(r"\bin zone [^\s,\]]+")
_NAME = re.compile(r"[^\s'\",\[\]=]+\.[^\s'\",\[\]=]*")


def named_groups(message: str, groups: Iterable[ChangeGroup]) -> list[ChangeGroup]:
    """The groups with a record whose name stands in the error text."""
    found = _NAME.findall(_ZONE_MENTION.sub("", message))
    names = {from_route53(name) for name in found}
    return [group for group in groups if any(change.record.name in names for change in group.changes)]


def is_vouched(group: ChangeGroup, zone: Zone, records: ZoneRecords, registry: Registry) -> bool:
    """True when an ownership text of ours, present or in the same group, stands behind every data record.

    The text of an owner whom we succeed does as well, save for giving a name up. The planner sees to that
    already; this is the same question asked once more at the door.
    """
    if not registry.enabled:
        return True
    texts = {change.record.key: change.record for change in group.changes if change.record.type == "TXT"}
    data = (change.record for change in group.changes if not registry.is_text(change.record))
    owners = {registry.owner}
    if registry.former_owner and group.verb != "delete":
        owners.add(registry.former_owner)
    return all(_has_text(record, owners, texts, zone, records, registry) for record in data)


def _has_text(
    record: RecordSet,
    owners: Collection[str],
    texts: dict[tuple[str, str, str], RecordSet],
    zone: Zone,
    records: ZoneRecords,
    registry: Registry,
) -> bool:
    names = [registry.txt_name(record.name, record.type, zone.name), *registry.legacy_txt_names(record)]
    for name in names:
        key = (name, "TXT", record.set_identifier)
        text = texts.get(key) or records.find(*key)
        said = registry.owner_of(text) if text else None
        if said and said.owner in owners:
            return True
    return False
