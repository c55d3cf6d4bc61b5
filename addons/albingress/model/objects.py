"""The parts of Kubernetes objects that load balancers, their rules and their targets are made from."""

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import field

from addons.albingress import names
from addons.runtime.objects import PODS, Condition, KubeObject, ObjectMeta, Part, Resource, keep_once

INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
INGRESS_CLASSES = Resource("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False)
INGRESS_CLASS_PARAMS = Resource(
    names.PARAMS_GROUP, "v1beta1", "ingressclassparams", "IngressClassParams", namespaced=False
)
TARGET_GROUP_BINDINGS = Resource(names.PARAMS_GROUP, "v1beta1", "targetgroupbindings", "TargetGroupBinding")
SERVICES = Resource("", "v1", "services", "Service")
SECRETS = Resource("", "v1", "secrets", "Secret")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")

NumberOrName = int | str
"""A port by its number, or by its name."""


class FinalizedMeta(ObjectMeta, frozen=True):
    """Metadata with what must happen before the object may go."""

    finalizers: tuple[str, ...] = ()


class LoadBalancerIngress(Part, frozen=True):
    """One way in through a load balancer: an address or a host name."""

    ip: str = ""
    hostname: str = ""


class LoadBalancerStatus(Part, frozen=True):
    """The ways in through a load balancer; empty until it exists."""

    ingress: tuple[LoadBalancerIngress, ...] = ()


class IngressStatus(Part, frozen=True):
    """What was told about an Ingress."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class BackendPort(Part, frozen=True):
    """A port of a Service by its number, or, where that is 0, by its name."""

    name: str = ""
    number: int = 0

    @property
    def written(self) -> NumberOrName:
        """The port as the Ingress has it."""
        return self.number or self.name


class BackendService(Part, frozen=True):
    """A Service of the Ingress's namespace with a port."""

    name: str = ""
    port: BackendPort = BackendPort()


class BackendResource(Part, frozen=True):
    """Another kind of object as a backend, which a load balancer cannot have."""

    kind: str = ""
    name: str = ""


class IngressBackend(Part, frozen=True):
    """Where a path leads: one of the two."""

    service: BackendService | None = None
    resource: BackendResource | None = None


class IngressPath(Part, frozen=True):
    """A path with its backend; `path_type` is Exact, Prefix or ImplementationSpecific."""

    path: str = ""
    path_type: str = "ImplementationSpecific"
    backend: IngressBackend = IngressBackend()

    def __post_init__(self) -> None:
        keep_once(self, "path_type")


class IngressHttp(Part, frozen=True):
    """The paths of a host."""

    paths: tuple[IngressPath, ...] = ()


class IngressRule(Part, frozen=True):
    """A host with its paths; an empty one stands for every host."""

    host: str = ""
    http: IngressHttp = IngressHttp()


class IngressTls(Part, frozen=True):
    """Hosts that share a certificate."""

    hosts: tuple[str, ...] = ()


class IngressSpec(Part, frozen=True):
    """What an Ingress asks for; `ingress_class_name` is empty when it leaves the class to the cluster."""

    ingress_class_name: str = ""
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTls, ...] = ()


class Ingress(KubeObject, frozen=True):
    """Hosts and paths that lead to Services."""

    resource: ClassVar[Resource] = INGRESSES
    metadata: FinalizedMeta = FinalizedMeta()
    spec: IngressSpec = IngressSpec()
    status: IngressStatus = IngressStatus()


class ClassParameters(Part, frozen=True):
    """The object that an IngressClass has its settings in."""

    api_group: str = ""
    kind: str = ""
    name: str = ""


class IngressClassSpec(Part, frozen=True):
    """Who serves the Ingresses of a class, and with which settings."""

    controller: str = ""
    parameters: ClassParameters | None = None


class IngressClass(KubeObject, frozen=True):
    """A name by which Ingresses choose their controller."""

    resource: ClassVar[Resource] = INGRESS_CLASSES
    spec: IngressClassSpec = IngressClassSpec()

    @property
    def is_default(self) -> bool:
        """Whether Ingresses that name no class are meant."""
        return self.metadata.annotations.get(names.DEFAULT_CLASS) == "true"


class IngressClassParams(KubeObject, frozen=True):
    """Settings of all Ingresses of a class, as they were written: what they mean is read where it is used.

    A value of a wrong type costs only the setting that it is about.
    """

    resource: ClassVar[Resource] = INGRESS_CLASS_PARAMS
    spec: Any = field(default_factory=dict)


class ServicePort(Part, frozen=True):
    """A port of a Service: what it is called, where it leads, and the port of every node that leads to it.

    `target_port` is 0 where it is not said: then it is `port`.
    """

    name: str = ""
    protocol: str = "TCP"
    port: int = 0
    target_port: NumberOrName = 0
    node_port: int = 0
    app_protocol: str = ""


class ServiceSpec(Part, frozen=True):
    """What a Service asks for. `cluster_ip` is "None" for a headless one."""

    type: str = "ClusterIP"
    cluster_ip: str = field(default="", name="clusterIP")
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] = {}
    ip_families: tuple[str, ...] = ()
    publish_not_ready_addresses: bool = False

    def __post_init__(self) -> None:
        keep_once(self, "type")


class Service(KubeObject, frozen=True):
    """A name in front of pods."""

    resource: ClassVar[Resource] = SERVICES
    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(Part, frozen=True):
    """Whether an endpoint takes traffic; None means unknown, which consumers read as ready."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class TargetReference(Part, frozen=True):
    """The object behind an endpoint, mostly a Pod of the slice's namespace."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""

    def __post_init__(self) -> None:
        keep_once(self, "kind", "namespace")


class SliceEndpoint(Part, frozen=True):
    """One backend of a Service."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    node_name: str = ""
    target_ref: TargetReference | None = None

    def __post_init__(self) -> None:
        keep_once(self, "node_name")


class SlicePort(Part, frozen=True):
    """A port that all endpoints of a slice have, under the name of the Service's port."""

    name: str = ""
    port: int = 0
    protocol: str = "TCP"


class EndpointSlice(KubeObject, frozen=True):
    """A part of the backends of a Service, of one address type: IPv4, IPv6 or FQDN."""

    resource: ClassVar[Resource] = ENDPOINT_SLICES
    address_type: str = ""
    endpoints: tuple[SliceEndpoint, ...] = ()
    ports: tuple[SlicePort, ...] = ()


class PodIp(Part, frozen=True):
    """One of a pod's addresses."""

    ip: str = ""


class ReadinessGate(Part, frozen=True):
    """A condition that must be True before the pod counts as ready."""

    condition_type: str = ""

    def __post_init__(self) -> None:
        keep_once(self, "condition_type")


class PodSpec(Part, frozen=True):
    """Where a pod runs, and what its readiness waits for."""

    node_name: str = ""
    host_network: bool = False
    readiness_gates: tuple[ReadinessGate, ...] = ()

    def __post_init__(self) -> None:
        keep_once(self, "node_name")


class PodCondition(Condition, frozen=True):
    """One observation about a pod, with why."""

    reason: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        keep_once(self, "type", "status", "reason")


class ContainerStatus(Part, frozen=True):
    """Whether one container of a pod is ready."""

    ready: bool = False


class PodStatus(Part, frozen=True):
    """How a pod does; `pod_ips` has one address per family, the first being `pod_ip`."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodIp, ...] = field(default=(), name="podIPs")
    conditions: tuple[PodCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()

    def __post_init__(self) -> None:
        keep_once(self, "phase")


class Pod(KubeObject, frozen=True):
    """A group of containers on one node."""

    resource: ClassVar[Resource] = PODS
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Taint(Part, frozen=True):
    """What keeps pods away from a node."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(Part, frozen=True):
    """Which machine a node is (`provider_id` ends in the instance's id), and what keeps pods away."""

    provider_id: str = field(default="", name="providerID")
    taints: tuple[Taint, ...] = ()


class NodeAddress(Part, frozen=True):
    """An address of a node: ExternalIP, InternalIP, Hostname, InternalDNS or ExternalDNS."""

    type: str = ""
    address: str = ""


class NodeStatus(Part, frozen=True):
    """How a node does, and its addresses."""

    addresses: tuple[NodeAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Node(KubeObject, frozen=True):
    """A machine of the cluster."""

    resource: ClassVar[Resource] = NODES
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class Namespace(KubeObject, frozen=True):
    """A namespace; IngressClassParams choose namespaces by their labels."""

    resource: ClassVar[Resource] = NAMESPACES


class Secret(KubeObject, frozen=True):
    """What an OpenID client knows; it is never shown."""

    resource: ClassVar[Resource] = SECRETS
    data: Mapping[str, bytes] = {}

    def __repr__(self) -> str:
        return f"Secret({self.metadata.namespace}/{self.metadata.name})"
