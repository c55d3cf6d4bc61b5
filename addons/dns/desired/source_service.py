"""What Services ask for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import Asked, read_annotations
from addons.dns.desired.endpoints import Wish, merge_wishes, source_object
from addons.dns.desired.fqdn_template import with_template_names
from addons.dns.desired.node_ports import node_port_targets, port_endpoints
from addons.dns.desired.provider_specific import apply_provider_specific
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_headless import has_pod_records, headless_endpoints, is_headless
from addons.dns.model.endpoint import Desired
from addons.runtime.objects import EndpointSlice, Node, Pod, Service, ref
from addons.runtime.outcomes import Problem

_ACCESS = ("", "public", "private")


def service_endpoints(
    service: Service,
    slices: Sequence[EndpointSlice],
    nodes: Iterable[Node],
    settings: SourceSettings,
    pods: Mapping[str, Pod] | None = None,
) -> Desired:
    """Every host name in its annotations, pointing at what its type calls its address.

    `slices` are the EndpointSlices of this Service, which a headless one and a NodePort with a local
    traffic policy need; `nodes` all nodes, which a NodePort needs; `pods` those that the slices name, which
    a headless Service needs, or None when they cannot be read.
    """
    if not settings.covers_service(service):
        return Desired()
    asked_by = source_object(service)
    asked = _asked(service, settings)
    if not asked.is_ours:
        return Desired()
    if is_headless(service) and not asked.targets:
        return headless_endpoints(service, asked, slices, pods, nodes, settings)
    wishes = _wishes(service, asked, slices, nodes, settings)
    endpoints = merge_wishes(
        asked_by, wishes, ttl=asked.ttl, domains=settings.domains, problems=asked.problems
    )
    if service.spec.type == "NodePort" and not asked.targets:
        ports = port_endpoints(service, asked, asked_by, settings)
        endpoints = replace(endpoints, endpoints=endpoints.endpoints + tuple(ports))
    return apply_provider_specific(asked_by.ref, endpoints, asked.provider_specific, settings)


def needs_pods(service: Service, settings: SourceSettings) -> bool:
    """True when the pods themselves say something that the names of this Service depend on."""
    if not is_headless(service) or not settings.covers_service(service):
        return False
    asked = _asked(service, settings)
    return asked.is_ours and not asked.targets and bool(asked.hostnames or asked.internal_hostnames)


def _asked(service: Service, settings: SourceSettings) -> Asked:
    """The annotations; a Service that asks for a name for each pod wants them to change fast."""
    ttl = settings.pod_ttl if has_pod_records(service) else 0
    asked = read_annotations(ref(service), service.metadata.annotations, settings, default_ttl=ttl)
    if not asked.is_ours:
        return asked
    if asked.access not in _ACCESS:
        message = f"annotation {names.ACCESS}: {asked.access!r} is not {' or '.join(_ACCESS[1:])}"
        problem = Problem(ref(service), names.INVALID_ANNOTATION, message)
        asked = replace(asked, access="", problems=(*asked.problems, problem))
    return with_template_names(service, asked, settings)


def _wishes(
    service: Service,
    asked: Asked,
    slices: Sequence[EndpointSlice],
    nodes: Iterable[Node],
    settings: SourceSettings,
) -> Iterator[Wish]:
    for internal, hostnames in ((False, asked.hostnames), (True, asked.internal_hostnames)):
        if not hostnames or not _is_published(service, internal, asked, settings):
            continue
        targets = asked.targets or tuple(_targets(service, internal, asked, slices, nodes, settings))
        yield from ((hostname, targets) for hostname in hostnames)


def _is_published(service: Service, internal: bool, asked: Asked, settings: SourceSettings) -> bool:
    """A cluster address is of no use outside the cluster, so publishing one must be asked for."""
    if service.spec.type != "ClusterIP" or is_headless(service):
        return True
    return internal or settings.publish_internal_services or bool(asked.targets)


def _targets(
    service: Service,
    internal: bool,
    asked: Asked,
    slices: Sequence[EndpointSlice],
    nodes: Iterable[Node],
    settings: SourceSettings,
) -> Iterable[str]:
    spec = service.spec
    match spec.type:
        case "LoadBalancer":
            return _cluster_addresses(service) if internal else _load_balancer_targets(service)
        case "ClusterIP":
            return _cluster_addresses(service)
        case "NodePort":
            return node_port_targets(service, asked, slices, nodes, settings)
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
