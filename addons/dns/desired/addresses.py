"""Addresses of pods and nodes, as EndpointSlices and Nodes tell them."""

from collections.abc import Iterable, Iterator, Sequence

from addons.dns.model.hostnames import fits_dns
from addons.runtime.objects import Endpoint, EndpointSlice, Node

_ADDRESS_TYPES = ("IPv4", "IPv6")


def headless_addresses(slices: Sequence[EndpointSlice], with_not_ready: bool) -> Iterator[str]:
    """The address of every pod behind a headless Service that may be published."""
    for endpoint in _endpoints(slices, with_not_ready):
        yield from endpoint.addresses[:1]


def pod_names(
    hostname: str, slices: Sequence[EndpointSlice], with_not_ready: bool
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """`<hostname of the pod>.<hostname>` with its address, for pods that have one: those of a StatefulSet."""
    for endpoint in _endpoints(slices, with_not_ready):
        if endpoint.hostname and fits_dns(name := f"{endpoint.hostname.lower()}.{hostname}"):
            yield name, endpoint.addresses[:1]


def node_addresses(nodes: Iterable[Node], local_to: Sequence[EndpointSlice] | None) -> Iterator[str]:
    """The external addresses of the nodes, or the internal ones where no node has an external one.

    Cordoned nodes are left out. With `local_to` (externalTrafficPolicy Local) only the nodes with the best
    endpoints of these slices take part: other nodes would drop the traffic.
    """
    chosen = [node for node in nodes if not node.spec.unschedulable]
    if local_to is not None:
        hosting = _best_nodes(local_to)
        chosen = [node for node in chosen if node.metadata.name in hosting]
    external = list(_of_type(chosen, "ExternalIP"))
    yield from external or _of_type(chosen, "InternalIP")


def _of_type(nodes: Iterable[Node], kind: str) -> Iterator[str]:
    for node in nodes:
        yield from (address.address for address in node.status.addresses if address.type == kind)


def _endpoints(slices: Sequence[EndpointSlice], with_not_ready: bool) -> Iterator[Endpoint]:
    for piece in slices:
        if piece.address_type in _ADDRESS_TYPES:
            for endpoint in piece.endpoints:
                if with_not_ready or endpoint.conditions.ready is not False:
                    yield endpoint


def _best_nodes(slices: Sequence[EndpointSlice]) -> set[str]:
    """The nodes of the endpoints in the best state that any endpoint has."""
    by_state: dict[int, set[str]] = {}
    for endpoint in _endpoints(slices, with_not_ready=True):
        if endpoint.node_name:
            by_state.setdefault(_state(endpoint), set()).add(endpoint.node_name)
    return by_state[min(by_state)] if by_state else set()


def _state(endpoint: Endpoint) -> int:
    """0 takes traffic, 1 still serves while it terminates, 2 neither."""
    conditions = endpoint.conditions
    if conditions.ready is not False and not conditions.terminating:
        return 0
    return 1 if conditions.serving else 2
