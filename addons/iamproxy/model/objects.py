"""The parts of Kubernetes objects that decide what a pod is granted."""

from typing import ClassVar

from msgspec import field

from addons.runtime.objects import PODS, KubeObject, Part, Resource

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)


class PodIp(Part, frozen=True):
    """One of a pod's addresses."""

    ip: str = ""


class PodSpec(Part, frozen=True):
    """Where a pod runs, in whose network, and for which ServiceAccount."""

    node_name: str = ""
    host_network: bool = False
    service_account_name: str = ""


class PodStatus(Part, frozen=True):
    """How a pod does; `pod_ips` has one address per family, the first being `pod_ip`."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodIp, ...] = field(default=(), name="podIPs")


class Pod(KubeObject, frozen=True):
    """A group of containers on one node."""

    resource: ClassVar[Resource] = PODS
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Namespace(KubeObject, frozen=True):
    """A namespace; its annotations and labels say which roles its pods may have."""

    resource: ClassVar[Resource] = NAMESPACES
