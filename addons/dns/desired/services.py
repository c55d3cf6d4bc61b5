"""What Services ask for."""

from collections.abc import Iterable, Iterator, Sequence

from addons.dns.desired.addresses import headless_addresses, node_addresses, pod_names
from addons.dns.desired.annotations import Asked, read_annotations
from addons.dns.desired.merge import Wish, claimant_of, merge_wishes
from addons.dns.desired.scope import Scope
from addons.dns.desired.steering import steer
from addons.dns.model.claims import Claims
from addons.runtime.objects import EndpointSlice, Node, Service


def service_claims(
    service: Service, slices: Sequence[EndpointSlice], nodes: Iterable[Node], scope: Scope
) -> Claims:
    """Every host name in its annotations, pointing at what its type calls its address.

    `slices` are the EndpointSlices of this Service, which a headless one and a NodePort with a local
    traffic policy need; `nodes` all nodes, which a NodePort needs.
    """
    if not scope.covers_service(service):
        return Claims()
    claimant = claimant_of(service)
    asked = read_annotations(claimant.ref, service.metadata.annotations, scope)
    if not asked.is_ours:
        return Claims()
    wishes = _wishes(service, asked, slices, nodes, scope)
    claims = merge_wishes(claimant, wishes, ttl=asked.ttl, domains=scope.domains, problems=asked.problems)
    return steer(claimant.ref, claims, asked.steering, scope)


def _wishes(
    service: Service,
    asked: Asked,
    slices: Sequence[EndpointSlice],
    nodes: Iterable[Node],
    scope: Scope,
) -> Iterator[Wish]:
    for internal, hostnames in ((False, asked.hostnames), (True, asked.internal_hostnames)):
        if not hostnames or not _is_published(service, internal, asked, scope):
            continue
        targets = asked.targets or tuple(_targets(service, internal, slices, nodes, scope))
        for hostname in hostnames:
            yield hostname, targets
            if is_headless(service) and not asked.targets:
                yield from pod_names(hostname, slices, _with_not_ready(service, scope))


def is_headless(service: Service) -> bool:
    """True when the Service has no address of its own and leads to its pods directly."""
    return service.spec.type == "ClusterIP" and service.spec.cluster_ip == "None"


def _is_published(service: Service, internal: bool, asked: Asked, scope: Scope) -> bool:
    """A cluster address is of no use outside the cluster, so publishing one must be asked for."""
    if service.spec.type != "ClusterIP" or is_headless(service):
        return True
    return internal or scope.publish_internal_services or bool(asked.targets)


def _targets(
    service: Service,
    internal: bool,
    slices: Sequence[EndpointSlice],
    nodes: Iterable[Node],
    scope: Scope,
) -> Iterable[str]:
    spec = service.spec
    if is_headless(service):
        return headless_addresses(slices, _with_not_ready(service, scope))
    match spec.type:
        case "LoadBalancer":
            return _cluster_addresses(service) if internal else _load_balancer_targets(service)
        case "ClusterIP":
            return _cluster_addresses(service)
        case "NodePort":
            return node_addresses(nodes, slices if spec.external_traffic_policy == "Local" else None)
        case "ExternalName":
            return spec.external_ips or filter(None, (spec.external_name.removesuffix(".").lower(),))
        case _:
            return ()


def _with_not_ready(service: Service, scope: Scope) -> bool:
    return service.spec.publish_not_ready_addresses or scope.publish_not_ready


def _cluster_addresses(service: Service) -> tuple[str, ...]:
    """One address per family; the plural field has both."""
    return tuple(ip for ip in service.spec.cluster_ips or (service.spec.cluster_ip,) if ip and ip != "None")


def _load_balancer_targets(service: Service) -> tuple[str, ...]:
    ways_in = service.status.load_balancer.ingress
    found = (target for way in ways_in for target in (way.ip, way.hostname.removesuffix(".")) if target)
    return service.spec.external_ips or tuple(found)
