"""Headless Services of the source `service`: names that lead to their pods, together and one by one. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import Annotations, invalid, read_flag, read_targets
from addons.dns.desired.endpoints import NamedTargets, make_endpoints
from addons.dns.desired.pod_hostnames import (
    DEFAULT_TEMPLATE,
    PodFacts,
    PodHostnameError,
    check_template,
    pod_hostname,
)
from addons.dns.desired.service_pods import ServicePod, pod_addresses, service_pods
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_node import addresses_of_nodes
from addons.dns.model.endpoint import Desired, source_object
from addons.dns.model.hostnames import InvalidHostname, parse_hostname
from addons.dns.model.objects import EndpointSlice, Node, Pod, Service
from addons.runtime.objects import ref
from addons.runtime.outcomes import ObjectRef, Problem

_ENDPOINTS_TYPES = ("", "NodeExternalIP", "HostIP")

_ITS_OWN: Final = ("the addresses of the pod",)
"""In place of targets, where nothing else is asked for."""


class _Naming(Struct, frozen=True):
    """How the pods of a Service are to be named; without a `template` only host names of pods count.

    `is_unreadable` when it is not known which names its pods are to have, `keeps_ttl` when not whether these
    are of the kind that has a TTL of its own, `endpoints_type` None when not which addresses.
    """

    ref: ObjectRef
    template: str
    endpoints_type: str | None
    nodes: Mapping[str, Node]
    settings: SourceSettings
    is_unreadable: bool = False
    keeps_ttl: bool = False


def is_headless(service: Service) -> bool:
    """True when the Service has no address of its own and leads to its pods directly."""
    return service.spec.type == "ClusterIP" and service.spec.cluster_ip == "None"


def has_pod_records(service: Service) -> bool:
    """True when the Service asks for a name for each of its pods."""
    return read_flag(service.metadata.annotations.get(names.POD_RECORDS, "")) is True


def headless_endpoints(
    service: Service,
    annotations: Annotations,
    slices: Sequence[EndpointSlice],
    pods: Mapping[str, Pod] | None,
    nodes: Iterable[Node],
    settings: SourceSettings,
) -> Desired:
    """Every host name with the addresses of all ready pods, and the names of single pods below it.

    A pod that is about to end leaves the shared names at once. Its own name, where pod records are asked
    for, stays until it is gone, so that others can still reach it while it drains. All these names are held
    for a moment when their pods are gone, since a successor may follow.
    """
    problems = list(annotations.problems)
    naming = _naming(service, annotations, nodes, settings, problems)
    with_not_ready = service.spec.publish_not_ready_addresses or settings.publish_not_ready
    found = service_pods(slices, pods, with_not_ready=with_not_ready)
    hostnames = (*annotations.hostnames, *annotations.internal_hostnames)
    named, leaving = _named_targets(hostnames, found, naming, problems)
    desired = make_endpoints(service, named, annotations, settings, problems=problems)
    endpoints = tuple(
        replace(
            endpoint,
            keeps=endpoint.name in leaving,
            keeps_ttl=endpoint.keeps_ttl or naming.keeps_ttl,
            hold_seconds=settings.hold_seconds,
        )
        for endpoint in desired.endpoints
    )
    unreadable = desired.unreadable or (source_object(service) if naming.is_unreadable else None)
    return replace(desired, endpoints=endpoints, unreadable=unreadable)


def _naming(
    service: Service,
    annotations: Annotations,
    nodes: Iterable[Node],
    settings: SourceSettings,
    problems: list[Problem],
) -> _Naming:
    written, which = service.metadata.annotations, ref(service)
    template, is_unreadable, keeps_ttl = "", False, False
    if has_pod_records(service):
        template = written.get(names.POD_HOSTNAME, "").strip() or DEFAULT_TEMPLATE
    elif read_flag(text := written.get(names.POD_RECORDS, "false")) is None:
        problems.append(invalid(which, names.POD_RECORDS, f"{text!r} is neither true nor false"))
        is_unreadable = keeps_ttl = True
    try:
        check_template(template)
    except PodHostnameError as error:
        problems.append(invalid(which, names.POD_HOSTNAME, str(error)))
        template, is_unreadable = "", True
    kind = _endpoints_type(which, annotations, settings, problems)
    by_name = {node.metadata.name: node for node in nodes} if kind == "NodeExternalIP" else {}
    return _Naming(which, template, kind, by_name, settings, is_unreadable, keeps_ttl)


def _endpoints_type(
    which: ObjectRef, annotations: Annotations, settings: SourceSettings, problems: list[Problem]
) -> str | None:
    kind = annotations.endpoints_type
    if kind not in _ENDPOINTS_TYPES:
        allowed = " or ".join(_ENDPOINTS_TYPES[1:])
        problems.append(invalid(which, names.ENDPOINTS_TYPE, f"{kind!r} is not {allowed}"))
        return None
    return "HostIP" if settings.publish_host_ip and kind != "NodeExternalIP" else kind


def _named_targets(
    hostnames: Sequence[str], found: Sequence[ServicePod], naming: _Naming, problems: list[Problem]
) -> tuple[list[NamedTargets], set[str]]:
    """The names of all pods together and of each, and which of them are of leaving pods only.

    A pod whose targets cannot be read is left out of the names that others serve.
    """
    shared: list[NamedTargets] = []
    live: dict[str, list[NamedTargets]] = {}
    leaving: dict[str, list[NamedTargets]] = {}
    faults: list[str] = []
    for one in found:
        if not one.is_ready and not (one.is_leaving and naming.template):
            continue
        instead = _instead(one, naming, problems)
        if one.is_ready and instead != ():
            targets = one.addresses if instead is _ITS_OWN else instead
            shared += [(hostname, targets) for hostname in hostnames]
        own = list(_own_names(hostnames, one, instead, naming, faults))
        _file(live if one.is_ready else leaving, own, is_exclusive=bool(naming.template))
    if faults:
        message = f"no name for a pod: {faults[0]}"
        problems.append(Problem(naming.ref, names.INVALID_ANNOTATION, message))
    passing = leaving.keys() - live.keys() - set(hostnames)
    named = [item for item in shared if item[1] is not None] or shared
    named += [item for several in live.values() for item in several]
    named += [item for name in passing for item in leaving[name]]
    return named, passing


def _file(own: dict[str, list[NamedTargets]], named: Iterable[NamedTargets], *, is_exclusive: bool) -> None:
    """Note names with their targets. Of several pods with one name of their own the newest has it."""
    for name, targets in named:
        own[name] = [(name, targets)] if is_exclusive else [*own.get(name, ()), (name, targets)]


def _own_names(
    hostnames: Sequence[str],
    one: ServicePod,
    instead: Sequence[str] | None,
    naming: _Naming,
    faults: list[str],
) -> Iterator[NamedTargets]:
    """The names of one pod with its addresses: with pod records all it has, whatever the Service serves."""
    own = pod_addresses(one.pod) if naming.template and one.pod else one.addresses
    targets = own if instead is _ITS_OWN else instead
    try:
        relative = _relative_name(one, naming)
        for hostname in hostnames:
            if relative and targets != () and not hostname.startswith("*"):
                yield parse_hostname(f"{relative}.{hostname}"), targets
    except (PodHostnameError, InvalidHostname) as error:
        faults.append(str(error))


def _relative_name(one: ServicePod, naming: _Naming) -> str:
    if not naming.template or one.pod is None:
        return one.hostname
    address = next(iter(pod_addresses(one.pod) or one.addresses))
    return pod_hostname(naming.template, PodFacts(one.pod, address, one.zone))


def _instead(one: ServicePod, naming: _Naming, problems: list[Problem]) -> Sequence[str] | None:
    """What the pod or the Service wants names to lead to: `_ITS_OWN` for the addresses of the pod itself.

    None where that cannot be read.
    """
    pod = one.pod
    targets = read_targets(pod, naming.settings, problems) if pod else ()
    if targets != () or naming.endpoints_type is None:
        return targets or None
    if naming.endpoints_type == "NodeExternalIP":
        node = naming.nodes.get(one.node_name)
        return tuple(addresses_of_nodes([node], "ExternalIP")) if node else ()
    if naming.endpoints_type == "HostIP":
        return (pod.status.host_ip,) if pod and pod.status.host_ip else ()
    return _ITS_OWN
