"""Decide about the record sets of one name and set identifier: the first line that fits counts. Pure.

| asked in order | then |
|---|---|
| nobody asks for them | what is ours is deleted |
| several objects ask | `conflict_resolver` says whose endpoints are granted; an object that loses is told |
| how the object asks cannot be used now | what exists stays (see `standing`) |
| it has no target now | what exists stays until the hold is over, and is deleted then |
| an alias target, ownership or a rule of DNS is in the way | what exists stays, and the reason is told |
| what exists is what is asked for | nothing |
| the name rests after failures, or flaps | nothing for now |
| the policy forbids a part of it | the rest, if that makes sense alone |
| else | one group of changes: data records and ownership texts together |
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, GivenUp, NameTaken, PlanItem, created
from addons.dns.model.endpoint import Endpoint, SourceObject
from addons.dns.model.records import Change, RecordKey, RecordSet, Zone, ZoneRecords, is_same, meaning
from addons.dns.model.registry import Registry
from addons.dns.plan.aliases import with_alias_zone
from addons.dns.plan.conflict_resolver import Resolution, resolve, without_rivals
from addons.dns.plan.current import Current
from addons.dns.plan.preconditions import Unmet, unmet_precondition
from addons.runtime.outcomes import Blocked, ObjectRef, Skip

Policy = Literal["sync", "upsert-only", "create-only"]

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)

Written = tuple[str, tuple[RecordSet, ...]]
"""The key of some records, and everything that one change has created of them."""


class Rules(Struct, frozen=True):
    """What every decision obeys: whose records, which kinds of change, and what must rest for now.

    `target_holds` says until when records whose object has no targets are kept, `flapping` until when
    records may not be given once more what they were given again and again. Both are compared with `now`.
    `alias_zones` are the hosted zones of alias targets that AWS was asked for, `unreadable` the objects, by
    their names in ownership texts, that ask for a name which cannot be read. `void_texts` are ownership
    texts that were seen without their record: one that stands beside them now was made by somebody else.
    """

    registry: Registry
    policy: Policy
    blocked: Mapping[str, Blocked]
    now: datetime = _LONG_AGO
    target_holds: Mapping[str, datetime] = {}
    flapping: Mapping[Written, datetime] = {}
    alias_zones: Mapping[str, str] = {}
    unreadable: Mapping[str, SourceObject] = {}
    void_texts: Container[RecordKey] = ()


def plan_records(
    current: Current, endpoints: Sequence[Endpoint], observed: ZoneRecords, rules: Rules
) -> list[PlanItem]:
    """Bring `current` to what `endpoints` ask for, touching only what is ours."""
    lasting = _lasting(endpoints, current)
    if not lasting:
        return _give_up(current, rules)
    if len(lasting) > 1:
        lasting = without_rivals(lasting, current.data)
    resolution = resolve(_without_lapsed(lasting, current, rules), current.resource)
    return [
        *_losers(current, resolution),
        *_kept_ttl(current, resolution),
        *_grant(current, resolution, observed, rules),
    ]


def _grant(current: Current, resolution: Resolution, observed: ZoneRecords, rules: Rules) -> list[PlanItem]:
    """Make `current` what one object wants, or say what stands in the way."""
    winner, granted = resolution.winner, resolution.granted.values()
    targeted = [endpoint for endpoint in granted if not endpoint.is_pending]
    if targeted and all(endpoint.is_unusable for endpoint in targeted):
        return []
    if not targeted:
        return _wait_for_targets(current, winner, rules)
    records, unmet = _record_sets(current, targeted, observed, rules)
    if unmet := unmet or unmet_precondition(current, records, observed):
        return [_unmet(current, winner.ref, unmet)]
    changes = current.changes_to(records, winner.resource, observed)
    if not changes:
        return []
    if resting := _blocked(current.key, winner.ref, rules) or _flapping(current, winner.ref, changes, rules):
        return [resting]
    return _within_policy(current, records, changes, winner, rules.policy)


def _lasting(endpoints: Iterable[Endpoint], current: Current) -> Sequence[Endpoint]:
    """The endpoints that count: one that only keeps counts for as many of its targets as are there."""
    found = [_kept(endpoint, current) if endpoint.keeps else endpoint for endpoint in endpoints]
    return [_timed(endpoint, current) for endpoint in found if endpoint]


def _kept(endpoint: Endpoint, current: Current) -> Endpoint | None:
    record = current.data.get(endpoint.type)
    if record is not None and endpoint.alias:
        return endpoint if is_same(record, endpoint.record()) else None
    there = meaning(endpoint.type, record.values) if record else frozenset()
    targets = tuple(target for target in endpoint.targets if meaning(endpoint.type, (target,)) <= there)
    return replace(endpoint, targets=targets) if targets else None


def _timed(endpoint: Endpoint, current: Current) -> Endpoint:
    """The endpoint with the TTL of its record, where its own cannot be read."""
    record = current.data.get(endpoint.type)
    if not endpoint.keeps_ttl or record is None or record.alias or endpoint.alias:
        return endpoint
    return replace(endpoint, ttl=record.ttl)


def _kept_ttl(current: Current, resolution: Resolution) -> Iterator[Skip]:
    winner = resolution.winner
    if any(endpoint.keeps_ttl for endpoint in resolution.granted.values()) and current.ours:
        message = f"{current.name} keeps its TTL: the one that {winner.resource} asks for makes no sense"
        yield Skip(current.key, winner.ref, reasons.RECORD_KEPT, message)


def _without_lapsed(endpoints: Sequence[Endpoint], current: Current, rules: Rules) -> Sequence[Endpoint]:
    """The endpoints without those that lack targets, once the hold is over and others have some."""
    until = rules.target_holds.get(current.key)
    if until is None or until > rules.now:
        return endpoints
    return [endpoint for endpoint in endpoints if not endpoint.is_pending] or endpoints


def _losers(current: Current, resolution: Resolution) -> Iterable[Skip]:
    winner = resolution.winner.resource
    for ref in resolution.losers:
        message = f"{current.name} is held by {winner}; {ref} asks for it too and does not get it"
        yield NameTaken(current.key, ref, reasons.CLAIM_CONFLICT, message, holder=winner)


def _record_sets(
    current: Current, endpoints: Iterable[Endpoint], observed: ZoneRecords, rules: Rules
) -> tuple[dict[str, RecordSet], Unmet | None]:
    """The record sets that grant the endpoints, by type, or why there is none of them."""
    records: dict[str, RecordSet] = {}
    unmet: Unmet | None = None
    for endpoint in endpoints:
        record = endpoint.record()
        found: RecordSet | Unmet = record
        if record.alias and not record.alias.zone_id:
            found = with_alias_zone(current.zone, record, observed, rules.alias_zones)
        if isinstance(found, Unmet):
            unmet = found
        else:
            records[endpoint.type] = found
    return records, None if records else unmet


def _unmet(current: Current, ref: ObjectRef, unmet: Unmet) -> Skip:
    if unmet.holder:
        return NameTaken(current.key, ref, unmet.reason, unmet.message, holder=unmet.holder)
    return Skip(current.key, ref, unmet.reason, unmet.message)


def _wait_for_targets(current: Current, winner: SourceObject, rules: Rules) -> list[PlanItem]:
    """Keep the records of an object that has no targets, until the hold is over."""
    until = rules.target_holds.get(current.key)
    message = f"{winner.resource} has no target for {current.name} now"
    if until is None or until > rules.now:
        message = f"{message}; what exists stays for a while"
        return [Skip(current.key, winner.ref, reasons.NO_TARGETS, message, until)]
    lapsed = Skip(current.key, winner.ref, reasons.NO_TARGETS, f"{message}, and had none for long")
    return [lapsed, *_give_up(current, rules, f"{winner.resource} has had no target for long")]


def remove_orphan(zone: Zone, text: RecordSet, rules: Rules, *, but: str = "") -> PlanItem:
    """Delete an ownership text whose record is gone; `but` says in words why it must stay all the same."""
    key = "#".join(filter(None, (f"{zone.id}/{text.name}", text.set_identifier)))
    because = "the record whose owner it says is gone"
    if rules.policy != "sync":
        but = but or f"policy {rules.policy} forbids deletes"
    if but:
        return Skip(key, None, reasons.ORPHANED_TEXT, f"{text.name} stays, although {because}: {but}")
    if resting := _blocked(key, None, rules):
        return resting
    return ChangeGroup(key, text.name, "delete", (Change("DELETE", text),), None, because)


def _give_up(current: Current, rules: Rules, because: str = "") -> list[PlanItem]:
    """Delete what is ours and nobody asks for any more."""
    ours = current.ours
    if not ours or not rules.registry.enabled:
        return []
    resource = current.resource
    because = because or f"{resource or 'nobody'} no longer asks for it"
    if rules.policy != "sync":
        message = f"{current.name} stays, although {because}: policy {rules.policy} forbids deletes"
        return [
            GivenUp(current.key, None, reasons.POLICY_FORBIDS, message, name=current.name, resource=resource)
        ]
    if resting := _blocked(current.key, None, rules):
        return [resting]
    return [ChangeGroup(current.key, current.name, "delete", current.deletion(ours), None, because, resource)]


def _blocked(key: str, ref: ObjectRef | None, rules: Rules) -> Skip | None:
    entry = rules.blocked.get(key)
    if entry is None:
        return None
    message = f"{key} rests after {entry.failures} failures: {entry.message}"
    return Skip(key, ref, reasons.BLOCKED, message, rules.now + timedelta(seconds=entry.seconds))


def _flapping(current: Current, ref: ObjectRef, changes: tuple[Change, ...], rules: Rules) -> Skip | None:
    until = rules.flapping.get((current.key, created(changes)))
    if until is None or until <= rules.now:
        return None
    message = f"{current.key} was given the same again and again, as if somebody else undid it; it rests"
    return Skip(current.key, ref, reasons.FLAPPING, message, until)


def _within_policy(
    current: Current,
    records: Mapping[str, RecordSet],
    changes: tuple[Change, ...],
    winner: SourceObject,
    policy: Policy,
) -> list[PlanItem]:
    """The changes as one group, as far as the policy permits them."""
    because = f"{winner.resource} asks for it"
    if not (forbidden := _forbidden(current, records, policy)):
        verb = "update" if current.data else "create"
        return [ChangeGroup(current.key, current.name, verb, changes, winner.ref, because, winner.resource)]
    skip = Skip(current.key, winner.ref, reasons.POLICY_FORBIDS, forbidden)
    if not (changes := _without_deletions(current, records, changes, policy)):
        return [skip]
    group = ChangeGroup(current.key, current.name, "update", changes, winner.ref, because, winner.resource)
    return [skip, group]


def _forbidden(current: Current, records: Mapping[str, RecordSet], policy: Policy) -> str:
    """Why the policy does not permit the whole change; empty when it does."""
    if policy == "create-only" and current.data:
        return f"{current.name} differs from what is asked: policy create-only forbids updates"
    gone = sorted(current.data.keys() - records.keys())
    if gone and policy != "sync":
        return f"{current.name} keeps its {', '.join(gone)}: policy {policy} forbids deletes"
    return ""


def _without_deletions(
    current: Current, records: Mapping[str, RecordSet], changes: tuple[Change, ...], policy: Policy
) -> tuple[Change, ...]:
    """What remains of a change without its deletes: nothing where old and new exclude each other."""
    kinds = current.data.keys() | records.keys()
    if policy != "upsert-only" or ("CNAME" in kinds and len(kinds) > 1):
        return ()
    kept = current.data.keys() - records.keys()
    spared = {change.record.key for change in current.deletion(kept)}
    return tuple(change for change in changes if change.record.key not in spared)
