"""What Services ask for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import Asked, read_annotations
from addons.dns.desired.fqdn import with_template_names
from addons.dns.desired.headless import has_pod_records, headless_claims, is_headless
from addons.dns.desired.merge import Wish, claimant_of, merge_wishes
from addons.dns.desired.node_ports import node_port_targets, port_claims
from addons.dns.desired.scope import Scope
from addons.dns.desired.steering import steer
from addons.dns.model.claims import Claims
from addons.dns.model.objects import EndpointSlice, Node, Pod, Service
from addons.runtime.objects import ref
from addons.runtime.outcomes import Problem

_ACCESS = ("", "public", "private")


def service_claims(
    service: Service,
    slices: Sequence[EndpointSlice],
    nodes: Iterable[Node],
    scope: Scope,
    pods: Mapping[str, Pod] | None = None,
) -> Claims:
    """Every host name in its annotations, pointing at what its type calls its address.

    `slices` are the EndpointSlices of this Service, which a headless one and a NodePort with a local
    traffic policy need; `nodes` all nodes, which a NodePort needs; `pods` those that the slices name, which
    a headless Service needs, or None when they cannot be read.
    """
    if not scope.covers_service(service):
        return Claims()
    claimant = claimant_of(service)
    asked = _asked(service, scope)
    if not asked.is_ours:
        return Claims()
    if is_headless(service) and not asked.targets:
        return headless_claims(service, asked, slices, pods, nodes, scope)
    wishes = _wishes(service, asked, slices, nodes, scope)
    claims = merge_wishes(claimant, wishes, ttl=asked.ttl, domains=scope.domains, problems=asked.problems)
    if service.spec.type == "NodePort" and not asked.targets:
        ports = port_claims(service, asked, claimant, scope)
        claims = replace(claims, claims=claims.claims + tuple(ports))
    return steer(claimant.ref, claims, asked.steering, scope)


def needs_pods(service: Service, scope: Scope) -> bool:
    """True when the pods themselves say something that the names of this Service depend on."""
    if not is_headless(service) or not scope.covers_service(service):
        return False
    asked = _asked(service, scope)
    return asked.is_ours and not asked.targets and bool(asked.hostnames or asked.internal_hostnames)


def _asked(service: Service, scope: Scope) -> Asked:
    """The annotations; a Service that asks for a name for each pod wants them to change fast."""
    ttl = scope.pod_ttl if has_pod_records(service) else 0
    asked = read_annotations(ref(service), service.metadata.annotations, scope, default_ttl=ttl)
    if not asked.is_ours:
        return asked
    if asked.access not in _ACCESS:
        message = f"annotation {names.ACCESS}: {asked.access!r} is not {' or '.join(_ACCESS[1:])}"
        problem = Problem(ref(service), names.INVALID_ANNOTATION, message)
        asked = replace(asked, access="", problems=(*asked.problems, problem))
    return with_template_names(service, asked, scope)


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
        targets = asked.targets or tuple(_targets(service, internal, asked, slices, nodes, scope))
        yield from ((hostname, targets) for hostname in hostnames)


def _is_published(service: Service, internal: bool, asked: Asked, scope: Scope) -> bool:
    """A cluster address is of no use outside the cluster, so publishing one must be asked for."""
    if service.spec.type != "ClusterIP" or is_headless(service):
        return True
    return internal or scope.publish_internal_services or bool(asked.targets)


def _targets(
    service: Service,
    internal: bool,
    asked: Asked,
    slices: Sequence[EndpointSlice],
    nodes: Iterable[Node],
    scope: Scope,
) -> Iterable[str]:
    spec = service.spec
    match spec.type:
        case "LoadBalancer":
            return _cluster_addresses(service) if internal else _load_balancer_targets(service)
        case "ClusterIP":
            return _cluster_addresses(service)
        case "NodePort":
            return node_port_targets(service, asked, slices, nodes, scope)
        case "ExternalName":
            return spec.external_ips or filter(None, (spec.external_name.removesuffix(".").lower(),))
        case _:
            return ()


def _cluster_addresses(service: Service) -> tuple[str, ...]:
    """One address per family; the plural field has both."""
    return tuple(ip for ip in service.spec.cluster_ips or (service.spec.cluster_ip,) if ip and ip != "None")


def _load_balancer_targets(service: Service) -> tuple[str, ...]:
    ways_in = service.status.load_balancer.ingress
    found = (target for way in ways_in for target in (way.ip, way.hostname.removesuffix(".")) if target)
    return service.spec.external_ips or tuple(found)
