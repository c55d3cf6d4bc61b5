"""The source `node`: a name for each Node, or those of the template; and the addresses of nodes. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from addons.dns.desired.annotations import checked_hostname, read_annotations
from addons.dns.desired.endpoints import make_endpoints
from addons.dns.desired.fqdn_template import template_names
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired
from addons.dns.model.objects import EndpointSlice, Node, SliceEndpoint
from addons.dns.model.records import type_of_target
from addons.runtime.objects import ref


def node_endpoints(node: Node, settings: SourceSettings) -> Desired:
    """The name of the node, or what the template makes of it, leading to its addresses of both families.

    A cordoned node gives its names up, unless the settings say otherwise.
    """
    if node.spec.unschedulable and settings.excludes_unschedulable:
        return Desired()
    if (annotations := read_annotations(node, settings)) is None:
        return Desired()
    problems = list(annotations.problems)
    if settings.template is not None:
        names = template_names(node, settings, problems)
    else:
        name = checked_hostname(ref(node), "metadata.name", node.metadata.name, problems)
        names = (name,) if name is not None else ()
    targets = node_addresses([node], settings) if annotations.targets == () else annotations.targets
    named = [(name, targets) for name in names]
    return make_endpoints(node, named, annotations, settings, problems=problems)


def node_addresses(nodes: Iterable[Node], settings: SourceSettings, access: str = "") -> tuple[str, ...]:
    """The addresses of the nodes; cordoned ones are left out where the settings say so."""
    chosen = [node for node in nodes if not (node.spec.unschedulable and settings.excludes_unschedulable)]
    return reachable_addresses(chosen, settings, access)


def reachable_addresses(nodes: Sequence[Node], settings: SourceSettings, access: str = "") -> tuple[str, ...]:
    """The external addresses of the nodes, or the internal ones where no node has an external one.

    `access` decides instead: public for external ones, private for internal ones. AWS lists IPv6 addresses,
    which the internet may reach, as internal ones; the settings can count them as external.
    """
    external = list(addresses_of_nodes(nodes, "ExternalIP"))
    internal = list(addresses_of_nodes(nodes, "InternalIP"))
    if access == "private" or not (external or access == "public"):
        return tuple(internal)
    if settings.exposes_internal_ipv6:
        external += [address for address in internal if type_of_target(address) == "AAAA"]
    return tuple(external)


def addresses_of_nodes(nodes: Iterable[Node], kind: str) -> Iterator[str]:
    """All addresses of one type (ExternalIP, InternalIP) that the nodes have."""
    for node in nodes:
        yield from (address.address for address in node.status.addresses if address.type == kind)


def serving_nodes(nodes: Iterable[Node], slices: Sequence[EndpointSlice]) -> list[Node]:
    """The nodes that serve a Service of traffic policy Local: the others drop its traffic.

    These are the nodes of the endpoints in the best state that any endpoint has.
    """
    by_state: dict[int, set[str]] = {}
    for endpoint in (endpoint for piece in slices for endpoint in piece.endpoints):
        if endpoint.node_name:
            by_state.setdefault(_state(endpoint), set()).add(endpoint.node_name)
    serving = by_state[min(by_state)] if by_state else set()
    return [node for node in nodes if node.metadata.name in serving]


def _state(endpoint: SliceEndpoint) -> int:
    """0 takes traffic, 1 still serves while it terminates, 2 neither."""
    conditions = endpoint.conditions
    if conditions.ready is not False and not conditions.terminating:
        return 0
    return 1 if conditions.serving else 2
