"""Kubernetes objects as the add-ons see them: partial, frozen, decoded straight from the reply's bytes.

A field that no add-on reads does not exist here, so it costs neither time nor memory. The consequence: an
object from here is never written back whole, only merge-patched or applied.

The types do not provide for null: `decoding.decode` reads it as absent, which is what it means in this API.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from msgspec import Struct, field

from addons.runtime.outcomes import ObjectRef

Key = tuple[str, str]
"""Namespace and name; the namespace is empty for objects of the whole cluster."""


class Resource(Struct, frozen=True):
    """A kind of object and where the API server keeps it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As in an object's `apiVersion`: "v1", "networking.k8s.io/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of one object, or of the collection when `name` is empty.

        Without a namespace the collection of a namespaced resource spans all namespaces.
        """
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/" + "/".join(parts)

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Resource("", "v1", "pods", "Pod")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
SERVICES = Resource("", "v1", "services", "Service")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
INGRESS_CLASSES = Resource("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False)
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")


class Part(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A piece of an object: camelCase outside, unknown fields ignored, absent fields at their default."""


class OwnerReference(Part, frozen=True):
    """An owner of the object; the one with `controller` set manages it."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class ObjectMeta(Part, frozen=True):
    """The metadata that every object has."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    owner_references: tuple[OwnerReference, ...] = ()

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages the object, if any."""
        return next((owner for owner in self.owner_references if owner.controller), None)


class KubeObject(Part, frozen=True):
    """What all objects share. On its own it is enough to tell which object, and which version of it."""

    resource: ClassVar[Resource] = Resource("", "", "", "")
    metadata: ObjectMeta = ObjectMeta()


class Condition(Part, frozen=True):
    """One observation about an object; `status` is "True", "False" or "Unknown"."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


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
    """A port of a Service; `target_port` may be the name of a container's port."""

    name: str = ""
    protocol: str = "TCP"
    port: int = 0
    target_port: int | str = 0
    node_port: int = 0
    app_protocol: str = ""


class ServiceSpec(Part, frozen=True):
    """What a Service asks for. `cluster_ip` is "None" for a headless one."""

    type: str = "ClusterIP"
    cluster_ip: str = field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = field(default=(), name="clusterIPs")
    external_ips: tuple[str, ...] = field(default=(), name="externalIPs")
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] = {}
    external_traffic_policy: str = ""
    internal_traffic_policy: str = ""
    publish_not_ready_addresses: bool = False
    ip_families: tuple[str, ...] = ()
    load_balancer_class: str = ""


class Service(KubeObject, frozen=True):
    """A name and address in front of pods."""

    resource: ClassVar[Resource] = SERVICES
    spec: ServiceSpec = ServiceSpec()
    status: ExposedStatus = ExposedStatus()


class BackendPort(Part, frozen=True):
    """The port of a backend Service, by name or by number."""

    name: str = ""
    number: int = 0


class BackendService(Part, frozen=True):
    """The Service that a path leads to."""

    name: str = ""
    port: BackendPort = BackendPort()


class IngressBackend(Part, frozen=True):
    """Where a path leads; `service` is absent when it leads to a custom resource."""

    service: BackendService | None = None


class IngressPath(Part, frozen=True):
    """One path of a host and where it leads."""

    path: str = ""
    path_type: str = ""
    backend: IngressBackend = IngressBackend()


class HttpPaths(Part, frozen=True):
    """The paths of one host."""

    paths: tuple[IngressPath, ...] = ()


class IngressRule(Part, frozen=True):
    """The paths of one host; an empty host stands for every host."""

    host: str = ""
    http: HttpPaths = HttpPaths()


class IngressTls(Part, frozen=True):
    """Hosts that share a certificate."""

    hosts: tuple[str, ...] = ()
    secret_name: str = ""


class IngressSpec(Part, frozen=True):
    """What an Ingress asks for; `ingress_class_name` is empty when it leaves the class to the cluster."""

    ingress_class_name: str = ""
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTls, ...] = ()


class Ingress(KubeObject, frozen=True):
    """Hosts and paths that lead to Services."""

    resource: ClassVar[Resource] = INGRESSES
    spec: IngressSpec = IngressSpec()
    status: ExposedStatus = ExposedStatus()


class IngressClassSpec(Part, frozen=True):
    """Who serves the Ingresses of a class."""

    controller: str = ""


class IngressClass(KubeObject, frozen=True):
    """A class of Ingresses."""

    resource: ClassVar[Resource] = INGRESS_CLASSES
    spec: IngressClassSpec = IngressClassSpec()


class PodIp(Part, frozen=True):
    """One of a pod's addresses."""

    ip: str = ""


class PodSpec(Part, frozen=True):
    """Where a pod runs and what it calls itself."""

    node_name: str = ""
    hostname: str = ""
    subdomain: str = ""
    host_network: bool = False
    service_account_name: str = ""


class PodStatus(Part, frozen=True):
    """How a pod does; `pod_ips` has one address per family, the first being `pod_ip`."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodIp, ...] = field(default=(), name="podIPs")
    host_ip: str = field(default="", name="hostIP")
    conditions: tuple[Condition, ...] = ()


class Pod(KubeObject, frozen=True):
    """A group of containers on one node."""

    resource: ClassVar[Resource] = PODS
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class NodeSpec(Part, frozen=True):
    """A node's place in the cloud, and whether it accepts new pods."""

    unschedulable: bool = False
    provider_id: str = field(default="", name="providerID")


class NodeAddress(Part, frozen=True):
    """An address of a node: ExternalIP, InternalIP, Hostname, InternalDNS or ExternalDNS."""

    type: str = ""
    address: str = ""


class NodeStatus(Part, frozen=True):
    """A node's addresses and health."""

    addresses: tuple[NodeAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()


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
    """The object behind an endpoint, mostly a Pod."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class Endpoint(Part, frozen=True):
    """One backend of a Service."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    hostname: str = ""
    node_name: str = ""
    zone: str = ""
    target_ref: TargetReference | None = None


class EndpointPort(Part, frozen=True):
    """A port that all endpoints of a slice serve; no number means all ports."""

    name: str = ""
    protocol: str = "TCP"
    port: int | None = None


class EndpointSlice(KubeObject, frozen=True):
    """A part of the backends of a Service, of one address type: IPv4, IPv6 or FQDN."""

    resource: ClassVar[Resource] = ENDPOINT_SLICES
    address_type: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Namespace(KubeObject, frozen=True):
    """A namespace; its labels and annotations carry policy."""

    resource: ClassVar[Resource] = NAMESPACES


class ServiceAccount(KubeObject, frozen=True):
    """An identity of pods; its annotations carry the role."""

    resource: ClassVar[Resource] = SERVICE_ACCOUNTS


class LeaseSpec(Part, frozen=True):
    """Who holds a Lease and since when; an empty holder means that it is free."""

    holder_identity: str = ""
    lease_duration_seconds: int = 0
    acquire_time: datetime | None = None
    renew_time: datetime | None = None
    lease_transitions: int = 0


class Lease(KubeObject, frozen=True):
    """A claim that expires unless it is renewed."""

    resource: ClassVar[Resource] = LEASES
    spec: LeaseSpec = LeaseSpec()


def key(obj: KubeObject) -> Key:
    """What the object is called within its resource."""
    return obj.metadata.namespace, obj.metadata.name


def ref(obj: KubeObject) -> ObjectRef:
    """Name the object for messages and Events."""
    meta, resource = obj.metadata, obj.resource
    return ObjectRef(resource.kind, meta.namespace, meta.name, meta.uid, resource.api_version)
