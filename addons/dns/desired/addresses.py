"""Addresses of nodes."""

from collections.abc import Iterable, Iterator, Sequence

from addons.runtime.objects import Endpoint, EndpointSlice, Node


def node_addresses(nodes: Iterable[Node], local_to: Sequence[EndpointSlice] | None) -> Iterator[str]:
    """The external addresses of the nodes, or the internal ones where no node has an external one.

    Cordoned nodes are left out. With `local_to` (externalTrafficPolicy Local) only the nodes with the best
    endpoints of these slices take part: other nodes would drop the traffic.
    """
    chosen = [node for node in nodes if not node.spec.unschedulable]
    if local_to is not None:
        hosting = _best_nodes(local_to)
        chosen = [node for node in chosen if node.metadata.name in hosting]
    external = list(addresses_of_nodes(chosen, "ExternalIP"))
    yield from external or addresses_of_nodes(chosen, "InternalIP")


def addresses_of_nodes(nodes: Iterable[Node], kind: str) -> Iterator[str]:
    """All addresses of one type (ExternalIP, InternalIP) that the nodes have."""
    for node in nodes:
        yield from (address.address for address in node.status.addresses if address.type == kind)


def _best_nodes(slices: Sequence[EndpointSlice]) -> set[str]:
    """The nodes of the endpoints in the best state that any endpoint has."""
    by_state: dict[int, set[str]] = {}
    for endpoint in (endpoint for piece in slices for endpoint in piece.endpoints):
        if endpoint.node_name:
            by_state.setdefault(_state(endpoint), set()).add(endpoint.node_name)
    return by_state[min(by_state)] if by_state else set()


def _state(endpoint: Endpoint) -> int:
    """0 takes traffic, 1 still serves while it terminates, 2 neither."""
    conditions = endpoint.conditions
    if conditions.ready is not False and not conditions.terminating:
        return 0
    return 1 if conditions.serving else 2
