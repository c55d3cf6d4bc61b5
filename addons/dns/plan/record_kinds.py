"""A name that turns from one kind of records to another does so as a whole, or not at all.

Route 53 takes record sets of one name and type only if their routing is of one kind, weighted ones only with
one TTL, and nothing beside a CNAME. So what is decided for every set identifier by itself is joined where the
kind changes.
"""

from collections.abc import Iterable, Iterator, Sequence

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup
from addons.dns.model.records import RecordSet
from addons.dns.model.registry import Registry
from addons.runtime.outcomes import Skip

_ADDRESSES = ("A", "AAAA")

Decision = ChangeGroup | Skip
Kind = tuple[str, tuple[str, ...], int]
"""Type, fields of the routing policy, TTL where it has to be one."""


def turn(decisions: Sequence[Decision], held: Iterable[RecordSet], registry: Registry) -> Sequence[Decision]:
    """The decisions about one name, joined into one group where they change the kind of its records.

    `held` has all record sets of the name. Where that would not leave the name of one kind, nothing is given
    up or replaced, since the name could be lost; of what would be added, the first goes before the others.
    """
    groups = [decision for decision in decisions if isinstance(decision, ChangeGroup)]
    if not groups:
        return decisions
    created = [record for record in _changed(groups, "CREATE") if registry.is_data(record)]
    before = {record.key: record for record in held if registry.is_data(record)}
    if not created or not _is_mixed([*before.values(), *created]):
        return decisions
    after = {key: record for key, record in before.items() if record not in _changed(groups, "DELETE")}
    after.update((record.key, record) for record in created)
    skips = [decision for decision in decisions if isinstance(decision, Skip)]
    if _is_mixed(after.values()):
        return [*skips, *_one_kind_of(groups, list(before.values()), skips, registry)]
    return [*skips, _joined(groups)] if len(groups) > 1 else decisions


def _one_kind_of(
    groups: Iterable[ChangeGroup], held: list[RecordSet], skips: Sequence[Skip], registry: Registry
) -> Iterator[Decision]:
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
