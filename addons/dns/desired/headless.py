"""What headless Services ask for: names that lead to their pods, all together and one by one. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.addresses import addresses_of_nodes
from addons.dns.desired.annotations import Asked, read_flag, read_targets
from addons.dns.desired.members import Member, members, pod_addresses
from addons.dns.desired.merge import Wish, claimant_of, merge_wishes
from addons.dns.desired.podnames import DEFAULT_TEMPLATE, InvalidTemplate, Named, check_template, pod_hostname
from addons.dns.desired.scope import Scope
from addons.dns.desired.steering import steer
from addons.dns.model.claims import Claims
from addons.dns.model.hostnames import InvalidHostname, parse_hostname
from addons.dns.model.objects import EndpointSlice, Node, Pod, Service
from addons.runtime.objects import ref
from addons.runtime.outcomes import ObjectRef, Problem

_ENDPOINTS_TYPES = ("", "NodeExternalIP", "HostIP")


class _Group(Struct, frozen=True):
    """A Service and how its pods are to be named; without a `template` only host names of pods count."""

    ref: ObjectRef
    template: str
    endpoints_type: str
    nodes: Mapping[str, Node]
    scope: Scope


def is_headless(service: Service) -> bool:
    """True when the Service has no address of its own and leads to its pods directly."""
    return service.spec.type == "ClusterIP" and service.spec.cluster_ip == "None"


def has_pod_records(service: Service) -> bool:
    """True when the Service asks for a name for each of its pods."""
    return read_flag(service.metadata.annotations.get(names.POD_RECORDS, "")) is True


def headless_claims(
    service: Service,
    asked: Asked,
    slices: Sequence[EndpointSlice],
    pods: Mapping[str, Pod] | None,
    nodes: Iterable[Node],
    scope: Scope,
) -> Claims:
    """Every host name with the addresses of all ready pods, and the names of single pods below it.

    A pod that is about to end leaves the shared names at once. Its own name, where pod records are asked
    for, stays until it is gone, so that others can still reach it while it drains. All these names are held
    for a moment when their pods are gone, since a successor may follow.
    """
    problems = list(asked.problems)
    group = _group(service, asked, nodes, scope, problems)
    with_not_ready = service.spec.publish_not_ready_addresses or scope.publish_not_ready
    found = members(slices, pods, with_not_ready=with_not_ready)
    wishes, leaving = _wishes((*asked.hostnames, *asked.internal_hostnames), found, group, problems)
    claimant = claimant_of(service)
    merged = merge_wishes(claimant, wishes, ttl=asked.ttl, domains=scope.domains, problems=problems)
    steered = steer(group.ref, merged, asked.steering, scope)
    claims = (
        replace(claim, keeps=claim.name in leaving, hold_seconds=scope.hold_seconds)
        for claim in steered.claims
    )
    return replace(steered, claims=tuple(claims))


def _group(
    service: Service, asked: Asked, nodes: Iterable[Node], scope: Scope, problems: list[Problem]
) -> _Group:
    annotations, which = service.metadata.annotations, ref(service)
    template, kind = "", asked.endpoints_type
    if has_pod_records(service):
        template = annotations.get(names.POD_HOSTNAME, "").strip() or DEFAULT_TEMPLATE
    elif read_flag(text := annotations.get(names.POD_RECORDS, "false")) is None:
        problems.append(_fault(which, f"annotation {names.POD_RECORDS}: {text!r} is neither true nor false"))
    try:
        check_template(template)
    except InvalidTemplate as error:
        problems.append(_fault(which, f"annotation {names.POD_HOSTNAME}: {error}"))
        template = ""
    if kind not in _ENDPOINTS_TYPES:
        allowed = " or ".join(_ENDPOINTS_TYPES[1:])
        problems.append(_fault(which, f"annotation {names.ENDPOINTS_TYPE}: {kind!r} is not {allowed}"))
    if scope.publish_host_ip and kind != "NodeExternalIP":
        kind = "HostIP"
    by_name = {node.metadata.name: node for node in nodes} if kind == "NodeExternalIP" else {}
    return _Group(which, template, kind, by_name, scope)


def _wishes(
    hostnames: Sequence[str], found: Sequence[Member], group: _Group, problems: list[Problem]
) -> tuple[list[Wish], set[str]]:
    """The names of all pods together and of each, and which of them are of leaving pods only."""
    wishes: list[Wish] = []
    live: dict[str, list[Wish]] = {}
    leaving: dict[str, list[Wish]] = {}
    faults: list[str] = []
    for member in sorted(found, key=lambda member: member.age):
        if not member.is_ready and not (member.is_leaving and group.template):
            continue
        instead = _instead(member, group, problems)
        if member.is_ready and (targets := member.addresses if instead is None else instead):
            wishes += [(hostname, targets) for hostname in hostnames]
        own = list(_own_wishes(hostnames, member, instead, group, faults))
        _file(live if member.is_ready else leaving, own, is_exclusive=bool(group.template))
    problems += [_fault(group.ref, f"no name for a pod: {fault}") for fault in faults[:1]]
    passing = leaving.keys() - live.keys() - set(hostnames)
    wishes += [wish for several in live.values() for wish in several]
    wishes += [wish for name in passing for wish in leaving[name]]
    return wishes, passing


def _file(own: dict[str, list[Wish]], wishes: Iterable[Wish], *, is_exclusive: bool) -> None:
    """Note wishes by name. Of several pods with one name of their own the newest has it."""
    for name, targets in wishes:
        own[name] = [(name, targets)] if is_exclusive else [*own.get(name, ()), (name, targets)]


def _own_wishes(
    hostnames: Sequence[str],
    member: Member,
    instead: tuple[str, ...] | None,
    group: _Group,
    faults: list[str],
) -> Iterator[Wish]:
    """The names of one pod with its addresses: with pod records all it has, whatever the Service serves."""
    own = pod_addresses(member.pod) if group.template and member.pod else member.addresses
    targets = own if instead is None else instead
    try:
        relative = _relative_name(member, group)
        for hostname in hostnames:
            if relative and targets and not hostname.startswith("*"):
                yield parse_hostname(f"{relative}.{hostname}"), targets
    except (InvalidTemplate, InvalidHostname) as error:
        faults.append(str(error))


def _relative_name(member: Member, group: _Group) -> str:
    if not group.template or member.pod is None:
        return member.hostname
    address = next(iter(pod_addresses(member.pod) or member.addresses))
    return pod_hostname(group.template, Named(member.pod, address, member.zone))


def _instead(member: Member, group: _Group, problems: list[Problem]) -> tuple[str, ...] | None:
    """What the pod or the Service wants names to lead to in place of addresses of the pod; None: nothing."""
    pod = member.pod
    if pod and (said := read_targets(ref(pod), pod.metadata.annotations, group.scope, problems)):
        return said
    if group.endpoints_type == "NodeExternalIP":
        node = group.nodes.get(member.node_name)
        return tuple(addresses_of_nodes([node], "ExternalIP")) if node else ()
    if group.endpoints_type == "HostIP":
        return (pod.status.host_ip,) if pod and pod.status.host_ip else ()
    return None


def _fault(which: ObjectRef, message: str) -> Problem:
    return Problem(which, names.INVALID_ANNOTATION, message)
