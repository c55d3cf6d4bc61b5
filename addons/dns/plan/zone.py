"""Decide what must change in one hosted zone. Same input, same plan, whatever its order. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from addons.dns import names as reasons
from addons.dns.model.actions import Plan, PlanItem
from addons.dns.model.endpoint import Endpoint
from addons.dns.model.records import RecordSet, Zone, ZoneRecords, family
from addons.dns.model.registry import Registry
from addons.dns.plan.current import Current, read_current
from addons.dns.plan.orphans import OrphanedTexts
from addons.dns.plan.record_kinds import keep_apart, switch_kind
from addons.dns.plan.records import Rules, plan_records, remove_orphan
from addons.dns.plan.standing import kept, with_standing
from addons.runtime.outcomes import Skip

_HARMLESS = (reasons.CLAIM_CONFLICT, reasons.RECORD_KEPT)
"""Reasons that do not keep an object from having its records otherwise than before."""


def plan_zone(
    zone: Zone,
    names: Iterable[str],
    desired: Mapping[str, Sequence[Endpoint]],
    observed: ZoneRecords,
    rules: Rules,
) -> Plan:
    """Bring `names` of `zone` to what `desired` says, touching only what an ownership text says is ours.

    A name without endpoints is given up. Names that `desired` has but `names` has not are left for later.
    `unsettled` of the plan has those of the names that are not exactly as asked for.
    """
    texts = OrphanedTexts(zone, desired, observed, rules.registry, rules.void_texts)
    unsettled: set[str] = set()
    orphans: dict[str, list[RecordSet]] = {}
    for name in names:
        held = observed.at(name)
        if any(record.type == "TXT" for record in held) and (found := texts.at(name)):
            orphans[name] = found
        elif _is_settled(zone, desired.get(name, ()), held, observed, rules):
            continue
        unsettled.add(name)
    items: list[PlanItem] = []
    for name in sorted(unsettled):
        planned = _plan_name(zone, name, desired.get(name, ()), observed, rules)
        items += switch_kind(planned, observed.at(name), rules.registry)
        items += (item for text in orphans.get(name, ()) for item in _plan_orphan(zone, text, texts, rules))
    plan = keep_apart(items, frozenset(unsettled))
    return replace(plan, orphans=frozenset(text.key for found in orphans.values() for text in found))


def _plan_orphan(zone: Zone, text: RecordSet, texts: OrphanedTexts, rules: Rules) -> Iterator[PlanItem]:
    """Remove an ownership text without a record, unless the record is to be made anew."""
    if texts.is_awaited(text):
        return
    said = rules.registry.owner_of(text)
    but = ""
    if said and said.resource in rules.unreadable:
        but = f"{said.resource} asks for a name that cannot be read"
    elif texts.may_be_misread(text):
        but = "with another --txt-prefix or --txt-suffix it could be that of a record without owner"
    yield remove_orphan(zone, text, rules, but=but)


def _is_settled(
    zone: Zone,
    endpoints: Sequence[Endpoint],
    held: Sequence[RecordSet],
    observed: ZoneRecords,
    rules: Rules,
) -> bool:
    """True when the name holds exactly the endpoints of one object, and our texts for them, as nearly all do.

    So do the names of the texts themselves, which nobody asks for. False decides nothing; the name is then
    looked at in full. The answer depends on nothing but the endpoints of the name, its records and their
    texts: what is settled stays so until one of these changes.
    """
    if not endpoints:
        return not any(map(rules.registry.is_data, held))
    first = endpoints[0]
    return len(held) == len(endpoints) and all(
        endpoint.asked_by == first.asked_by
        and not endpoint.keeps
        and _is_granted(zone, endpoint, observed, rules)
        for endpoint in endpoints
    )


def _is_granted(zone: Zone, endpoint: Endpoint, observed: ZoneRecords, rules: Rules) -> bool:
    registry = rules.registry
    record = observed.find(endpoint.name, endpoint.type, endpoint.set_identifier)
    if record is None or record != endpoint.record():
        return False
    if not registry.enabled:
        return True
    text = observed.find(registry.txt_name(record.name, record.type, zone.name), "TXT", record.set_identifier)
    return (
        text is not None
        and text.key not in rules.void_texts
        and text.values == (registry.text(endpoint.asked_by.resource),)
        and text.routing == record.routing
        and text.health_check_id == record.health_check_id
    )


def _plan_name(
    zone: Zone, name: str, endpoints: Sequence[Endpoint], observed: ZoneRecords, rules: Rules
) -> list[PlanItem]:
    """Plan what is asked for, then what is no longer: it stays as long as its successor cannot be made.

    Each set identifier and family of types is planned by itself. An object that asks in a way that cannot be
    used now gives up none of its records of the name.
    """
    items: list[PlanItem] = []
    left: list[Current] = []
    kept_for: set[str] = set()
    asked: dict[tuple[str, str], list[Endpoint]] = {}
    for endpoint in endpoints:
        if not endpoint.is_unusable:
            asked.setdefault((endpoint.set_identifier, family(endpoint.type)), []).append(endpoint)
    for identifier, kind in sorted({*asked, *_held(observed.at(name), rules.registry)}):
        current = read_current(zone, name, identifier, kind, observed, rules.registry, rules.void_texts)
        theirs = asked.get((identifier, kind), [])
        if unclear := _unclear(current, endpoints, rules):
            theirs, before = with_standing(theirs, unclear, current), theirs
            items += kept(before, theirs, current)
        if not theirs:
            left.append(current)
            continue
        planned = plan_records(current, theirs, observed, rules)
        if any(isinstance(item, Skip) and item.reason not in _HARMLESS for item in planned):
            kept_for.update(endpoint.asked_by.resource for endpoint in theirs)
        items += planned
    for current in left:
        if (resource := current.resource) in kept_for:
            message = f"{current.name} stays as {resource} had it, which cannot have it otherwise now"
            items.append(Skip(current.key, None, reasons.RECORD_KEPT, message))
        else:
            items += plan_records(current, (), observed, rules)
    return items


def _unclear(current: Current, endpoints: Sequence[Endpoint], rules: Rules) -> list[Endpoint]:
    """The endpoints of the name that cannot be used now.

    One stands for the object that the records were made for, if that asks for a name which cannot be read,
    and does not ask for this one.
    """
    found = [endpoint for endpoint in endpoints if endpoint.is_unusable]
    owner = rules.unreadable.get(current.resource) if rules.unreadable else None
    lasting = {endpoint.asked_by.resource for endpoint in endpoints if not endpoint.keeps}
    if owner and owner.resource not in lasting:
        found.append(Endpoint(current.name, "", (), 0, owner, is_unusable=True))
    return sorted(found, key=lambda endpoint: (endpoint.asked_by.resource, endpoint.type))


def _held(records: Iterable[RecordSet], registry: Registry) -> set[tuple[str, str]]:
    """The set identifiers and families of the data records that a name has."""
    return {(record.set_identifier, family(record.type)) for record in records if registry.is_data(record)}
