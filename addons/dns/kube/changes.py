"""Changes of records in words: what became of each, and what it was."""

from collections.abc import Iterable, Iterator

from addons.dns.model.records import Change, RecordSet


def describe(name: str, changes: Iterable[Change]) -> str:
    """What changes do to the records of `name`.

    The ownership texts beside them, which have other names, are told only where nothing else changes.
    """
    found = tuple(changes)
    own = [change for change in found if change.record.name == name]
    return "; ".join(_described(own or found))


def _described(changes: Iterable[Change]) -> Iterator[str]:
    before: dict[tuple[str, str, str], RecordSet] = {}
    after: dict[tuple[str, str, str], RecordSet] = {}
    for change in changes:
        (after if change.action == "CREATE" else before)[change.record.key] = change.record
    for key, record in after.items():
        old = before.get(key)
        yield f"updated {record}, {_difference(old, record)}" if old else f"created {record}"
    yield from (f"deleted {record}" for key, record in before.items() if key not in after)


def _difference(old: RecordSet, new: RecordSet) -> str:
    """What is other than it was: where the record leads alone as "was", all else by its name."""
    was, now = _facts(old), _facts(new)
    told = [f"was {old.target}"] if old.target != new.target else []
    told += [
        f"{fact} {now.get(fact, 'none')} (was {was.get(fact, 'none')})"
        for fact in sorted(was.keys() | now.keys())
        if was.get(fact) != now.get(fact)
    ]
    return ", ".join(told)


def _facts(record: RecordSet) -> dict[str, str]:
    """Everything but where the record leads, by name."""
    facts = dict(record.routing)
    if record.health_check_id:
        facts["health check"] = record.health_check_id
    if record.alias:
        facts["target zone"] = record.alias.zone_id
        facts["target health"] = "evaluated" if record.alias.evaluate_target_health else "ignored"
    else:
        facts["TTL"] = str(record.ttl)
    return facts
