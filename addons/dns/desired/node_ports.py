"""What Services of type NodePort ask for: addresses of nodes, and SRV records for their ports. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from addons.dns.desired.addresses import node_addresses, serving_nodes
from addons.dns.desired.annotations import Asked
from addons.dns.desired.scope import Scope
from addons.dns.model.claims import Claim, Claimant
from addons.dns.model.hostnames import fits_dns
from addons.dns.model.objects import EndpointSlice, Node, Service

_PRIORITY_AND_WEIGHT = "0 50"
"""As external-dns writes them: all ports are alike."""


def node_port_targets(
    service: Service, asked: Asked, slices: Sequence[EndpointSlice], nodes: Iterable[Node], scope: Scope
) -> tuple[str, ...]:
    """The addresses of the nodes through which the Service can be reached."""
    if service.spec.external_traffic_policy == "Local":
        nodes = serving_nodes(nodes, slices)
    return node_addresses(nodes, scope, asked.access)


def port_claims(service: Service, asked: Asked, claimant: Claimant, scope: Scope) -> Iterator[Claim]:
    """`_<service>._<protocol>.<host>` for every host name: the ports of that protocol (RFC 2782)."""
    by_protocol: dict[str, list[int]] = {}
    for port in service.spec.ports:
        if port.node_port:
            by_protocol.setdefault(port.protocol.lower(), []).append(port.node_port)
    for hostname in dict.fromkeys((*asked.hostnames, *asked.internal_hostnames)):
        for protocol, ports in sorted(by_protocol.items()):
            name = f"_{service.metadata.name}._{protocol}.{hostname}"
            if hostname.startswith("*") or not (fits_dns(name) and scope.domains.accepts(name)):
                continue
            values = tuple(f"{_PRIORITY_AND_WEIGHT} {port} {hostname}." for port in sorted(set(ports)))
            yield Claim(name, "SRV", values, asked.ttl, claimant)
