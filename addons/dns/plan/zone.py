"""Decide what must change in one hosted zone. Same input, same plan, whatever its order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, Conflict, Plan
from addons.dns.model.claims import Claim, Claimant
from addons.dns.model.ownership import Registry
from addons.dns.model.records import Change, RecordSet, Zone, ZoneRecords, family
from addons.dns.plan.aliases import record_sets
from addons.dns.plan.changes import difference, removal
from addons.dns.plan.collisions import separate
from addons.dns.plan.conflicts import settle, standing
from addons.dns.plan.obstacles import Obstacle, obstacle
from addons.dns.plan.rows import Row, read_row
from addons.dns.plan.turns import Decision, turn
from addons.runtime.outcomes import Blocked, ObjectRef, Skip

Policy = Literal["sync", "upsert-only", "create-only"]


_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)

Written = tuple[str, tuple[RecordSet, ...]]
"""The key of a row, and everything that one change has created in it."""


class Rules(Struct, frozen=True):
    """What every decision obeys: whose records, which kinds of change, and what must rest for now.

    `holds` says until when a row without targets keeps its records, `flapping` until when a row may not be
    given once more what it was given again and again. Both are compared with `now`. `alias_zones` are the
    hosted zones of alias targets that were asked for.
    """

    registry: Registry
    policy: Policy
    blocked: Mapping[str, Blocked]
    now: datetime = _LONG_AGO
    holds: Mapping[str, datetime] = {}
    flapping: Mapping[Written, datetime] = {}
    alias_zones: Mapping[str, str] = {}


def plan_zone(
    zone: Zone,
    names: Iterable[str],
    wanted: Mapping[str, Sequence[Claim]],
    observed: ZoneRecords,
    rules: Rules,
) -> Plan:
    """Bring `names` of `zone` to what `wanted` says, touching only what an ownership text says is ours.

    A name without claims is given up. Names that `wanted` has but `names` has not are left for another time.
    """
    groups: list[ChangeGroup] = []
    skips: list[Skip] = []
    unsettled = {
        name
        for name in names
        if not _is_settled(zone, wanted.get(name, ()), observed.at(name), observed, rules.registry)
    }
    for name in sorted(unsettled):
        decisions = list(_plan_name(zone, name, wanted.get(name, ()), observed, rules))
        for decision in turn(decisions, observed.at(name), rules.registry):
            if isinstance(decision, ChangeGroup):
                groups.append(decision)
            else:
                skips.append(decision)
    return separate(groups, skips)


def _is_settled(
    zone: Zone,
    claims: Sequence[Claim],
    held: Sequence[RecordSet],
    observed: ZoneRecords,
    registry: Registry,
) -> bool:
    """True when the name holds exactly the claims of one object, and our texts for them: nearly all names do.

    So do those of the texts themselves, which nobody asks for. False decides nothing; the name is then looked
    at in full.
    """
    if not claims:
        return not any(map(registry.is_data, held))
    first = claims[0]
    return len(held) == len(claims) and all(
        claim.claimant == first.claimant and _is_granted(zone, claim, observed, registry) for claim in claims
    )


def _is_granted(zone: Zone, claim: Claim, observed: ZoneRecords, registry: Registry) -> bool:
    if observed.find(claim.name, claim.type, claim.set_identifier) != claim.record():
        return False
    if not registry.enabled:
        return True
    text = observed.find(registry.txt_name(claim.name, claim.type, zone.name), "TXT", claim.set_identifier)
    return (
        text is not None
        and text.values == (registry.text(claim.claimant.resource),)
        and text.routing == claim.routing
        and text.health_check_id == claim.health_check_id
    )


def _plan_name(
    zone: Zone, name: str, claims: Sequence[Claim], observed: ZoneRecords, rules: Rules
) -> Iterator[Decision]:
    """Plan what is asked for, then what is no longer: it stays as long as its successor cannot be made."""
    left: list[Row] = []
    hindered: set[str] = set()
    by_row: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        by_row.setdefault((claim.set_identifier, family(claim.type)), []).append(claim)
    for identifier, kind in _rows(by_row, observed.at(name), rules.registry):
        row = read_row(zone, name, identifier, kind, observed, rules.registry)
        if not (asked := by_row.get((identifier, kind))):
            left.append(row)
            continue
        for decision in _plan_row(zone, row, asked, observed, rules):
            if isinstance(decision, Skip) and decision.reason != reasons.CLAIM_CONFLICT:
                hindered.update(claim.claimant.resource for claim in asked)
            yield decision
    for row in left:
        if (resource := row.resource(rules.registry)) in hindered:
            message = f"{row.name} stays as {resource} had it, which cannot have it otherwise now"
            yield Skip(_key(zone, row), None, reasons.RECORD_KEPT, message)
        else:
            yield from _plan_row(zone, row, (), observed, rules)


def _rows(
    asked: Iterable[tuple[str, str]], records: Sequence[RecordSet], registry: Registry
) -> list[tuple[str, str]]:
    """The set identifiers and families that a name has, or is asked to have."""
    found = {(record.set_identifier, family(record.type)) for record in records if registry.is_data(record)}
    return sorted(found.union(asked))


def _plan_row(
    zone: Zone, row: Row, claims: Sequence[Claim], observed: ZoneRecords, rules: Rules
) -> Iterator[ChangeGroup | Skip]:
    counting = standing(claims, row.data)
    if not counting:
        yield from _give_up(zone, row, rules)
        return
    verdict = settle(_not_lapsed(zone, row, counting, rules), row.resource(rules.registry))
    for ref in verdict.losers:
        message = (
            f"{row.name} is held by {verdict.winner.resource}; {ref} asks for it too and does not get it"
        )
        holder = verdict.winner.resource
        yield Conflict(_key(zone, row), ref, reasons.CLAIM_CONFLICT, message, holder=holder)
    yield from _grant(zone, row, verdict.granted, verdict.winner, observed, rules)


def _grant(
    zone: Zone,
    row: Row,
    claims: Mapping[str, Claim],
    winner: Claimant,
    observed: ZoneRecords,
    rules: Rules,
) -> Iterator[ChangeGroup | Skip]:
    """Make the row what one object wants, or say what stands in the way."""
    key = _key(zone, row)
    if any(claim.is_unclear for claim in claims.values()):
        message = f"{row.name} stays as it is: how {winner.resource} asks for it makes no sense"
        yield Skip(key, winner.ref, reasons.RECORD_KEPT, message)
        return
    if all(claim.is_pending for claim in claims.values()):
        yield from _wait_for_targets(zone, row, winner, rules)
        return
    records, found = record_sets(zone, claims.values(), observed, rules.alias_zones)
    if found := found or obstacle(zone, row, records, observed, rules.registry):
        yield _hindered(key, winner.ref, found)
        return
    changes = difference(zone, row, records, winner.resource, observed, rules.registry)
    if not changes:
        return
    if resting := _resting(key, winner.ref, rules) or _flapping(key, winner.ref, changes, rules):
        yield resting
    elif forbidden := _forbidden(row, records, rules.policy):
        yield Skip(key, winner.ref, reasons.POLICY_FORBIDS, forbidden)
        if changes := _without_removals(row, records, changes, rules.policy):
            yield ChangeGroup(key, row.name, "update", changes, winner.ref, f"{winner.resource} asks for it")
    else:
        verb = "update" if row.data else "create"
        yield ChangeGroup(key, row.name, verb, changes, winner.ref, f"{winner.resource} asks for it")


def _hindered(key: str, ref: ObjectRef, found: Obstacle) -> Skip:
    if found.holder:
        return Conflict(key, ref, found.reason, found.message, holder=found.holder)
    return Skip(key, ref, found.reason, found.message)


def _wait_for_targets(zone: Zone, row: Row, winner: Claimant, rules: Rules) -> Iterator[ChangeGroup | Skip]:
    """Keep the records of an object that has no targets, until the hold is over."""
    key, until = _key(zone, row), rules.holds.get(_key(zone, row))
    message = f"{winner.resource} has no target for {row.name} now"
    if until is not None and until <= rules.now:
        yield Skip(key, winner.ref, reasons.NO_TARGETS, f"{message}, and had none for long")
        yield from _give_up(zone, row, rules, f"{winner.resource} has had no target for long")
    else:
        yield Skip(key, winner.ref, reasons.NO_TARGETS, f"{message}; what exists stays for a while", until)


def _not_lapsed(zone: Zone, row: Row, claims: Sequence[Claim], rules: Rules) -> Sequence[Claim]:
    """The claims without those that lack targets, once the hold is over and others have some."""
    until = rules.holds.get(_key(zone, row))
    if until is None or until > rules.now:
        return claims
    return [claim for claim in claims if not claim.is_pending] or claims


def _give_up(zone: Zone, row: Row, rules: Rules, because: str = "") -> Iterator[ChangeGroup | Skip]:
    """Delete what is ours and nobody asks for any more."""
    ours = row.ours(rules.registry)
    if not ours or not rules.registry.enabled:
        return
    key = _key(zone, row)
    resource = row.resource(rules.registry)
    because = because or f"{resource or 'nobody'} no longer asks for it"
    if rules.policy != "sync":
        message = f"{row.name} stays, although {because}: policy {rules.policy} forbids deletes"
        yield Skip(key, None, reasons.POLICY_FORBIDS, message)
    elif resting := _resting(key, None, rules):
        yield resting
    else:
        yield ChangeGroup(key, row.name, "delete", removal(row, ours), None, because, resource)


def _forbidden(row: Row, records: Mapping[str, RecordSet], policy: Policy) -> str:
    """Why the policy does not permit the whole change of the row; empty when it does."""
    if policy == "create-only" and row.data:
        return f"{row.name} differs from what is asked: policy create-only forbids updates"
    gone = sorted(row.data.keys() - records.keys())
    if gone and policy != "sync":
        return f"{row.name} keeps its {', '.join(gone)}: policy {policy} forbids deletes"
    return ""


def _without_removals(
    row: Row, records: Mapping[str, RecordSet], changes: tuple[Change, ...], policy: Policy
) -> tuple[Change, ...]:
    """What remains of a change without its deletes: nothing where old and new exclude each other."""
    kinds = row.data.keys() | records.keys()
    if policy != "upsert-only" or ("CNAME" in kinds and len(kinds) > 1):
        return ()
    kept = row.data.keys() - records.keys()
    spared = {row.data[kind].key for kind in kept}
    spared.update(proof.key for kind in kept for proof in row.proofs.get(kind, ()))
    return tuple(change for change in changes if change.record.key not in spared)


def _resting(key: str, ref: ObjectRef | None, rules: Rules) -> Skip | None:
    entry = rules.blocked.get(key)
    if entry is None:
        return None
    message = f"{key} rests after {entry.failures} failures: {entry.message}"
    return Skip(key, ref, reasons.BLOCKED, message, rules.now + timedelta(seconds=entry.seconds))


def _flapping(key: str, ref: ObjectRef, changes: tuple[Change, ...], rules: Rules) -> Skip | None:
    until = rules.flapping.get((key, created(changes)))
    if until is None or until <= rules.now:
        return None
    message = f"{key} was given the same again and again, as if somebody else undid it; it rests"
    return Skip(key, ref, reasons.FLAPPING, message, until)


def created(changes: Iterable[Change]) -> tuple[RecordSet, ...]:
    """Everything that some changes create."""
    return tuple(change.record for change in changes if change.action == "CREATE")


def _key(zone: Zone, row: Row) -> str:
    """Names one row in decisions and in the ledger: zone/name, and what else there is to tell rows apart."""
    marks = (row.set_identifier, row.family and f"type={row.family}")
    return "#".join((f"{zone.id}/{row.name}", *filter(None, marks)))
