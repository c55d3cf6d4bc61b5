"""What the status page and `/api/state` show: groups, waiting pods and what keeps them, nodes that stay."""

from collections import Counter
from collections.abc import Iterator, Mapping

from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.controller.telling import reasons_of_groups
from addons.autoscaler.model.intents import GroupRecord
from addons.autoscaler.model.plans import GroupState, Waits, WhyNot

MOST_ROWS = 1000
"""Of pods, and of nodes, there are no more in the state; the page shows fewer, and looks among these."""


def state_of(
    done: Pass | None,
    *,
    calls: Mapping[str, float],
    drains: Mapping[str, str],
    caps: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """What there is to show after a pass. `calls` are groups with a call under way and its seconds, `drains`
    nodes with what is being done with them, `caps` what the whole cluster must not exceed.
    """
    if done is None:
        return {"groups": [], "waitingPods": [], "stayingNodes": []}
    return {
        "nodes": len(done.snapshot.nodes),
        "pendingPods": len(done.grow.waits) + sum(len(each.pods) for each in done.grow.orders),
        "caps": caps or {},
        "removalsHeld": done.snapshot.is_stale,
        "nodesStayBy": dict(Counter(why.code for why in done.shrink.stays.values()).most_common()),
        "groups": [_group(done, state, calls) for _, state in sorted(done.states.items())],
        "waitingPods": list(_pods(done)),
        "drains": [{"node": name, "stage": stage} for name, stage in sorted(drains.items())],
        "stayingNodes": list(_nodes(done)),
    }


def _group(done: Pass, state: GroupState, calls: Mapping[str, float]) -> dict[str, object]:
    group = state.group
    template = done.snapshot.templates.get(group.name)
    why = state.why_not or done.grow.held.get(group.name)
    row: dict[str, object] = {
        "group": group.name,
        "desired": group.desired,
        "limits": f"{group.min_size} to {group.max_size}",
        "ready": state.ready,
        "upcoming": state.upcoming,
        "unready": state.unready,
        "growsNow": f"by {state.step} at most" if state.step and not why else _why(why),
        "orders": _orders(done.memory.groups.get(group.name, GroupRecord())),
        "template": f"by {template.source}"
        if template
        else done.snapshot.untemplated.get(group.name, "none"),
    }
    if template and template.predicted_difference:
        row["tagsDiffer"] = list(template.predicted_difference)
    if note := done.snapshot.rolls.get(group.name):
        row["roll"] = f"{len(note.old)} instances are to be replaced by {note.by}"
    if group.degraded:
        row["degraded"] = group.degraded
    if (seconds := calls.get(group.name)) is not None:
        row["call"] = f"under way for {seconds:.0f} s"
    return row


def _orders(record: GroupRecord) -> list[str]:
    return [f"{each.count} node{'s' * (each.count > 1)} {each.state}" for each in record.intents]


def _why(why: WhyNot | None) -> str:
    return f"{why.code}: {why.message}" if why else "no"


def _pods(done: Pass) -> Iterator[dict[str, object]]:
    """A row for all pods that are alike and wait for the same, with what keeps them from each group."""
    alike: dict[tuple[str, tuple[str, ...]], list[Waits]] = {}
    for waits in done.grow.waits:
        alike.setdefault((waits.pod.cls.digest, reasons(waits)), []).append(waits)
    for (_, words), found in sorted(alike.items(), key=lambda item: -len(item[1]))[:MOST_ROWS]:
        yield {"pods": len(found), "suchAs": str(found[0].pod), "waits": list(words)}


def reasons(waits: Waits) -> tuple[str, ...]:
    """Why a pod stays pending, a sentence for all groups that have the same against it."""
    if waits.why:
        return (f"{waits.why.message} ({waits.why.code})",)
    return reasons_of_groups(waits.groups) or ("no group is known",)


def _nodes(done: Pass) -> Iterator[dict[str, object]]:
    """Nodes that stay, each with its reason; of very many those with the rarer reasons first."""
    counts = Counter(why.code for why in done.shrink.stays.values())
    rows = sorted(done.shrink.stays.items(), key=lambda item: (counts[item[1].code], item[1].code, item[0]))
    group_of = done.groups_of_nodes()
    for name, why in rows[:MOST_ROWS]:
        yield {
            "reason": why.code,
            "node": name,
            "group": group_of.get(name, ""),
            "message": why.message,
            "pod": why.about,
        }
