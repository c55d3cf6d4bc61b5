"""The parts of Kubernetes objects that names and records are made from."""

from typing import ClassVar

from msgspec import field

from addons.dns import names
from addons.runtime.objects import PODS, Condition, KubeObject, Part, Resource, keep_once

NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
SERVICES = Resource("", "v1", "services", "Service")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")

ObjectKey = tuple[str, str, str]
"""Kind, namespace and name of an object."""


class LoadBalancerIngress(Part, frozen=True):
    """One way in through a load balancer: an address or a host name."""

    ip: str = ""
    hostname: str = ""


class LoadBalancerStatus(Part, frozen=True):
    """The ways in through a load balancer; empty until it exists."""

    ingress: tuple[LoadBalancerIngress, ...] = ()


class ExposedStatus(Part, frozen=True):
    """The status of a Service or an Ingress."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class ServicePort(Part, frozen=True):
    """A port of a Service, and the port of every node that leads to it."""

    protocol: str = "TCP"
    node_port: int = 0


class ServiceSpec(Part, frozen=True):
    """What a Service asks for. `cluster_ip` is "None" for a headless one."""

    type: str = "ClusterIP"
    cluster_ip: str = field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = field(default=(), name="clusterIPs")
    external_ips: tuple[str, ...] = field(default=(), name="externalIPs")
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    external_traffic_policy: str = ""
    publish_not_ready_addresses: bool = False

    def __post_init__(self) -> None:
        keep_once(self, "type", "external_traffic_policy")


class Service(KubeObject, frozen=True):
    """A name and address in front of pods."""

    resource: ClassVar[Resource] = SERVICES
    spec: ServiceSpec = ServiceSpec()
    status: ExposedStatus = ExposedStatus()


class IngressRule(Part, frozen=True):
    """A host that is served; an empty one stands for every host."""

    host: str = ""


class IngressTls(Part, frozen=True):
    """Hosts that share a certificate."""

    hosts: tuple[str, ...] = ()


class IngressSpec(Part, frozen=True):
    """What an Ingress asks for; `ingress_class_name` is empty when it leaves the class to the cluster."""

    ingress_class_name: str = ""
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTls, ...] = ()


class Ingress(KubeObject, frozen=True):
    """Hosts that lead to Services."""

    resource: ClassVar[Resource] = INGRESSES
    spec: IngressSpec = IngressSpec()
    status: ExposedStatus = ExposedStatus()

    @property
    def ingress_class(self) -> str:
        """The name of its class, by the field or by the older annotation."""
        return self.spec.ingress_class_name or self.metadata.annotations.get(names.INGRESS_CLASS, "")


class PodIp(Part, frozen=True):
    """One of a pod's addresses."""

    ip: str = ""


class PodSpec(Part, frozen=True):
    """Where a pod runs and what it calls itself; with `host_network` its addresses are those of its node."""

    node_name: str = ""
    host_network: bool = False
    hostname: str = ""
    subdomain: str = ""

    def __post_init__(self) -> None:
        keep_once(self, "node_name", "subdomain")


class PodStatus(Part, frozen=True):
    """How a pod does; `pod_ips` has one address per family, the first being `pod_ip`."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodIp, ...] = field(default=(), name="podIPs")
    host_ip: str = field(default="", name="hostIP")
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        keep_once(self, "phase", "host_ip")


class Pod(KubeObject, frozen=True):
    """A group of containers on one node."""

    resource: ClassVar[Resource] = PODS
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class NodeSpec(Part, frozen=True):
    """Whether a node accepts new pods."""

    unschedulable: bool = False


class NodeAddress(Part, frozen=True):
    """An address of a node: ExternalIP, InternalIP, Hostname, InternalDNS or ExternalDNS."""

    type: str = ""
    address: str = ""


class NodeStatus(Part, frozen=True):
    """A node's addresses."""

    addresses: tuple[NodeAddress, ...] = ()


class Node(KubeObject, frozen=True):
    """A machine of the cluster."""

    resource: ClassVar[Resource] = NODES
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class EndpointConditions(Part, frozen=True):
    """Whether an endpoint takes traffic; None means unknown, which consumers read as ready."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class TargetReference(Part, frozen=True):
    """The object behind an endpoint, mostly a Pod of the slice's namespace."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class SliceEndpoint(Part, frozen=True):
    """One backend of a Service."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    hostname: str = ""
    node_name: str = ""
    zone: str = ""
    target_ref: TargetReference | None = None

    def __post_init__(self) -> None:
        keep_once(self, "node_name", "zone")


class EndpointSlice(KubeObject, frozen=True):
    """A part of the backends of a Service, of one address type: IPv4, IPv6 or FQDN."""

    resource: ClassVar[Resource] = ENDPOINT_SLICES
    address_type: str = ""
    endpoints: tuple[SliceEndpoint, ...] = ()


class Namespace(KubeObject, frozen=True):
    """A namespace; Gateways choose namespaces by their labels."""

    resource: ClassVar[Resource] = NAMESPACES
