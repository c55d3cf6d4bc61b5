"""Which targets a binding asks for, by the EndpointSlices of its Service or by the nodes. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Final

from msgspec import Struct

from addons.albingress.model.backends import Backends
from addons.albingress.model.network import Vpc
from addons.albingress.model.objects import (
    EndpointSlice,
    Node,
    Pod,
    Service,
    ServicePort,
    SliceEndpoint,
)
from addons.albingress.model.targets import Binding, NotKnown, Target, Wanted
from addons.albingress.names import READINESS_GATE
from addons.runtime.objects import Key
from addons.runtime.selectors import Selector, parse_selector

OUTSIDE: Final = "all"
"""The zone of targets outside of the VPC."""

_INSTANCE = re.compile(r"^aws:///.*/(i-[0-9a-f]+)$")
_FAMILIES: Final = {"ipv4": "IPv4", "ipv6": "IPv6"}

_SHUNNED_LABELS: Final = (
    "node.kubernetes.io/exclude-from-external-load-balancers",
    "alpha.service-controller.kubernetes.io/exclude-balancer",
    "node-role.kubernetes.io/master",
)
_COMPUTE_TYPE: Final = "eks.amazonaws.com/compute-type"
_LEAVING_TAINTS: Final = (
    "ToBeDeletedByClusterAutoscaler",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
)
"""On nodes that are about to be removed: by the autoscaler, by Karpenter (new and old)."""


def desired_targets(
    binding: Binding, backends: Backends, vpc: Vpc | None, *, fail_open: bool
) -> Wanted | NotKnown:
    """The targets of a binding; NotKnown where a Service, its port or its slices are not there.

    Nobody is asked to serve who is terminating. With `fail_open`, pods and nodes that do not answer serve
    where nobody else does: rather the cluster's network has a fault than all of them at once.
    """
    service, called = backends.service, f"service {binding.backend.namespace}/{binding.backend.service}"
    if service is None:
        return NotKnown(f"{called} does not exist")
    port = service_port(service, binding.backend.port)
    if port is None:
        return NotKnown(f"{called} has no port {binding.backend.port}")
    if binding.target_type == "instance":
        if not port.node_port:
            return NotKnown(f"{called} has no node port for port {binding.backend.port}")
        return _instances(binding, backends.nodes.values(), port.node_port, fail_open)
    return _addresses(binding, backends, port, called, vpc, fail_open)


def hosts_of(wanted: Wanted, backends: Backends) -> dict[str, str]:
    """The instances that the pods behind targets run on, by the ids of the targets."""
    found = {}
    for target, which in wanted.pods.items():
        pod = backends.pods.get(which)
        node = backends.nodes.get(pod.spec.node_name) if pod else None
        if node and (instance := instance_of(node)):
            found[target.id] = instance
    return found


def service_port(service: Service, written: str) -> ServicePort | None:
    """The port of a Service that is meant, by number or by name."""
    for port in service.spec.ports:
        if written in (str(port.port), port.name):
            return port
    return None


def is_gated(pod: Pod) -> bool:
    """Whether the pod's readiness waits for a target group."""
    return any(gate.condition_type.startswith(READINESS_GATE) for gate in pod.spec.readiness_gates)


def has_ready_containers(pod: Pod) -> bool:
    """Whether all containers of the pod are ready, whatever else its readiness waits for."""
    return any(
        condition.type == "ContainersReady" and condition.status == "True"
        for condition in pod.status.conditions
    )


def instance_of(node: Node) -> str:
    """The id of the instance that a node is; empty where it is none."""
    found = _INSTANCE.match(node.spec.provider_id)
    return found[1] if found else ""


def _addresses(
    binding: Binding, backends: Backends, port: ServicePort, called: str, vpc: Vpc | None, fail_open: bool
) -> Wanted | NotKnown:
    family = _FAMILIES[binding.ip_address_type]
    slices = [piece for piece in backends.slices if piece.address_type == family]
    if not slices and backends.service and backends.service.spec.selector:
        return NotKnown(f"{called} has no EndpointSlice of {family} yet")
    inhabited = [piece for piece in slices if piece.endpoints]
    ported = [(piece, number) for piece in inhabited if (number := _number(piece, port))]
    if inhabited and not ported:
        return NotKnown(f"no EndpointSlice of {called} has port {port.name or port.port} yet")
    found = list(_listed(ported, backends))
    wanted = [each for each in found if each.is_wanted]
    if not wanted and fail_open:
        wanted = [each for each in found if each.is_silent]
    pods: dict[Target, Key] = {}
    targets = set()
    for each in wanted:
        is_outside = vpc is not None and not vpc.has(each.address)
        target = Target(each.address, each.port, OUTSIDE if is_outside else "")
        targets.add(target)
        if each.pod:
            pods[target] = (each.pod.metadata.namespace, each.pod.metadata.name)
    return Wanted(targets=tuple(sorted(targets)), pods=pods)


class _Listed(Struct, frozen=True, kw_only=True):
    """An address that a slice lists. `is_silent`: its containers were ready when its node went quiet."""

    address: str
    port: int
    pod: Pod | None
    is_wanted: bool
    is_silent: bool


def _number(piece: EndpointSlice, port: ServicePort) -> int:
    """The port that the endpoints of a slice have for a Service's port; 0 for none."""
    return next((each.port for each in piece.ports if each.name == port.name), 0)


def _listed(ported: Iterable[tuple[EndpointSlice, int]], backends: Backends) -> Iterator[_Listed]:
    for piece, port in ported:
        for endpoint in piece.endpoints:
            pod = _pod_of(piece, endpoint, backends.pods)
            readiness = _readiness(pod, backends.nodes)
            is_wanted = _is_wanted(endpoint, pod, readiness)
            is_silent = _may_serve(endpoint, pod) and readiness == "Unknown"
            for address in filter(_is_address, endpoint.addresses):
                yield _Listed(address=address, port=port, pod=pod, is_wanted=is_wanted, is_silent=is_silent)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _pod_of(piece: EndpointSlice, endpoint: SliceEndpoint, pods: Mapping[Key, Pod]) -> Pod | None:
    """The pod behind an endpoint, not another one that was given its name since."""
    reference = endpoint.target_ref
    if reference is None or reference.kind != "Pod":
        return None
    pod = pods.get((piece.metadata.namespace, reference.name))
    return pod if pod and reference.uid in ("", pod.metadata.uid) else None


def _readiness(pod: Pod | None, nodes: Mapping[str, Node]) -> str:
    node = nodes.get(pod.spec.node_name) if pod else None
    return ready_condition(node) if node else ""


def ready_condition(node: Node) -> str:
    """Whether a node is ready: "True", "False" or "Unknown"."""
    return next((each.status for each in node.status.conditions if each.type == "Ready"), "Unknown")


def _is_wanted(endpoint: SliceEndpoint, pod: Pod | None, readiness: str) -> bool:
    """Whether requests may go there.

    Only the slice counts, with two exceptions: who is terminating is not wanted, although a Service that
    publishes what is not ready shows it as ready; and a pod whose readiness waits for us is wanted before.
    """
    conditions = endpoint.conditions
    if conditions.terminating or (pod and pod.metadata.deletion_timestamp):
        return False
    if conditions.ready is not False:
        return True
    return pod is not None and is_gated(pod) and has_ready_containers(pod) and readiness == "True"


def _may_serve(endpoint: SliceEndpoint, pod: Pod | None) -> bool:
    is_leaving = endpoint.conditions.terminating or (pod and pod.metadata.deletion_timestamp)
    return pod is not None and not is_leaving and has_ready_containers(pod)


def _instances(binding: Binding, nodes: Iterable[Node], port: int, fail_open: bool) -> Wanted | NotKnown:
    """The nodes that may take traffic. A selector stands in place of the labels that nodes are shunned by."""
    try:
        selector = parse_selector(binding.node_selector) if binding.node_selector else None
    except ValueError as error:
        return NotKnown(f"which nodes are meant cannot be read: {error}")
    suitable = [node for node in nodes if instance_of(node) and _is_suitable(node, selector)]
    ready = [node for node in suitable if ready_condition(node) == "True"]
    if not ready and fail_open:
        ready = [node for node in suitable if ready_condition(node) == "Unknown"]
    return Wanted(targets=tuple(sorted({Target(instance_of(node), port) for node in ready})))


def _is_suitable(node: Node, selector: Selector | None) -> bool:
    if any(taint.key in _LEAVING_TAINTS for taint in node.spec.taints):
        return False
    labels = node.metadata.labels
    if selector:
        return selector.matches(labels)
    return labels.get(_COMPUTE_TYPE) != "fargate" and not any(label in labels for label in _SHUNNED_LABELS)
