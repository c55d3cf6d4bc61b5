"""Some kinds of objects, for tests of what all kinds have in common."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import field

from addons.runtime.objects import KubeObject, Part, Resource

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
SERVICES = Resource("", "v1", "services", "Service")


class Port(Part, frozen=True):
    """A port of a Service."""

    name: str = ""
    port: int = 0


class ServiceSpec(Part, frozen=True):
    """Some of what a Service asks for."""

    type: str = "ClusterIP"
    cluster_ip: str = field(default="", name="clusterIP")
    ports: tuple[Port, ...] = ()
    selector: Mapping[str, str] = {}


class Service(KubeObject, frozen=True):
    """A name and address in front of pods."""

    resource: ClassVar[Resource] = SERVICES
    spec: ServiceSpec = ServiceSpec()


class Ingress(KubeObject, frozen=True):
    """A way into the cluster."""

    resource: ClassVar[Resource] = INGRESSES


class Namespace(KubeObject, frozen=True):
    """A namespace."""

    resource: ClassVar[Resource] = NAMESPACES
