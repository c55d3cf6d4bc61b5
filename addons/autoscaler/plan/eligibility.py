"""Whether a node is worth a thought at all: rules in a fixed order, of which the first that speaks counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group, Instance
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.unready import why_not_unready
from addons.autoscaler.plan.utilization import Utilization, Utilizations, threshold

STALE_SECONDS: Final = 180.0
"""A group that AWS has not told of for so long is left alone."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The group of a node, and its instance as AWS tells of it."""

    group: Group
    instance: Instance


def memberships(snapshot: Snapshot) -> Mapping[str, Membership]:
    """Node -> its group."""
    by_instance = {
        instance.id: Membership(group, instance)
        for group in snapshot.groups.values()
        for instance in group.instances
    }
    found = {}
    for name, node in snapshot.nodes.items():
        if node.instance and (member := by_instance.get(node.instance)):
            found[name] = member
    return found


@dataclass(slots=True)
class Facts:
    """What the rules go by, for one pass. `used` has the utilisation of each node that it was asked of."""

    snapshot: Snapshot
    options: ShrinkOptions
    members: Mapping[str, Membership]
    utilizations: Utilizations
    used: dict[str, Utilization] = field(default_factory=dict)


Rule = Callable[[Node, Facts], WhyNot | None]


def own_node(node: Node, facts: Facts) -> WhyNot | None:
    """We do not remove what we stand on."""
    if node.name != facts.snapshot.own_node:
        return None
    return WhyNot(names.OWN_NODE, "the autoscaler runs on it")


def being_removed(node: Node, facts: Facts) -> WhyNot | None:
    """It goes already."""
    if node.name in facts.snapshot.removing:
        return WhyNot(names.BEING_REMOVED, "its removal is under way")
    if node.to_be_deleted_since is not None:
        return WhyNot(names.BEING_REMOVED, f"it has the taint {names.TO_BE_DELETED}")
    return None


def in_no_group(node: Node, facts: Facts) -> WhyNot | None:
    """It is none of ours."""
    if node.name in facts.members:
        return None
    instance = f"its instance {node.instance}" if node.instance else "it"
    return WhyNot(names.NO_GROUP, f"{instance} is in none of the groups")


def being_rolled(node: Node, facts: Facts) -> WhyNot | None:
    """Somebody replaces the instances of its group, and has ordered some that have no pods yet."""
    group = facts.members[node.name].group.name
    note = facts.snapshot.rolls.get(group)
    return WhyNot(names.BEING_ROLLED, f"its group {group} is being rolled by {note.by}") if note else None


def instance_leaves(node: Node, facts: Facts) -> WhyNot | None:
    """AWS ends it already."""
    instance = facts.members[node.name].instance
    if not instance.is_leaving:
        return None
    return WhyNot(names.BEING_REMOVED, f"its instance {instance.id} is {instance.state}")


def disabled(node: Node, facts: Facts) -> WhyNot | None:
    """Its owner says that it stays."""
    if not node.scale_down_disabled:
        return None
    return WhyNot(names.DISABLED_BY_ANNOTATION, f"it has the annotation {names.SCALE_DOWN_DISABLED}")


def protected(node: Node, facts: Facts) -> WhyNot | None:
    """Its instance is protected from scale-in."""
    instance = facts.members[node.name].instance
    if not instance.is_protected:
        return None
    return WhyNot(names.INSTANCE_PROTECTED, f"its instance {instance.id} is protected from scale-in")


def stale_group(node: Node, facts: Facts) -> WhyNot | None:
    """What AWS said of its group is too old."""
    group = facts.members[node.name].group
    age = facts.snapshot.now - group.observed
    if age <= STALE_SECONDS:
        return None
    why = f": {group.degraded}" if group.degraded else ""
    return WhyNot(names.STALE_VIEW, f"group {group.name} was read {age:.0f} s ago{why}")


def unready(node: Node, facts: Facts) -> WhyNot | None:
    """It is not ready, and may become so."""
    if node.is_ready:
        return None
    group = facts.members[node.name].group
    return why_not_unready(node, group, options=facts.options, now=facts.snapshot.now)


def starting(node: Node, facts: Facts) -> WhyNot | None:
    """It is not what it will be."""
    if not node.starting_why or not node.is_ready:
        return None
    return WhyNot(names.STILL_STARTING, f"it is starting: {node.starting_why}")


def in_use(node: Node, facts: Facts) -> WhyNot | None:
    """Its pods request too much of it."""
    options = facts.members[node.name].group.options
    pods = facts.snapshot.pods_of.get(node.name, ())
    used = facts.utilizations.of(node, pods, options, shrink=facts.options, now=facts.snapshot.now)
    facts.used[node.name] = used
    most = threshold(node, options)
    if used.share <= most:
        return None
    return WhyNot(names.NOT_UNDERUTILIZED, f"{used}, more than {most:.1%}")


RULES: Final[tuple[Rule, ...]] = (
    own_node,
    being_removed,
    in_no_group,
    instance_leaves,
    being_rolled,
    disabled,
    protected,
    stale_group,
    unready,
    starting,
    in_use,
)


def why_not_candidate(node: Node, facts: Facts) -> WhyNot | None:
    """Why a node is not looked at further."""
    for rule in RULES:
        if why := rule(node, facts):
            return why
    return None
