"""The caps on a finished plan: no name is lost because a source was deaf, and no zone is emptied at once."""

from msgspec import Struct

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.records import ZoneRecords
from addons.runtime.outcomes import Skip


class DeleteLimits(Struct, frozen=True):
    """At most `percent` of the owned records of a zone go in one plan, but `least` may always go."""

    percent: int = 25
    least: int = 10


def guard(plan: Plan, observed: ZoneRecords, *, owner: str, limits: DeleteLimits, held: str = "") -> Plan:
    """Take the deletes out of `plan` when they may not happen now, each with its reason.

    `held` says in words why no delete is safe at present (a source is not in sync, the lease is nearly
    over); it is empty when all is well. Creates and updates always pass.
    """
    deletes = [group for group in plan.groups if group.verb == "delete"]
    if not deletes:
        return plan
    if held:
        return _hold(plan, deletes, reasons.DELETES_HELD, held)
    doomed = sum(1 for group in deletes for change in group.changes if change.record.type != "TXT")
    allowed = _allowance(observed, owner, limits, doomed)
    if doomed > allowed:
        message = f"{doomed} records would be deleted at once, at most {allowed} may be"
        return _hold(plan, deletes, reasons.DELETE_BUDGET, message)
    return plan


def _allowance(observed: ZoneRecords, owner: str, limits: DeleteLimits, doomed: int) -> int:
    if doomed <= limits.least:
        return limits.least
    return max(limits.least, count_owned(observed, owner) * limits.percent // 100)


def count_owned(observed: ZoneRecords, owner: str) -> int:
    """How many ownership texts of `owner` the zone has: one for each data record."""
    mark = f"external-dns/owner={owner},"
    return sum(1 for record in observed if record.type == "TXT" and mark in record.values[0])


def _hold(plan: Plan, deletes: list[ChangeGroup], reason: str, message: str) -> Plan:
    kept = tuple(group for group in plan.groups if group.verb != "delete")
    held = tuple(Skip(group.key, group.ref, reason, f"{group.name} stays: {message}") for group in deletes)
    return Plan(kept, plan.skips + held)
