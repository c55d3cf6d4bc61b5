"""Why a pod cannot be on a node, in the scheduler's words and order: the first filter that refuses speaks."""

from collections.abc import Callable
from typing import Any

from addons.sim.cluster.affinity import AFFINITY, affinity_obstacles
from addons.sim.cluster.board import Board, NodeView, PodView
from addons.sim.cluster.matching import hard_taints, is_selected, tolerates
from addons.sim.cluster.spread import MISSING, spread_obstacles
from addons.sim.cluster.volumes import CONFLICT, NO_PLACE, volume_obstacles

Object = dict[str, Any]
Filter = Callable[[PodView, NodeView, Board], list[str]]

SELECTOR = "node(s) didn't match Pod's node affinity/selector"
TAINT = "node(s) had untolerated taint(s)"
UNSCHEDULABLE = "node(s) were unschedulable"
_UNSCHEDULABLE_KEY = "node.kubernetes.io/unschedulable"


def obstacles(pod: PodView, node: NodeView, board: Board) -> list[str]:
    """What keeps a pod from a node; nothing when it fits."""
    for refuse in _FILTERS:
        if found := refuse(pod, node, board):
            return found
    return []


def _unschedulable(pod: PodView, node: NodeView, _: Board) -> list[str]:
    taint = {"key": _UNSCHEDULABLE_KEY, "effect": "NoSchedule"}
    return (
        [UNSCHEDULABLE] if node.obj.get("spec", {}).get("unschedulable") and not tolerates(pod, taint) else []
    )


def _taints(pod: PodView, node: NodeView, _: Board) -> list[str]:
    return [] if all(tolerates(pod, taint) for taint in hard_taints(node)) else [TAINT]


def _selectors(pod: PodView, node: NodeView, _: Board) -> list[str]:
    return [] if is_selected(pod, node) else [SELECTOR]


def _ports(pod: PodView, node: NodeView, _: Board) -> list[str]:
    taken = {port for other in node.pods for port in other.ports()}
    for address, protocol, number in pod.ports():
        for there, other_protocol, other_number in taken:
            is_same = (protocol, number) == (other_protocol, other_number)
            if is_same and (address == there or "0.0.0.0" in (address, there)):
                return ["node(s) didn't have free ports for the requested pod ports"]
    return []


def _resources(pod: PodView, node: NodeView, _: Board) -> list[str]:
    found = []
    for name, wanted in pod.requests.items():
        if wanted and node.used[name] + wanted > node.allocatable.get(name, 0):
            found.append("Too many pods" if name == "pods" else f"Insufficient {name}")
    return found


_FILTERS: tuple[Filter, ...] = (
    _unschedulable,
    _taints,
    _selectors,
    _ports,
    _resources,
    volume_obstacles,
    spread_obstacles,
    affinity_obstacles,
)

_HOPELESS = frozenset({SELECTOR, TAINT, UNSCHEDULABLE, AFFINITY, MISSING, CONFLICT, NO_PLACE})


def is_hopeless(pod: PodView, node: NodeView, found: list[str]) -> bool:
    """Whether what keeps a pod from a node stays although others were to leave it."""
    is_too_big = any(wanted > node.allocatable.get(name, 0) for name, wanted in pod.requests.items())
    return not _HOPELESS.isdisjoint(found) or (is_too_big and any("Insufficient" in each for each in found))
