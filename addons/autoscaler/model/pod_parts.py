"""The parts of pods, as far as the scheduler looks at them, and selectors of objects by labels."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import field

from addons.runtime.objects import Condition, Part, keep_once

Quantity = str | int | float
"""An amount as written: "500m", "1Gi", or a bare number."""


class Expression(Part, frozen=True):
    """One requirement on labels, or on fields of a node."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(Part, frozen=True):
    """Labels that an object must have; an empty one selects everything."""

    match_labels: Mapping[str, str] = {}
    match_expressions: tuple[Expression, ...] = ()


class NodeSelectorTerm(Part, frozen=True):
    """Requirements on one node that must hold together; none at all match no node."""

    match_expressions: tuple[Expression, ...] = ()
    match_fields: tuple[Expression, ...] = ()


class NodeSelector(Part, frozen=True):
    """Terms of which one must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class NodeAffinity(Part, frozen=True):
    """What a pod demands of its node; what it only prefers is not read."""

    required: NodeSelector | None = field(default=None, name=_REQUIRED)


class PodAffinityTerm(Part, frozen=True):
    """Pods that a pod wants near it, or not near it."""

    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()


class PodAffinity(Part, frozen=True):
    """What a pod demands of the pods around it."""

    required: tuple[PodAffinityTerm, ...] = field(default=(), name=_REQUIRED)


class Affinity(Part, frozen=True):
    """All that a pod demands of its place."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpreadConstraint(Part, frozen=True):
    """How evenly pods are spread over domains."""

    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = "DoNotSchedule"
    label_selector: LabelSelector | None = None
    min_domains: int | None = None
    match_label_keys: tuple[str, ...] = ()
    node_affinity_policy: str = "Honor"
    node_taints_policy: str = "Ignore"


class Toleration(Part, frozen=True):
    """Taints that do not keep a pod away."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class ResourceRequirements(Part, frozen=True):
    """What is requested. Limits matter in templates only: of those of pods requests were made."""

    requests: Mapping[str, Quantity] = {}
    limits: Mapping[str, Quantity] = {}


class ContainerPort(Part, frozen=True):
    """A port of a container, and of its node where `host_port` is not 0."""

    host_port: int = 0
    protocol: str = "TCP"
    host_ip: str = field(default="", name="hostIP")


class Container(Part, frozen=True):
    """What a container needs. An init container whose `restart_policy` is Always runs beside the others."""

    name: str = ""
    resources: ResourceRequirements = ResourceRequirements()
    ports: tuple[ContainerPort, ...] = ()
    restart_policy: str = ""


class ClaimReference(Part, frozen=True):
    """A claim of the pod's namespace."""

    claim_name: str = ""


class EmptyDir(Part, frozen=True):
    """Space on the node; the medium "Memory" is none on its disk."""

    medium: str = ""


class Present(Part, frozen=True):
    """Something of which only the presence counts."""


class InTreeDisk(Part, frozen=True):
    """An EBS volume by its id, as before CSI."""

    volume_id: str = field(default="", name="volumeID")


class Volume(Part, frozen=True):
    """A volume of a pod, of the kinds that matter here."""

    name: str = ""
    persistent_volume_claim: ClaimReference | None = None
    ephemeral: Present | None = None
    empty_dir: EmptyDir | None = None
    host_path: Present | None = None
    aws_elastic_block_store: InTreeDisk | None = None


class SchedulingGate(Part, frozen=True):
    """Keeps the scheduler from looking at a pod."""

    name: str = ""


class PodSpec(Part, frozen=True):
    """What a pod asks for. `resources` are of the pod as a whole; `resource_claims` are for devices."""

    node_name: str = ""
    node_selector: Mapping[str, str] = {}
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    overhead: Mapping[str, Quantity] = {}
    resources: ResourceRequirements | None = None
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = ()
    volumes: tuple[Volume, ...] = ()
    scheduler_name: str = "default-scheduler"
    scheduling_gates: tuple[SchedulingGate, ...] = ()
    resource_claims: tuple[Present, ...] = ()
    priority: int = 0
    termination_grace_period_seconds: int = 30

    def __post_init__(self) -> None:
        keep_once(self, "node_name", "scheduler_name")


class TimedCondition(Condition, frozen=True):
    """An observation with why, and since when."""

    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class ContainerStatus(Part, frozen=True):
    """What a running container has; while it is resized that may be more than it asks for."""

    name: str = ""
    allocated_resources: Mapping[str, Quantity] = {}
    resources: ResourceRequirements | None = None


class PodStatus(Part, frozen=True):
    """How a pod does."""

    phase: str = ""
    nominated_node_name: str = ""
    conditions: tuple[TimedCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()

    def __post_init__(self) -> None:
        keep_once(self, "phase")
