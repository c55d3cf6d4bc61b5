"""What Route 53 does not take side by side. Pure.

Record sets of one name and type must have routing of one kind, weighted ones one TTL, no two of them the same
region, location or part in a failover, and nothing stands beside a CNAME. What is decided for every set
identifier by itself is therefore joined where a name changes its kind: it changes as a whole, or not at all.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, Plan, PlanItem
from addons.dns.model.records import RecordSet
from addons.dns.model.registry import Registry
from addons.runtime.outcomes import Skip

_ADDRESSES = ("A", "AAAA")

_PLACES = ("Region", "GeoLocation", "Failover")
"""Fields of routing policies of which each value is there once."""

Records = dict[tuple[str, str, str], RecordSet]
"""The data records of a name, by key."""

Kind = tuple[str, tuple[str, ...], int]
"""Type, fields of the routing policy, TTL where it has to be one."""


def switch_kind(
    items: Sequence[PlanItem], held: Iterable[RecordSet], registry: Registry
) -> Sequence[PlanItem]:
    """The plan of one name, its groups joined into one where they change the kind of its records.

    `held` has all record sets of the name. Where all groups together would not leave the name of one kind,
    those that change what there is come first, and what would be added waits: an object that comes later with
    another kind keeps nobody else's records from being changed. What an object has is given up only together
    with the making of what it asks for instead.
    """
    groups = [item for item in items if isinstance(item, ChangeGroup)]
    if not groups:
        return items
    before = {record.key: record for record in held if registry.is_data(record)}
    if not _is_mixed([*before.values(), *_data(groups, "CREATE", registry)]):
        return items
    skips = [item for item in items if isinstance(item, Skip)]
    planned: list[PlanItem] = list(skips)
    for unit in _units(groups, before, registry):
        after = _after(unit, before, registry)
        if _is_mixed(after.values()):
            planned += (_waiting(group, skips) for group in unit)
        else:
            planned += _at_once(unit, before, registry)
            before = after
    return planned


def keep_apart(items: Iterable[PlanItem], unsettled: frozenset[str]) -> Plan:
    """The plan of a zone: of two groups that exclude each other the first goes, the other one waits.

    These are a CNAME, and any other record or ownership text at the same name.
    """
    kept: list[ChangeGroup] = []
    skips: list[Skip] = []
    holders: dict[tuple[str, bool], str] = {}
    for item in items:
        if isinstance(item, Skip):
            skips.append(item)
            continue
        places = [(record.name, record.type == "CNAME") for record in _changed([item], "CREATE")]
        rivals = [holders[name, not alone] for name, alone in places if (name, not alone) in holders]
        if rivals:
            skips.append(_refusal(item, rivals[0]))
        else:
            kept.append(item)
            holders.update((place, item.name) for place in places)
    return Plan(tuple(kept), tuple(skips), unsettled)


def _units(groups: list[ChangeGroup], before: Records, registry: Registry) -> list[list[ChangeGroup]]:
    """What is done as a whole or not at all, in this order.

    All groups, if that leaves the name of one kind; else those that change what there is, and then what each
    object adds, with what it gives up for that.
    """
    if not _is_mixed(_after(groups, before, registry).values()):
        return [groups]
    additions = [group for group in groups if not _data([group], "DELETE", registry)]
    newcomers = {group.resource for group in additions}
    changing = [
        group
        for group in groups
        if group not in additions and not (group.verb == "delete" and group.resource in newcomers)
    ]
    is_one = not _is_mixed(_after(changing, before, registry).values())
    units = [changing] if is_one else [[group] for group in changing]
    rest = [group for group in groups if group not in changing]
    for resource in dict.fromkeys(group.resource for group in additions):
        theirs = [group for group in rest if group.resource == resource]
        units += [theirs] if len({group.verb for group in theirs}) > 1 else [[group] for group in theirs]
    return units


def _at_once(groups: list[ChangeGroup], before: Records, registry: Registry) -> list[ChangeGroup]:
    """The groups, joined into one if the name would be of two kinds between one and the next."""
    is_switch = _is_mixed([*before.values(), *_data(groups, "CREATE", registry)])
    return [_joined(groups)] if is_switch and len(groups) > 1 else groups


def _after(groups: Iterable[ChangeGroup], before: Records, registry: Registry) -> Records:
    """The records that the name has when all of the groups are done."""
    gone = {record.key for record in _data(groups, "DELETE", registry)}
    after = {key: record for key, record in before.items() if key not in gone}
    return after | {record.key: record for record in _data(groups, "CREATE", registry)}


def _data(groups: Iterable[ChangeGroup], action: str, registry: Registry) -> list[RecordSet]:
    return [record for record in _changed(groups, action) if registry.is_data(record)]


def _changed(groups: Iterable[ChangeGroup], action: str) -> list[RecordSet]:
    return [change.record for group in groups for change in group.changes if change.action == action]


def _is_mixed(records: Iterable[RecordSet]) -> bool:
    every = list(records)
    kinds = {_kind(record) for record in every}
    types = {record_type for record_type, *_ in kinds}
    has_two = len(kinds) > len(types) or ("CNAME" in types and not types.isdisjoint(_ADDRESSES))
    return has_two or _share_place(every)


def _share_place(records: Iterable[RecordSet]) -> bool:
    """True when two record sets of one type are for one region, location or part in a failover."""
    holders: dict[tuple[str, str, str], str] = {}
    places = ((record, place) for record in records for place in record.routing if place[0] in _PLACES)
    return any(
        holders.setdefault((record.type, *place), record.set_identifier) != record.set_identifier
        for record, place in places
    )


def _kind(record: RecordSet) -> Kind:
    fields = tuple(field for field, _ in record.routing)
    return record.type, fields, record.ttl if "Weight" in fields and not record.alias else 0


def _joined(groups: Sequence[ChangeGroup]) -> ChangeGroup:
    leading = next((group for group in groups if group.verb != "delete"), groups[0])
    changes = [change for group in groups for change in group.changes]
    changes.sort(key=lambda change: change.action == "CREATE")
    return replace(leading, verb="update", changes=tuple(changes))


def _waiting(group: ChangeGroup, skips: Sequence[Skip]) -> Skip:
    """Why a group must wait: what keeps its siblings from changing with it, or records of somebody else."""
    for skip in skips:
        if skip.reason in (reasons.POLICY_FORBIDS, reasons.BLOCKED):
            message = f"{group.name} changes as a whole or not at all: {skip.message}"
            return Skip(group.key, group.ref, skip.reason, message, skip.retry_at)
    message = (
        f"{group.name} has records of another kind (routing policy, TTL of weighted ones, CNAME or not), or"
        " of the same place (region, location, part in a failover), which Route 53 does not take beside these"
    )
    return Skip(group.key, group.ref, reasons.MIXED_ROUTING, message)


def _refusal(group: ChangeGroup, rival: str) -> Skip:
    if group.name == rival:
        message = f"{rival} is about to be made with a CNAME and with other records, which exclude each other"
        return Skip(group.key, group.ref, reasons.CNAME_EXCLUSIVE, message)
    message = f"{group.name} and {rival} exclude each other: a CNAME and an ownership text"
    return Skip(group.key, group.ref, reasons.OWNERSHIP_TEXT_TAKEN, message)
