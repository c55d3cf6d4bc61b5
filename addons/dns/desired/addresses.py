"""Addresses of nodes."""

from collections.abc import Iterable, Iterator, Sequence

from addons.dns.desired.scope import Scope
from addons.dns.model.objects import Endpoint, EndpointSlice, Node
from addons.dns.model.records import type_of_target


def node_addresses(nodes: Iterable[Node], scope: Scope, access: str = "") -> tuple[str, ...]:
    """The external addresses of the nodes, or the internal ones where no node has an external one.

    `access` decides instead: public for external ones, private for internal ones. Cordoned nodes are left out
    where the settings say so. AWS lists IPv6 addresses, which the internet may reach, as internal ones; the
    settings can count them as external.
    """
    chosen = [node for node in nodes if not (node.spec.unschedulable and scope.excludes_unschedulable)]
    external = list(addresses_of_nodes(chosen, "ExternalIP"))
    internal = list(addresses_of_nodes(chosen, "InternalIP"))
    if access == "private" or not (external or access == "public"):
        return tuple(internal)
    if scope.exposes_internal_ipv6:
        external += [address for address in internal if type_of_target(address) == "AAAA"]
    return tuple(external)


def serving_nodes(nodes: Iterable[Node], slices: Sequence[EndpointSlice]) -> list[Node]:
    """The nodes with the best endpoints of a Service of traffic policy Local: others drop its traffic."""
    hosting = _best_nodes(slices)
    return [node for node in nodes if node.metadata.name in hosting]


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
