"""Topology spread constraints that forbid: how many pods each domain has, and where one more may go."""

from collections import Counter

from addons.sim.cluster.board import Board, NodeView, Object, PodView
from addons.sim.cluster.matching import hard_taints, is_selected, tolerates
from addons.sim.kubeapi.selectors import matches_selector

SPREAD = "node(s) didn't match pod topology spread constraints"
MISSING = f"{SPREAD} (missing required label)"


def spread_obstacles(pod: PodView, node: NodeView, board: Board) -> list[str]:
    """Whether one more pod on a node would be one too many in its domain."""
    hard = [
        each
        for each in pod.spec.get("topologySpreadConstraints") or ()
        if each.get("whenUnsatisfiable") == "DoNotSchedule"
    ]
    keys = [each["topologyKey"] for each in hard]
    if any(key not in node.labels for key in keys):
        return [MISSING]
    for constraint in hard:
        if _is_too_many(constraint, keys, pod, node, board):
            return [SPREAD]
    return []


def _is_too_many(constraint: Object, keys: list[str], pod: PodView, node: NodeView, board: Board) -> bool:
    key = constraint["topologyKey"]
    selector = _selector(constraint, pod)
    counts: Counter[str] = Counter()
    for there in board.nodes.values():
        if all(each in there.labels for each in keys) and _counts(constraint, pod, there):
            counts[there.labels[key]] += sum(
                other.namespace == pod.namespace
                and not other.is_leaving
                and matches_selector(selector, other.labels)
                for other in there.pods
            )
    least = min(counts.values(), default=0)
    if len(counts) < (constraint.get("minDomains") or 1):
        least = 0
    itself = matches_selector(selector, pod.labels)
    return counts[node.labels[key]] + itself - least > int(constraint["maxSkew"])


def _counts(constraint: Object, pod: PodView, node: NodeView) -> bool:
    """Whether a node is one whose domain is looked at."""
    if constraint.get("nodeAffinityPolicy", "Honor") == "Honor" and not is_selected(pod, node):
        return False
    if constraint.get("nodeTaintsPolicy", "Ignore") == "Ignore":
        return True
    return all(tolerates(pod, taint) for taint in hard_taints(node))


def _selector(constraint: Object, pod: PodView) -> Object | None:
    selector: Object | None = constraint.get("labelSelector")
    labels = {key: pod.labels[key] for key in constraint.get("matchLabelKeys") or () if key in pod.labels}
    if selector is None or not labels:
        return selector
    return {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **labels}}
