"""Services, slices, pods and nodes in few words, as the daemon's own objects."""

from datetime import UTC, datetime

from addons.albingress.model.groups import Owner
from addons.albingress.model.objects import (
    EndpointConditions,
    EndpointSlice,
    Node,
    NodeSpec,
    NodeStatus,
    Pod,
    PodCondition,
    PodSpec,
    PodStatus,
    ReadinessGate,
    Service,
    ServicePort,
    ServiceSpec,
    SliceEndpoint,
    SlicePort,
    Taint,
    TargetReference,
)
from addons.albingress.model.stack import ServicePort as Backend
from addons.albingress.model.targets import Binding
from addons.albingress.names import READINESS_GATE
from addons.runtime.objects import Condition, ObjectMeta
from addons.runtime.outcomes import ObjectRef

GATE = f"{READINESS_GATE}web"
OWNER = Owner(ObjectRef("Ingress", "default", "web"))


def binding(
    port: str = "80",
    *,
    target_type: str = "ip",
    family: str = "ipv4",
    selector: str = "",
    name: str = "web",
    service: str = "web",
    shared: bool = False,
) -> Binding:
    return Binding(
        namespace="default",
        name=name,
        group=name,
        backend=Backend("default", service, port),
        target_type=target_type,  # type: ignore[arg-type]
        owner=OWNER,
        node_selector=selector,
        ip_address_type=family,  # type: ignore[arg-type]
        shared=shared,
    )


def service(*ports: ServicePort, type_: str = "ClusterIP", selector: bool = True) -> Service:
    wanted = ports or (ServicePort(name="http", port=80, node_port=30080),)
    chosen = {"app": "web"} if selector else {}
    return Service(
        metadata=ObjectMeta(name="web", namespace="default"),
        spec=ServiceSpec(type=type_, ports=wanted, selector=chosen),
    )


def endpoint(
    address: str,
    *,
    pod: str = "",
    ready: bool | None = True,
    terminating: bool | None = None,
    uid: str = "",
) -> SliceEndpoint:
    return SliceEndpoint(
        addresses=(address,),
        conditions=EndpointConditions(ready=ready, serving=ready, terminating=terminating),
        target_ref=TargetReference(kind="Pod", name=pod, uid=uid) if pod else None,
    )


def piece(
    *endpoints: SliceEndpoint,
    port: int = 8080,
    port_name: str = "http",
    family: str = "IPv4",
    name: str = "a",
) -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(name=f"web-{name}", namespace="default"),
        address_type=family,
        endpoints=endpoints,
        ports=(SlicePort(name=port_name, port=port),) if port else (),
    )


def pod(
    name: str,
    *,
    containers_ready: bool = True,
    gates: tuple[str, ...] = (),
    node: str = "n1",
    leaving: bool = False,
    conditions: tuple[PodCondition, ...] = (),
    ip: str = "10.0.1.1",
) -> Pod:
    ready = PodCondition(type="ContainersReady", status="True" if containers_ready else "False")
    gone = datetime(2026, 1, 1, tzinfo=UTC) if leaving else None
    return Pod(
        metadata=ObjectMeta(name=name, namespace="default", uid=f"uid-{name}", deletion_timestamp=gone),
        spec=PodSpec(node_name=node, readiness_gates=tuple(ReadinessGate(condition_type=g) for g in gates)),
        status=PodStatus(pod_ip=ip, conditions=(ready, *conditions)),
    )


def node(name: str, *, ready: str = "True", id_: str = "", taint: str = "", **labels: str) -> Node:
    said = {label.replace("__", "/").replace("_", "-"): text for label, text in labels.items()}
    return Node(
        metadata=ObjectMeta(name=name, labels=said),
        spec=NodeSpec(
            provider_id=f"aws:///eu-central-1a/{id_ or 'i-0' + name.removeprefix('n')}",
            taints=(Taint(key=taint, effect="NoSchedule"),) if taint else (),
        ),
        status=NodeStatus(conditions=(Condition(type="Ready", status=ready),)),
    )
