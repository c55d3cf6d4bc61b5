"""Required affinity and anti-affinity between pods, in both directions."""

from addons.sim.cluster.board import Board, NodeView, Object, PodView

AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"


def affinity_obstacles(pod: PodView, node: NodeView, board: Board) -> list[str]:
    """What other pods have against a pod on a node, or it against them."""
    if not _affinity_holds(pod, node, board):
        return [AFFINITY]
    if any(_has_match(term, pod, node, board) for term in pod.terms("podAntiAffinity")):
        return [ANTI_AFFINITY]
    for other, its_node in board.placed():
        for term in other.terms("podAntiAffinity"):
            if _same_domain(term, node, its_node) and board.matches(term, other, pod):
                return [EXISTING]
    return []


def _affinity_holds(pod: PodView, node: NodeView, board: Board) -> bool:
    terms = pod.terms("podAffinity")
    if not terms:
        return True
    if any(term["topologyKey"] not in node.labels for term in terms):
        return False
    friends = [
        (other, there)
        for other, there in board.placed()
        if all(board.matches(term, pod, other) for term in terms)
    ]
    if all(any(_same_domain(term, node, there) for _, there in friends) for term in terms):
        return True
    is_own_friend = all(board.matches(term, pod, pod) for term in terms)
    anywhere = any(term["topologyKey"] in there.labels for term in terms for _, there in friends)
    return is_own_friend and not anywhere


def _has_match(term: Object, pod: PodView, node: NodeView, board: Board) -> bool:
    return any(
        _same_domain(term, node, there) and board.matches(term, pod, other) for other, there in board.placed()
    )


def _same_domain(term: Object, one: NodeView, other: NodeView) -> bool:
    key = term["topologyKey"]
    return key in one.labels and one.labels[key] == other.labels.get(key)
