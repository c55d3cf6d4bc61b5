"""A plan as the lines that `--dry-run` prints."""

from collections.abc import Iterator
from typing import Any

from addons.dns.model.actions import ChangeGroup, Plan
from addons.runtime.outcomes import Skip


def preview(plan: Plan) -> Iterator[dict[str, Any]]:
    """One JSON-able line for every action, and for every decision not to act."""
    for group in plan.groups:
        yield _line(group.key, group.verb, str(group.ref or ""), group.because, _details(group))
    for skip in plan.skips:
        yield _line(skip.key, "skip", str(skip.ref or ""), skip.message, _reason(skip))


def _line(key: str, action: str, obj: str, because: str, details: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, "action": action, "object": obj, "because": because, "details": details}


def _details(group: ChangeGroup) -> dict[str, Any]:
    return {
        "changes": [
            {
                "action": change.action,
                "name": change.record.name,
                "type": change.record.type,
                "ttl": change.record.ttl,
                "values": list(change.record.values),
            }
            for change in group.changes
        ]
    }


def _reason(skip: Skip) -> dict[str, Any]:
    return {"reason": skip.reason}
