"""The parts of Kubernetes objects that decide how many addresses a node needs, and of which subnet."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import field

from addons.runtime.objects import PODS, Condition, KubeObject, Part, Resource

_LEAVING = frozenset(
    {
        "ToBeDeletedByClusterAutoscaler",
        "aws-node-termination-handler/asg-lifecycle-termination",
        "aws-node-termination-handler/scheduled-maintenance",
        "aws-node-termination-handler/spot-itn",
        "karpenter.sh/disrupted",
        "node.cloudprovider.kubernetes.io/shutdown",
        "node.kubernetes.io/out-of-service",
    }
)
"""Taints of nodes whose instance is to be terminated, by those who do it or see it coming."""

NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
ENI_CONFIGS = Resource("crd.k8s.amazonaws.com", "v1alpha1", "eniconfigs", "ENIConfig", namespaced=False)


class Quantities(Part, frozen=True):
    """What a container asks for, by the name of the resource."""

    requests: Mapping[str, str] = {}
    limits: Mapping[str, str] = {}


class Container(Part, frozen=True):
    """One container of a pod."""

    resources: Quantities = Quantities()


class PodSpec(Part, frozen=True):
    """Where a pod runs and in whose network."""

    node_name: str = ""
    host_network: bool = False
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()


class PodStatus(Part, frozen=True):
    """How a pod does."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")


class Pod(KubeObject, frozen=True):
    """A group of containers on this node."""

    resource: ClassVar[Resource] = PODS
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Taint(Part, frozen=True):
    """What keeps pods away from a node."""

    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: str = ""


class NodeSpec(Part, frozen=True):
    """Whether pods may come to a node."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeStatus(Part, frozen=True):
    """What a node has, by the name of the resource."""

    capacity: Mapping[str, str] = {}
    allocatable: Mapping[str, str] = {}
    conditions: tuple[Condition, ...] = ()


class Node(KubeObject, frozen=True):
    """A machine of the cluster."""

    resource: ClassVar[Resource] = NODES
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def max_pods(self) -> int | None:
        """How many pods its kubelet runs; None while that is not told."""
        told = self.status.capacity.get("pods", "")
        return int(told) if told.isdecimal() else None

    @property
    def is_leaving(self) -> bool:
        """Whether it is on its way out: its instance is about to be terminated."""
        return bool(self.metadata.deletion_timestamp) or any(
            taint.key in _LEAVING for taint in self.spec.taints
        )


class EniConfigSpec(Part, frozen=True):
    """Of which subnet, and with which security groups, interfaces for pods are made."""

    subnet: str = ""
    security_groups: tuple[str, ...] = ()


class EniConfig(KubeObject, frozen=True):
    """Networking of pods apart from that of nodes, as administrators write it."""

    resource: ClassVar[Resource] = ENI_CONFIGS
    spec: EniConfigSpec = EniConfigSpec()
