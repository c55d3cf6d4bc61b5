"""Decide what must change in one hosted zone. Same input, same plan, whatever its order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.claims import Claim, Claimant
from addons.dns.model.ownership import Registry
from addons.dns.model.records import Change, RecordSet, Zone, ZoneRecords, family
from addons.dns.plan.changes import difference, removal
from addons.dns.plan.collisions import separate
from addons.dns.plan.conflicts import settle, standing
from addons.dns.plan.obstacles import obstacle
from addons.dns.plan.rows import Row, read_row
from addons.runtime.outcomes import Blocked, ObjectRef, Skip

Policy = Literal["sync", "upsert-only", "create-only"]


class Rules(Struct, frozen=True):
    """What every decision obeys: whose records, which kinds of change, and what must rest for now."""

    registry: Registry
    policy: Policy
    blocked: Mapping[str, Blocked]


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
    for name in sorted(set(names)):
        claims = wanted.get(name, ())
        if len(claims) == 1 and _is_settled(zone, claims[0], observed, rules.registry):
            continue
        for identifier, kind in _rows(claims, observed.at(name), rules.registry):
            row = read_row(zone, name, identifier, kind, observed, rules.registry)
            asked = [
                claim for claim in claims if (claim.set_identifier, family(claim.type)) == (identifier, kind)
            ]
            for decision in _plan_row(zone, row, asked, observed, rules):
                if isinstance(decision, ChangeGroup):
                    groups.append(decision)
                else:
                    skips.append(decision)
    return separate(groups, skips)


def _is_settled(zone: Zone, claim: Claim, observed: ZoneRecords, registry: Registry) -> bool:
    """True when the name holds exactly this claim and our text for it: the shortcut for nearly all names.

    False decides nothing; the name is then looked at in full.
    """
    records = observed.at(claim.name)
    if len(records) != 1 or records[0] != claim.record():
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


def _rows(claims: Sequence[Claim], records: Sequence[RecordSet], registry: Registry) -> list[tuple[str, str]]:
    """The set identifiers and families that a name has, or is asked to have."""
    found = {(record.set_identifier, family(record.type)) for record in records if registry.is_data(record)}
    found.update((claim.set_identifier, family(claim.type)) for claim in claims)
    return sorted(found)


def _plan_row(
    zone: Zone, row: Row, claims: Sequence[Claim], observed: ZoneRecords, rules: Rules
) -> Iterator[ChangeGroup | Skip]:
    counting = standing(claims, row.data)
    if not counting:
        yield from _give_up(zone, row, rules)
        return
    verdict = settle(counting, row.resource(rules.registry.owner))
    for ref in verdict.losers:
        message = (
            f"{row.name} is held by {verdict.winner.resource}; {ref} asks for it too and does not get it"
        )
        yield Skip(_key(zone, row), ref, reasons.CLAIM_CONFLICT, message)
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
    if all(claim.is_pending for claim in claims.values()):
        message = f"{winner.resource} has no target for {row.name} now; what exists stays"
        yield Skip(key, winner.ref, reasons.NO_TARGETS, message)
        return
    records = {claim.type: claim.record() for claim in claims.values() if not claim.is_pending}
    if found := obstacle(zone, row, records, observed, rules.registry):
        yield Skip(key, winner.ref, *found)
        return
    changes = difference(zone, row, records, winner.resource, observed, rules.registry)
    if not changes:
        return
    if resting := _resting(key, winner.ref, rules):
        yield resting
    elif forbidden := _forbidden(row, records, rules.policy):
        yield Skip(key, winner.ref, reasons.POLICY_FORBIDS, forbidden)
        if changes := _without_removals(row, records, changes, rules.policy):
            yield ChangeGroup(key, row.name, "update", changes, winner.ref, f"{winner.resource} asks for it")
    else:
        verb = "update" if row.data else "create"
        yield ChangeGroup(key, row.name, verb, changes, winner.ref, f"{winner.resource} asks for it")


def _give_up(zone: Zone, row: Row, rules: Rules) -> Iterator[ChangeGroup | Skip]:
    """Delete what is ours and nobody asks for any more."""
    owner = rules.registry.owner
    ours = tuple(kind for kind in row.data if kind not in row.strangers(owner))
    if not ours or not rules.registry.enabled:
        return
    key = _key(zone, row)
    because = f"{row.resource(owner) or 'nobody'} no longer asks for it"
    if rules.policy != "sync":
        message = f"{row.name} stays, although {because}: policy {rules.policy} forbids deletes"
        yield Skip(key, None, reasons.POLICY_FORBIDS, message)
    elif resting := _resting(key, None, rules):
        yield resting
    else:
        yield ChangeGroup(key, row.name, "delete", removal(row, ours), None, because)


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
    return Skip(key, ref, reasons.BLOCKED, message, entry.until)


def _key(zone: Zone, row: Row) -> str:
    """Names one row in decisions and in the ledger: zone/name, and what else there is to tell rows apart."""
    marks = (row.set_identifier, row.family and f"type={row.family}")
    return "#".join((f"{zone.id}/{row.name}", *filter(None, marks)))
