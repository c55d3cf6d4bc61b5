"""A plan as the lines that `--dry-run` prints."""

from collections.abc import Iterator
from typing import Any

from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.records import RecordSet
from addons.runtime.outcomes import PlanLine, Skip


def preview(plan: Plan) -> Iterator[PlanLine]:
    """One line for every action, and for every decision not to act."""
    for group in plan.groups:
        yield PlanLine(group.key, group.verb, str(group.ref or ""), group.because, _details(group))
    for skip in plan.skips:
        yield PlanLine(skip.key, "skip", str(skip.ref or ""), skip.message, _reason(skip))


def _details(group: ChangeGroup) -> dict[str, Any]:
    return {
        "changes": [
            {
                "action": change.action,
                "name": change.record.name,
                "type": change.record.type,
                "ttl": change.record.ttl,
                "values": list(change.record.values),
                **_routing(change.record),
            }
            for change in group.changes
        ]
    }


def _routing(record: RecordSet) -> dict[str, Any]:
    """Where an alias leads, and how the record set is routed; nothing for a plain one."""
    shown: dict[str, Any] = {}
    if record.alias:
        shown["alias"] = record.alias.name
    if record.set_identifier:
        shown["setIdentifier"] = record.set_identifier
        shown["routing"] = dict(record.routing)
    if record.health_check_id:
        shown["healthCheck"] = record.health_check_id
    return shown


def _reason(skip: Skip) -> dict[str, Any]:
    return {"reason": skip.reason}
