"""The elements of one change group: data records and, in the same breath, their ownership texts."""

from collections.abc import Iterable, Iterator, Mapping

from addons.dns.model.records import Change, RecordSet, Zone, ZoneRecords, is_same, routing_meaning
from addons.dns.model.registry import Ownership, Registry
from addons.dns.plan.current import Row


def difference(
    zone: Zone,
    row: Row,
    records: Mapping[str, RecordSet],
    resource: str,
    observed: ZoneRecords,
    registry: Registry,
) -> tuple[Change, ...]:
    """All changes that turn the row into `records`, owned because of `resource`; deletes come first.

    An ownership text that already says so stays as it is: rewriting it would cost four fifths of a batch. So
    does one that an alias A was owned by, when a CNAME takes its place: both call it `cname-`.
    """
    needed = {registry.txt_record(new, resource, zone.name).key for new in records.values()}
    changes: list[Change] = []
    for kind in sorted(records.keys() | row.data.keys()):
        old, new = row.data.get(kind), records.get(kind)
        if new is None:
            changes.extend(change for change in removal(row, [kind]) if change.record.key not in needed)
            continue
        if old is None or not is_same(old, new):
            changes.extend(_swap(old, new))
        if registry.enabled:
            text = registry.txt_record(new, resource, zone.name)
            changes.extend(_retext(observed.find(*text.key), text, registry))
            stale = (proof for proof in row.inherited(kind, registry) if proof.key != text.key)
            changes.extend(Change("DELETE", proof) for proof in stale)
    return _deletes_first(changes)


def removal(row: Row, kinds: Iterable[str]) -> tuple[Change, ...]:
    """Delete the data records of `kinds` with all their ownership texts, exactly as Route 53 holds them.

    Texts in old formats go too: left behind, they would give us the next record that a stranger makes there.
    """
    doomed: dict[tuple[str, str, str], RecordSet] = {}
    for kind in kinds:
        doomed[row.data[kind].key] = row.data[kind]
        doomed.update((proof.key, proof) for proof in row.proofs.get(kind, ()))
    return tuple(Change("DELETE", record) for record in doomed.values())


def _retext(old: RecordSet | None, new: RecordSet, registry: Registry) -> Iterator[Change]:
    if old is None or _says(old, registry) != _says(new, registry):
        yield from _swap(old, new)


def _says(text: RecordSet, registry: Registry) -> tuple[Ownership | None, tuple[tuple[str, str], ...], str]:
    """What must be right in an ownership text; labels of other programs and its TTL may be anything."""
    return registry.owner_of(text), routing_meaning(text.routing), text.health_check_id


def _swap(old: RecordSet | None, new: RecordSet) -> Iterator[Change]:
    """Compare and swap: when `old` is no longer what we saw, its delete fails, and the whole batch too."""
    if old is not None:
        yield Change("DELETE", old)
    yield Change("CREATE", new)


def _deletes_first(changes: list[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: change.action == "CREATE"))
