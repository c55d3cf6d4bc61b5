"""The parts of Kubernetes objects that the simulation is made from: pods, nodes, owners, budgets, volumes."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import field

from addons.autoscaler.model.pod_parts import (
    InTreeDisk,
    LabelSelector,
    NodeSelector,
    PodSpec,
    PodStatus,
    Quantity,
    TimedCondition,
)
from addons.runtime.objects import (
    PODS,
    KubeObject,
    ObjectMeta,
    OwnerReference,
    Part,
    Resource,
    keep_once,
)

NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
REPLICATION_CONTROLLERS = Resource("", "v1", "replicationcontrollers", "ReplicationController")
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
JOBS = Resource("batch", "v1", "jobs", "Job")
BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
STORAGE_CLASSES = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)
CSI_NODES = Resource("storage.k8s.io", "v1", "csinodes", "CSINode", namespaced=False)


class Owner(OwnerReference, frozen=True):
    """An owner by its name too, and by the group of its kind."""

    api_version: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        keep_once(self, "api_version", "kind", "name", "uid")


class OwnedMeta(ObjectMeta, frozen=True):
    """Metadata with the names of the owners, and the grace of a deletion that is under way."""

    owner_references: tuple[Owner, ...] = ()
    deletion_grace_period_seconds: int | None = None


# Pods and nodes.


class Pod(KubeObject, frozen=True):
    """A group of containers on one node, or on none yet."""

    resource: ClassVar[Resource] = PODS
    metadata: OwnedMeta = OwnedMeta()
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class PodTemplate(Part, frozen=True):
    """What the pods of a controller will be like."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()


class Taint(Part, frozen=True):
    """What keeps pods away from a node."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(Part, frozen=True):
    """Which machine a node is (`provider_id` ends in the instance's id), and what keeps pods away."""

    provider_id: str = field(default="", name="providerID")
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False


class NodeStatus(Part, frozen=True):
    """What a node offers, and how it does."""

    capacity: Mapping[str, Quantity] = {}
    allocatable: Mapping[str, Quantity] = {}
    conditions: tuple[TimedCondition, ...] = ()


class Node(KubeObject, frozen=True):
    """A machine of the cluster."""

    resource: ClassVar[Resource] = NODES
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class CsiNodeAllocatable(Part, frozen=True):
    """How many volumes of a driver a node takes; None: as many as there are."""

    count: int | None = None


class CsiNodeDriver(Part, frozen=True):
    """A driver that runs on a node."""

    name: str = ""
    allocatable: CsiNodeAllocatable | None = None


class CsiNodeSpec(Part, frozen=True):
    """The drivers of a node."""

    drivers: tuple[CsiNodeDriver, ...] = ()


class CSINode(KubeObject, frozen=True):
    """What the drivers of volumes say of the node of the same name."""

    resource: ClassVar[Resource] = CSI_NODES
    spec: CsiNodeSpec = CsiNodeSpec()


class Namespace(KubeObject, frozen=True):
    """A namespace: pods choose their neighbours by its labels."""

    resource: ClassVar[Resource] = NAMESPACES


class ConfigMap(KubeObject, frozen=True):
    """Texts by their names."""

    resource: ClassVar[Resource] = CONFIG_MAPS
    data: Mapping[str, str] = {}


# Owners of pods.


class ReplicatedSpec(Part, frozen=True):
    """How many pods a controller wants."""

    replicas: int = 1


class ReplicaSet(KubeObject, frozen=True):
    """Keeps so many pods alike."""

    resource: ClassVar[Resource] = REPLICA_SETS
    spec: ReplicatedSpec = ReplicatedSpec()


class StatefulSet(KubeObject, frozen=True):
    """Keeps so many pods, each with a name of its own."""

    resource: ClassVar[Resource] = STATEFUL_SETS
    spec: ReplicatedSpec = ReplicatedSpec()


class ReplicationController(KubeObject, frozen=True):
    """Keeps so many pods alike, as before ReplicaSets."""

    resource: ClassVar[Resource] = REPLICATION_CONTROLLERS
    spec: ReplicatedSpec = ReplicatedSpec()


class JobSpec(Part, frozen=True):
    """How many pods a job runs at once."""

    parallelism: int = 1


class Job(KubeObject, frozen=True):
    """Runs pods until enough of them have succeeded."""

    resource: ClassVar[Resource] = JOBS
    spec: JobSpec = JobSpec()


class DaemonSetSpec(Part, frozen=True):
    """The pods of a DaemonSet."""

    template: PodTemplate = PodTemplate()


class DaemonSet(KubeObject, frozen=True):
    """Runs one pod on each node that suits it."""

    resource: ClassVar[Resource] = DAEMON_SETS
    spec: DaemonSetSpec = DaemonSetSpec()


Controller = ReplicaSet | StatefulSet | ReplicationController | Job | DaemonSet
"""The controllers of pods that are watched."""


class BudgetSpec(Part, frozen=True):
    """Which pods a budget protects; no selector: none. The policy is about those that are not ready."""

    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str = "IfHealthyBudget"


class BudgetStatus(Part, frozen=True):
    """How many of them may go, as of `observed_generation`, and how many are healthy and have to be."""

    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0
    observed_generation: int = 0


class PodDisruptionBudget(KubeObject, frozen=True):
    """How many of some pods may be away at once."""

    resource: ClassVar[Resource] = BUDGETS
    spec: BudgetSpec = BudgetSpec()
    status: BudgetStatus = BudgetStatus()


# Volumes.


class ResourcesOfClaim(Part, frozen=True):
    """How much space a claim asks for."""

    requests: Mapping[str, Quantity] = {}


class ClaimSpec(Part, frozen=True):
    """What a claim asks for; without a class of storage it takes a volume that is there."""

    volume_name: str = ""
    storage_class_name: str = ""
    access_modes: tuple[str, ...] = ()
    resources: ResourcesOfClaim = ResourcesOfClaim()


class PersistentVolumeClaim(KubeObject, frozen=True):
    """A wish for a volume. The annotation `volume.kubernetes.io/selected-node` names a node once chosen."""

    resource: ClassVar[Resource] = CLAIMS
    metadata: OwnedMeta = OwnedMeta()
    spec: ClaimSpec = ClaimSpec()


class ObjectName(Part, frozen=True):
    """A namespaced object."""

    namespace: str = ""
    name: str = ""


class CsiSource(Part, frozen=True):
    """The driver of a volume, and its id there."""

    driver: str = ""
    volume_handle: str = ""


class VolumeAffinity(Part, frozen=True):
    """The nodes that a volume can be used on."""

    required: NodeSelector | None = None


class VolumeSpec(Part, frozen=True):
    """What a volume is, and who has it."""

    capacity: Mapping[str, Quantity] = {}
    access_modes: tuple[str, ...] = ()
    storage_class_name: str = ""
    claim_ref: ObjectName | None = None
    node_affinity: VolumeAffinity | None = None
    csi: CsiSource | None = None
    aws_elastic_block_store: InTreeDisk | None = None


class PersistentVolume(KubeObject, frozen=True):
    """A volume."""

    resource: ClassVar[Resource] = VOLUMES
    spec: VolumeSpec = VolumeSpec()


class TopologyLabel(Part, frozen=True):
    """Values of one label."""

    key: str = ""
    values: tuple[str, ...] = ()


class TopologyTerm(Part, frozen=True):
    """Labels that a node must have together."""

    match_label_expressions: tuple[TopologyLabel, ...] = ()


class StorageClass(KubeObject, frozen=True):
    """How volumes are made, and when: at once, or for the node that a first pod goes to."""

    resource: ClassVar[Resource] = STORAGE_CLASSES
    provisioner: str = ""
    volume_binding_mode: str = "Immediate"
    allowed_topologies: tuple[TopologyTerm, ...] = ()
