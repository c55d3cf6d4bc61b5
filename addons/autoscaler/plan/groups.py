"""What is going on in each group: what is there, what comes, and whether the group may grow."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group, Instance
from addons.autoscaler.model.intents import GroupRecord, Intent
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GroupState, WhyNot
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.proof import is_movable, is_proven

STALE_SECONDS = 180.0
"""A group that was read longer ago grows by a probe at most."""

SENDING_SECONDS = 60.0
"""An order that AWS does not show after this was never sent, or has been taken back by somebody else."""
_YOUNG_SECONDS = 120.0

Stage = Literal["ready", "starting", "unready", "going"]
_States = dict[str, list[str]]


def group_states(snapshot: Snapshot, options: GrowOptions) -> dict[str, GroupState]:
    """Look at every group, by name."""
    by_instance = nodes_by_instance(snapshot)
    return {
        name: _state_of(snapshot.groups[name], snapshot, by_instance, options)
        for name in sorted(snapshot.groups)
    }


def nodes_by_instance(snapshot: Snapshot) -> dict[str, Node]:
    """Find the node of each instance; those of no instance are left out."""
    return {node.instance: node for node in snapshot.nodes.values() if node.instance}


def stage_of(node: Node, snapshot: Snapshot, options: GrowOptions) -> Stage:
    """Say how far a node is. One that starts is given --max-node-startup-time, after which it is unready."""
    if node.to_be_deleted_since is not None or node.name in snapshot.removing:
        return "going"
    if node.is_ready and not node.starting_why:
        return "ready"
    return "starting" if snapshot.now - node.created < options.startup_seconds else "unready"


def starting_nodes(
    group: Group, by_instance: Mapping[str, Node], snapshot: Snapshot, options: GrowOptions
) -> tuple[Node, ...]:
    """List the nodes of a group that have joined and are not usable yet."""
    nodes = (by_instance.get(instance.id) for instance in group.instances if not instance.is_leaving)
    return tuple(
        node for node in nodes if node is not None and stage_of(node, snapshot, options) == "starting"
    )


def is_lost(instance: Instance, group: Group, record: GroupRecord, now: float) -> bool:
    """Whether an instance without a node has been there for longer than a node may need to join."""
    return now - record.seen.get(instance.id, now) > group.options.provision_seconds


def sent_target(group: Group, record: GroupRecord, now: float) -> int:
    """The desired capacity, with orders that are on their way to AWS, or that it does not show yet."""
    sent = [min(intent.target, group.max_size) for intent in record.intents if is_being_sent(intent, now)]
    return max([group.desired, *sent])


def is_being_sent(intent: Intent, now: float) -> bool:
    """Whether an order may not have come to AWS yet, or what is read of it is older."""
    if intent.state == "requested":
        return True
    return intent.state == "launching" and not intent.instances and now - intent.at <= SENDING_SECONDS


def _state_of(
    group: Group, snapshot: Snapshot, by_instance: Mapping[str, Node], options: GrowOptions
) -> GroupState:
    record = snapshot.memory.groups.get(group.name) or GroupRecord()
    found = _sorted_instances(group, record, snapshot, by_instance, options)
    counts = {stage: len(members) for stage, members in found.items()}
    target = sent_target(group, record, snapshot.now)
    given_up = min(record.undelivered, group.missing)
    owed = max(0, group.missing - given_up) + target - group.desired
    upcoming = owed + counts["unregistered"] + counts["starting"]
    proven = is_proven(group, record, by_instance, snapshot.pods_of)
    on_trial = upcoming + (0 if proven else _on_trial(group, record, snapshot, by_instance))
    step, held = _step(group, record, snapshot.now, on_trial, is_proven=proven)
    room = group.max_size - target + given_up
    return GroupState(
        group,
        ready=counts["ready"],
        unready=counts["unready"],
        starting=counts["starting"],
        unregistered=counts["unregistered"],
        upcoming=upcoming,
        lost=tuple(found["lost"]),
        why_not=_why_closed(group, record, snapshot)
        or _why_unhealthy(found, options)
        or _why_full(group, room)
        or held,
        step=max(0, min(step, room)),
        is_proven=proven,
        target=target,
        given_up=given_up,
    )


def _sorted_instances(
    group: Group,
    record: GroupRecord,
    snapshot: Snapshot,
    by_instance: Mapping[str, Node],
    options: GrowOptions,
) -> _States:
    """Sort a group's instances by what has become of them; those with a node are told by its name."""
    found: _States = {kind: [] for kind in ("ready", "starting", "unready", "going", "lost", "unregistered")}
    for instance in sorted(group.instances, key=lambda each: each.id):
        if instance.is_leaving:
            continue
        if (node := by_instance.get(instance.id)) is not None:
            found[stage_of(node, snapshot, options)].append(node.name)
        elif is_lost(instance, group, record, snapshot.now):
            found["lost"].append(instance.id)
        else:
            found["unregistered"].append(instance.id)
    return found


def _step(
    group: Group, record: GroupRecord, now: float, upcoming: int, *, is_proven: bool
) -> tuple[int, WhyNot | None]:
    """Say how many nodes may be added beside those on their way, and why none, if none."""
    age = now - group.observed
    if age > STALE_SECONDS:
        told = f"it was read at {clock_time(group.observed)} last"
        told += f": {group.degraded}" if group.degraded else ""
        return 1 - upcoming, WhyNot(names.STALE_VIEW, told) if upcoming else None
    if is_proven:
        left = group.options.max_step - upcoming
        told = f"{upcoming} nodes are on their way, and it grows by {group.options.max_step} at most"
        return left, WhyNot(names.STEP_LIMIT, told) if left <= 0 else None
    told = f"its first nodes have to show that they join and take pods: {upcoming} of {record.step}"
    left = record.step - upcoming
    return left, WhyNot(names.PROBING, f"{told} are on trial") if left <= 0 else None


def _on_trial(group: Group, record: GroupRecord, snapshot: Snapshot, by_instance: Mapping[str, Node]) -> int:
    """Count nodes that are ready and of which it is not known yet whether they help.

    Where the memory tells nothing of an order, a young node without pods is one as long as no template has
    been made of it.
    """
    settling = {each for intent in record.intents if intent.state == "ready" for each in intent.instances}
    template = snapshot.templates.get(group.name)
    if template is not None and template.source != "node":
        settling |= {
            each.id
            for each in group.instances
            if (node := by_instance.get(each.id)) is not None
            and node.is_ready
            and snapshot.now - node.ready_changed < _YOUNG_SECONDS
            and not any(
                is_movable(pod.is_daemon, pod.is_mirror) for pod in snapshot.pods_of.get(node.name, ())
            )
        }
    return len(settling)


def _why_closed(group: Group, record: GroupRecord, snapshot: Snapshot) -> WhyNot | None:
    if group.name not in snapshot.templates:
        return WhyNot(names.NO_TEMPLATE, snapshot.untemplated.get(group.name, "it has no template"))
    if "Launch" in group.suspended:
        return WhyNot(names.LAUNCH_SUSPENDED, "its process Launch is suspended")
    if record.rests_until > snapshot.now:
        until, why = clock_time(record.rests_until), record.failure or "unknown"
        return WhyNot(names.BACKED_OFF, f"it rests until {until} after a failure: {why}")
    return None


def clock_time(at: float) -> str:
    """Tell a time so that it is the same in every pass, as what is said of a pod is told once."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"


def _why_unhealthy(found: _States, options: GrowOptions) -> WhyNot | None:
    unready = found["unready"]
    total = len(unready) + len(found["ready"]) + len(found["starting"])
    if len(unready) <= options.ok_unready or 100 * len(unready) <= options.unready_percentage * total:
        return None
    named = ", ".join(unready[:3]) + (", ..." if len(unready) > 3 else "")
    return WhyNot(names.UNHEALTHY, f"{len(unready)} of its {total} nodes are not ready: {named}")


def _why_full(group: Group, room: int) -> WhyNot | None:
    if room > 0:
        return None
    return WhyNot(names.AT_MAX, f"it has {group.desired} of at most {group.max_size} nodes")
