"""What Route 53 does not take side by side. Pure.

Record sets of one name and type must have routing of one kind, weighted ones one TTL, and nothing stands
beside a CNAME. What is decided for every set identifier by itself is therefore joined where a name changes
its kind: it changes as a whole, or not at all.
"""

from collections.abc import Iterable, Iterator, Sequence

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, Plan, PlanItem
from addons.dns.model.records import RecordSet
from addons.dns.model.registry import Registry
from addons.runtime.outcomes import Skip

_ADDRESSES = ("A", "AAAA")

Kind = tuple[str, tuple[str, ...], int]
"""Type, fields of the routing policy, TTL where it has to be one."""


def switch_kind(
    items: Sequence[PlanItem], held: Iterable[RecordSet], registry: Registry
) -> Sequence[PlanItem]:
    """The plan of one name, its groups joined into one where they change the kind of its records.

    `held` has all record sets of the name. Where the groups would not leave the name of one kind, nothing is
    given up or replaced, since the name could be lost; of what would be added, the first goes first.
    """
    groups = [item for item in items if isinstance(item, ChangeGroup)]
    if not groups:
        return items
    created = [record for record in _changed(groups, "CREATE") if registry.is_data(record)]
    before = {record.key: record for record in held if registry.is_data(record)}
    if not created or not _is_mixed([*before.values(), *created]):
        return items
    after = {key: record for key, record in before.items() if record not in _changed(groups, "DELETE")}
    after.update((record.key, record) for record in created)
    skips = [item for item in items if isinstance(item, Skip)]
    if _is_mixed(after.values()):
        return [*skips, *_one_kind_of(groups, list(before.values()), skips, registry)]
    return [*skips, _joined(groups)] if len(groups) > 1 else items


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


def _one_kind_of(
    groups: Iterable[ChangeGroup], held: list[RecordSet], skips: Sequence[Skip], registry: Registry
) -> Iterator[PlanItem]:
    for group in groups:
        created = [record for record in _changed([group], "CREATE") if registry.is_data(record)]
        is_addition = not any(map(registry.is_data, _changed([group], "DELETE")))
        if is_addition and not _is_mixed([*held, *created]):
            held += created
            yield group
        else:
            yield _waiting(group, skips)


def _changed(groups: Iterable[ChangeGroup], action: str) -> list[RecordSet]:
    return [change.record for group in groups for change in group.changes if change.action == action]


def _is_mixed(records: Iterable[RecordSet]) -> bool:
    kinds = {_kind(record) for record in records}
    types = {record_type for record_type, *_ in kinds}
    return len(kinds) > len(types) or ("CNAME" in types and not types.isdisjoint(_ADDRESSES))


def _kind(record: RecordSet) -> Kind:
    fields = tuple(field for field, _ in record.routing)
    return record.type, fields, record.ttl if "Weight" in fields and not record.alias else 0


def _joined(groups: Sequence[ChangeGroup]) -> ChangeGroup:
    leading = next((group for group in groups if group.verb != "delete"), groups[0])
    changes = [change for group in groups for change in group.changes]
    changes.sort(key=lambda change: change.action == "CREATE")
    return ChangeGroup(leading.key, leading.name, "update", tuple(changes), leading.ref, leading.because)


def _waiting(group: ChangeGroup, skips: Sequence[Skip]) -> Skip:
    """Why a group must wait: what keeps its siblings from changing with it, or records of somebody else."""
    for skip in skips:
        if skip.reason in (reasons.POLICY_FORBIDS, reasons.BLOCKED):
            message = f"{group.name} changes as a whole or not at all: {skip.message}"
            return Skip(group.key, group.ref, skip.reason, message, skip.retry_at)
    message = (
        f"{group.name} has records of another kind (routing policy, TTL of weighted ones, CNAME or not), "
        "which Route 53 does not take beside these"
    )
    return Skip(group.key, group.ref, reasons.MIXED_ROUTING, message)


def _refusal(group: ChangeGroup, rival: str) -> Skip:
    if group.name == rival:
        message = f"{rival} is about to be made with a CNAME and with other records, which exclude each other"
        return Skip(group.key, group.ref, reasons.CNAME_EXCLUSIVE, message)
    message = f"{group.name} and {rival} exclude each other: a CNAME and an ownership text"
    return Skip(group.key, group.ref, reasons.OWNERSHIP_TEXT_TAKEN, message)
