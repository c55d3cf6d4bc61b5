"""Nodes that are not ready, instances that never became nodes, and what a cluster out of order forbids."""

from collections.abc import Container, Iterable, Mapping
from typing import Final

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GroupState, Removal, WhyNot
from addons.autoscaler.plan.shrink_options import ShrinkOptions

_NEVER_SECONDS: Final = 60.0
"""A node that is not ready since so soon after it was made has never been ready."""


def why_not_unready(node: Node, group: Group, *, options: ShrinkOptions, now: float) -> WhyNot | None:
    """Why a node that is not ready is no candidate yet, whatever it runs. None for one that is ready."""
    if node.is_ready:
        return None
    if not options.removes_unready:
        return WhyNot(
            names.SCALE_DOWN_OFF,
            f"it is not ready ({node.not_ready_why}), and such nodes stay (--no-scale-down-unready-enabled)",
        )
    if _is_booting(node, options, now):
        age = now - node.created
        message = f"it is not ready ({node.not_ready_why}) and may be starting: it is {age:.0f} s old"
        return WhyNot(names.STILL_STARTING, message)
    return None


def _is_booting(node: Node, options: ShrinkOptions, now: float) -> bool:
    """Whether a node has never been ready, and has time to become so."""
    is_young = now - node.created < options.startup_seconds
    return not node.is_ready and is_young and node.ready_changed - node.created < _NEVER_SECONDS


def unready_wait(node: Node, group: Group, now: float) -> float:
    """Seconds that a node must have been not ready still, before it may go."""
    return max(node.ready_changed, node.created) + group.options.unready_seconds - now


def health_gate(
    nodes: Iterable[Node], ours: Container[str], *, options: ShrinkOptions, now: float
) -> WhyNot | None:
    """Why no ready node is removed while too many of our own nodes are not ready; nodes of no group do not
    count, nor do those that start.
    """
    counted = [node for node in nodes if node.name in ours]
    unready = sorted(node.name for node in counted if not (node.is_ready or _is_booting(node, options, now)))
    if len(unready) <= options.ok_unready or len(unready) * 100 <= options.unready_percentage * len(counted):
        return None
    listed = ", ".join(unready[:5]) + (f" and {len(unready) - 5} more" if len(unready) > 5 else "")
    message = (
        f"{len(unready)} of {len(counted)} nodes are not ready ({listed}): ready ones are kept until they are"
    )
    return WhyNot(names.UNHEALTHY, message)


def lost_removals(states: Iterable[GroupState], sizes: Mapping[str, int]) -> tuple[Removal, ...]:
    """Instances that never became nodes: ended by their id, as far as the minimum of the group permits.

    `sizes` has, by group, how many of its instances stay. The answer is in the order of the groups' names.
    """
    found: list[Removal] = []
    for state in sorted(states, key=lambda each: each.group.name):
        group = state.group
        spare = sizes.get(group.name, 0) - group.min_size
        for instance in sorted(state.lost)[: max(0, spare)]:
            why = (
                f"instance {instance} of group {group.name} did not become a node in"
                f" {group.options.provision_seconds:.0f} s"
            )
            found.append(Removal("", instance, group.name, why))
    return tuple(found)
