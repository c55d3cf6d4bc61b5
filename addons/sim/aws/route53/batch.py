"""A change batch: all of it happens or none, and every change at fault is named.

Changes are judged in order, each against the zone as the earlier ones left it, so a name may change
its type within one batch when the DELETE stands before the CREATE.
"""

from collections.abc import Callable, Sequence

from addons.sim.aws.route53.errors import InvalidChangeBatch
from addons.sim.aws.route53.model import Change, Key, RecordSet
from addons.sim.aws.route53.names import is_within
from addons.sim.aws.route53.neighbours import neighbour_problems
from addons.sim.aws.route53.validate import check_form, content_problems, multivalue_problem
from addons.sim.aws.route53.zone import Draft, Zone

MAX_RECORDS = 1000
MAX_CHARACTERS = 32_000

IsZone = Callable[[str], bool]


def draft_changes(zone: Zone, changes: Sequence[Change], *, is_zone: IsZone, max_sets: int | None) -> Draft:
    """Give the zone as the batch would leave it; names in it must be parsed already.

    `is_zone` tells this account's hosted zone ids from foreign ones. Raises `InvalidInput` for a change of
    the wrong form and `InvalidChangeBatch` with the problems of all changes.
    """
    for change in changes:
        check_form(change)
    _check_size(changes)
    draft = Draft(zone)
    seen: dict[Key, str] = {}
    problems: list[str] = []
    for change in changes:
        found = _repeat_problem(change, seen) or _problems(draft, change, is_zone)
        if found:
            problems += found
        elif change.action == "DELETE":
            draft.remove(change.record_set.key)
        else:
            draft.put(change.record_set)
    if not problems and max_sets is not None and len(zone) + draft.growth() > max_sets:
        problems.append(f"Exceeded limit MAX_RRSETS_BY_ZONE for zone: {zone.id}")
    if problems:
        raise InvalidChangeBatch(problems)
    return draft


def _check_size(changes: Sequence[Change]) -> None:
    """Hold the limits of one request: an UPSERT is a delete and a create, so it counts twice."""
    records = characters = 0
    for action, record_set in changes:
        times = 2 if action == "UPSERT" else 1
        records += times * max(1, len(record_set.values))
        characters += times * sum(map(len, record_set.values))
    if records > MAX_RECORDS:
        raise InvalidChangeBatch([f"Number of records limit of {MAX_RECORDS} exceeded."])
    if characters > MAX_CHARACTERS:
        raise InvalidChangeBatch([f"RDATA character limit of {MAX_CHARACTERS} exceeded."])


def _repeat_problem(change: Change, seen: dict[Key, str]) -> list[str]:
    """Refuse a second change of a record set, unless it is the CREATE after its DELETE."""
    record_set = change.record_set
    earlier = seen.get(record_set.key)
    seen[record_set.key] = "done" if earlier else change.action
    if earlier is None or (earlier == "DELETE" and change.action == "CREATE"):
        return []
    return [
        "The request contains an invalid set of changes for a resource record set "
        f"'{record_set.type} {record_set.name}'"
    ]


def _problems(draft: Draft, change: Change, is_zone: IsZone) -> list[str]:
    record_set, zone = change.record_set, draft.zone
    if not is_within(record_set.name, zone.name):
        return [f"RRSet with DNS name {record_set.name} is not permitted in zone {zone.name}"]
    current = draft.at(record_set.name).get((record_set.type, record_set.set_id))
    if change.action == "DELETE":
        return _delete_problems(zone, record_set, current)
    problems = content_problems(record_set)
    if problem := multivalue_problem(record_set):
        problems.append(problem)
    if change.action == "CREATE" and current is not None:
        problems.append(f"Tried to create resource record set {_label(record_set)} but it already exists")
    return problems or neighbour_problems(draft, record_set, is_zone)


def _delete_problems(zone: Zone, record_set: RecordSet, current: RecordSet | None) -> list[str]:
    if current is None:
        return [f"Tried to delete resource record set {_label(record_set)} but it was not found"]
    if not current.same_as(record_set):
        return [
            f"Tried to delete resource record set {_label(record_set)} "
            "but the values provided do not match the current values"
        ]
    if record_set.name == zone.name and record_set.type == "SOA":
        return ["A HostedZone must contain exactly one SOA record."]
    if record_set.name == zone.name and record_set.type == "NS":
        return ["A HostedZone must contain at least one NS record for the zone itself."]
    return []


def _label(record_set: RecordSet) -> str:
    set_id = f", set identifier='{record_set.set_id}'" if record_set.set_id else ""
    return f"[name='{record_set.name}', type='{record_set.type}'{set_id}]"
