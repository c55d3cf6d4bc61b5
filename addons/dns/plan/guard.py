"""The caps on a finished plan: no name is lost because a source was not read, no zone is emptied at once."""

from collections.abc import Container, Iterable
from datetime import datetime
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.records import ZoneRecords
from addons.dns.model.registry import Registry
from addons.runtime.outcomes import Skip


class DeleteLimits(Struct, frozen=True):
    """At most `percent` of the owned records of a zone go within a while, but `least` may always go.

    `spent` of them went within that while already, so that many small waves add up like one large one.
    """

    percent: int = 25
    least: int = 10
    spent: int = 0


def guard(
    plan: Plan,
    observed: ZoneRecords,
    *,
    registry: Registry,
    limits: DeleteLimits,
    held: str = "",
    uncounted: Container[str] = (),
) -> Plan:
    """Take the deletes out of `plan` when they may not happen now, each with its reason.

    `held` says in words why no delete is safe at present, which source is not in sync; it is empty when all
    are. Deletes whose keys are in `uncounted` pass without being counted. Creates and updates always pass.
    """
    deletes = deletes_of(plan)
    if deletes and held:
        return _hold(plan, deletes, reasons.DELETES_HELD, held)
    counted = [group for group in deletes if group.key not in uncounted]
    doomed = count_data(counted, registry)
    if doomed <= limits.least - limits.spent or doomed <= (left := _allowance(observed, registry, limits)):
        return plan
    lately = f" after {limits.spent} lately" if limits.spent else ""
    message = (
        f"{doomed} records would be deleted at once{lately}, at most {left} may be; "
        f"--approve-plan={approval_hash(counted)} lets them go"
    )
    return _hold(plan, counted, reasons.DELETE_BUDGET, message)


def await_successors(plan: Plan, pod_bound: Container[str], until: datetime) -> Plan:
    """Take out the deletes of names that come and go with pods, since the pods may have ended a moment ago.

    `pod_bound` are the objects other than pods that such names are made for, as ownership texts name them.
    """
    held = [group for group in deletes_of(plan) if _may_have_successor(group, pod_bound)]
    return _hold(plan, held, reasons.POD_RECORD_HELD, "a successor of its pod may follow", until)


def _may_have_successor(group: ChangeGroup, pod_bound: Container[str]) -> bool:
    """True for names that another pod may have next; a multivalue record set of a pod is that pod's alone."""
    if not group.resource.startswith("pod/"):
        return group.resource in pod_bound
    return all(field != "MultiValueAnswer" for change in group.changes for field, _ in change.record.routing)


def deletes_of(plan: Plan) -> list[ChangeGroup]:
    """The groups that take a whole name away."""
    return [group for group in plan.groups if group.verb == "delete"]


def count_data(groups: Iterable[ChangeGroup], registry: Registry) -> int:
    """How many data records the groups change, their ownership texts left aside."""
    return sum(1 for group in groups for change in group.changes if not registry.is_text(change.record))


def approval_hash(groups: Iterable[ChangeGroup]) -> str:
    """Names exactly these changes, in whatever order: one record more or less gives another hash."""
    lines = sorted(f"{group.key} {change!r}" for group in groups for change in group.changes)
    return sha256("\n".join(lines).encode()).hexdigest()[:12]


def _allowance(observed: ZoneRecords, registry: Registry, limits: DeleteLimits) -> int:
    """How many records may still go."""
    before = count_owned(observed, registry) + limits.spent
    return max(0, max(limits.least, before * limits.percent // 100) - limits.spent)


def count_owned(observed: ZoneRecords, registry: Registry) -> int:
    """How many ownership texts of ours the zone has: one for each data record."""
    mark = f"external-dns/owner={registry.owner},"  # nearly all texts are decided by this cheap look
    return sum(
        1
        for record in observed
        if record.type == "TXT" and (mark in record.values[0] or registry.is_ours(record))
    )


def _hold(
    plan: Plan, deletes: Iterable[ChangeGroup], reason: str, message: str, until: datetime | None = None
) -> Plan:
    doomed = {group.key for group in deletes}
    kept = tuple(group for group in plan.groups if group.verb != "delete" or group.key not in doomed)
    held = tuple(
        Skip(group.key, group.ref, reason, f"{group.name} stays: {message}", until) for group in deletes
    )
    return replace(plan, groups=kept, skips=plan.skips + held)
