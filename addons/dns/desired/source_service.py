"""The source `service`: what Services of each type ask for. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import Annotations, invalid, read_annotations
from addons.dns.desired.endpoints import NamedTargets, make_endpoints
from addons.dns.desired.fqdn_template import add_template_names
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_headless import has_pod_records, headless_endpoints, is_headless
from addons.dns.desired.source_node import node_addresses, serving_nodes
from addons.dns.model.endpoint import Desired, Endpoint, source_object, unusable
from addons.dns.model.hostnames import fits_dns
from addons.dns.model.objects import EndpointSlice, Node, Pod, Service
from addons.runtime.objects import ref

_ACCESS = ("", "public", "private")

_PRIORITY_AND_WEIGHT = "0 50"
"""Of SRV records, as external-dns writes them: all ports are alike."""


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
    annotations = _annotations(service, settings)
    if annotations is None:
        return Desired()
    if is_headless(service) and annotations.targets == ():
        return headless_endpoints(service, annotations, slices, pods, nodes, settings)
    desired = make_endpoints(
        service,
        list(_named_targets(service, annotations, slices, nodes, settings)),
        annotations,
        settings,
        problems=annotations.problems,
        more=tuple(_port_endpoints(service, annotations, settings)),
    )
    if annotations.targets is None and is_headless(service):
        return replace(desired, unreadable=source_object(service))
    return desired


def needs_pods(service: Service, settings: SourceSettings) -> bool:
    """True when the pods themselves say something that the names of this Service depend on."""
    if not is_headless(service):
        return False
    asked = _annotations(service, settings)
    return asked is not None and asked.targets == () and bool(asked.hostnames or asked.internal_hostnames)


def hostnames_of(service: Service, settings: SourceSettings) -> tuple[str, ...]:
    """The host names of a headless Service, whether pods are behind it or not; none of any other one."""
    asked = _annotations(service, settings) if is_headless(service) else None
    return (*asked.hostnames, *asked.internal_hostnames) if asked else ()


def _annotations(service: Service, settings: SourceSettings) -> Annotations | None:
    """The annotations; a Service that asks for a name for each pod wants them to change fast."""
    if settings.service_types and service.spec.type not in settings.service_types:
        return None
    ttl = settings.pod_ttl if has_pod_records(service) else 0
    annotations = read_annotations(service, settings, default_ttl=ttl)
    if annotations is None:
        return None
    if annotations.access not in _ACCESS:
        fault = f"{annotations.access!r} is not {' or '.join(_ACCESS[1:])}"
        problems = (*annotations.problems, invalid(ref(service), names.ACCESS, fault))
        is_node_port = service.spec.type == "NodePort"
        targets = annotations.targets or (None if is_node_port else annotations.targets)
        annotations = replace(annotations, targets=targets, problems=problems)
    return add_template_names(service, annotations, settings)


def _named_targets(
    service: Service,
    annotations: Annotations,
    slices: Sequence[EndpointSlice],
    nodes: Iterable[Node],
    settings: SourceSettings,
) -> Iterator[NamedTargets]:
    hostnames = {False: annotations.hostnames, True: annotations.internal_hostnames}
    for is_internal, found in hostnames.items():
        if found and _is_published(service, annotations, settings, is_internal=is_internal):
            own = _targets(service, annotations, slices, nodes, settings, is_internal=is_internal)
            yield from (
                (hostname, own if annotations.targets == () else annotations.targets) for hostname in found
            )


def _is_published(
    service: Service, annotations: Annotations, settings: SourceSettings, *, is_internal: bool
) -> bool:
    """A cluster address is of no use outside the cluster, so publishing one must be asked for."""
    if service.spec.type != "ClusterIP" or is_headless(service):
        return True
    return is_internal or settings.publish_internal_services or annotations.targets != ()


def _targets(
    service: Service,
    annotations: Annotations,
    slices: Sequence[EndpointSlice],
    nodes: Iterable[Node],
    settings: SourceSettings,
    *,
    is_internal: bool,
) -> tuple[str, ...]:
    """What a name of the Service leads to, by its type."""
    spec = service.spec
    match spec.type:
        case "LoadBalancer":
            return _cluster_addresses(service) if is_internal else _load_balancer(service)
        case "ClusterIP":
            return _cluster_addresses(service)
        case "NodePort":
            is_local = spec.external_traffic_policy == "Local"
            serving = serving_nodes(nodes, slices) if is_local else nodes
            return node_addresses(serving, settings, annotations.access)
        case "ExternalName":
            host = spec.external_name.removesuffix(".").lower()
            return spec.external_ips or ((host,) if host else ())
        case _:
            return ()


def _cluster_addresses(service: Service) -> tuple[str, ...]:
    """One address per family; the plural field has both."""
    return tuple(ip for ip in service.spec.cluster_ips or (service.spec.cluster_ip,) if ip and ip != "None")


def _load_balancer(service: Service) -> tuple[str, ...]:
    """Its external addresses, else the addresses and host names of its status."""
    ways_in = service.status.load_balancer.ingress
    found = (target for way in ways_in for target in (way.ip, way.hostname.removesuffix(".")) if target)
    return service.spec.external_ips or tuple(found)


def _port_endpoints(
    service: Service, annotations: Annotations, settings: SourceSettings
) -> Iterator[Endpoint]:
    """`_<service>._<protocol>.<host>` for every host name: the node ports of that protocol (RFC 2782).

    A Service that names other targets has none.
    """
    if service.spec.type != "NodePort" or annotations.targets:
        return
    by_protocol: dict[str, list[int]] = {}
    for port in service.spec.ports:
        if port.node_port:
            by_protocol.setdefault(port.protocol.lower(), []).append(port.node_port)
    for hostname in dict.fromkeys((*annotations.hostnames, *annotations.internal_hostnames)):
        for protocol, ports in sorted(by_protocol.items()):
            name = f"_{service.metadata.name}._{protocol}.{hostname}"
            if hostname.startswith("*") or not (fits_dns(name) and settings.domains.accepts(name)):
                continue
            values = tuple(f"{_PRIORITY_AND_WEIGHT} {port} {hostname}." for port in sorted(set(ports)))
            endpoint = Endpoint(name, "SRV", values, annotations.ttl, source_object(service))
            yield unusable(endpoint, kind="SRV") if annotations.targets is None else endpoint
