"""Pods as a simulation sees them: what the scheduler looks at, shared by all pods that are alike in it."""

from dataclasses import dataclass, field

from addons.autoscaler.model.resources import Amounts

Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class Requirement:
    """An expression over labels: `operator` is In, NotIn, Exists, DoesNotExist, Gt or Lt.

    In a term for fields of nodes, the key is `metadata.name`.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeTerm:
    """One of several terms of a required node affinity: all of it must hold. An empty one matches nothing."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class Toleration:
    """`operator` is Equal, Exists, Gt or Lt; an empty key with Exists tolerates all, an empty effect any."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Taint:
    """`effect` is NoSchedule, NoExecute or PreferNoSchedule."""

    key: str
    value: str = ""
    effect: str = "NoSchedule"


@dataclass(frozen=True, slots=True)
class PodTerm:
    """A required (anti-)affinity to pods: those that `selector` matches (None: none) in `namespaces`, or in
    namespaces with such labels (`namespace_selector`; None: not by labels, empty: all), by `topology_key`.
    """

    topology_key: str
    selector: tuple[Requirement, ...] | None
    namespaces: tuple[str, ...] = ()
    namespace_selector: tuple[Requirement, ...] | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """A topology spread constraint that forbids (DoNotSchedule); `selector` is over pods of the namespace.

    `honors_affinity` and `honors_taints` say which nodes count as domains.
    """

    max_skew: int
    topology_key: str
    selector: tuple[Requirement, ...] | None
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the node itself that a container takes; no address means all."""

    port: int
    protocol: str = "TCP"
    address: str = ""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class PodClass:
    """What the scheduler looks at of a pod. Equal pods share one object: compare by identity.

    `digest` is the same in another process. `requests` has `pods: 1`. `volume_terms` are the node terms that
    its volumes demand, each of which must hold by one of its alternatives. `volumes` counts attached volumes
    by CSI driver. `missing_volume` says in words what keeps its volumes from being found at all, or
    why else no node suits it.
    `is_plain` says that neither affinity to pods, spread, ports nor volumes of its own matter.
    """

    digest: str
    namespace: str
    labels: Labels
    requests: Amounts
    node_selector: Labels = field(default_factory=dict)
    node_affinity: tuple[NodeTerm, ...] | None = None
    tolerations: tuple[Toleration, ...] = ()
    ports: tuple[HostPort, ...] = ()
    affinity: tuple[PodTerm, ...] = ()
    anti_affinity: tuple[PodTerm, ...] = ()
    spread: tuple[Spread, ...] = ()
    volume_terms: tuple[tuple[NodeTerm, ...], ...] = ()
    volumes: Amounts = field(default_factory=dict)
    missing_volume: str = ""
    scheduler: str = "default-scheduler"

    @property
    def is_plain(self) -> bool:
        """Whether a pod of the class meets others in resources only."""
        return not (self.ports or self.affinity or self.anti_affinity or self.spread or self.volumes)


@dataclass(frozen=True, slots=True)
class PodOwner:
    """The controller of a pod; `replicas` is how many it wants, None where that is not known or not told.

    `is_known` says whether the kind is watched here and the object exists; `is_native` whether the kind is
    one of Kubernetes' own.
    """

    kind: str
    name: str
    uid: str
    replicas: int | None = None
    is_known: bool = True
    is_native: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Pod:
    """One pod that has not ended. Times are Unix seconds; `node` is empty while it waits.

    `safe_to_evict` is the annotation: true, false, on-completion or empty. `local_volumes` are the names of
    volumes with data on the node that no annotation calls safe. `budgets` counts matching disruption budgets.
    """

    namespace: str
    name: str
    uid: str
    cls: PodClass
    created: float
    node: str = ""
    nominated_node: str = ""
    priority: int = 0
    phase: str = "Pending"
    owner: PodOwner | None = None
    is_mirror: bool = False
    is_daemon: bool = False
    is_ready: bool = False
    unschedulable_since: float | None = None
    scheduler_message: str = ""
    is_gated: bool = False
    delete_at: float | None = None
    """When its grace ends, for a pod that is being deleted."""
    grace_seconds: int = 30
    safe_to_evict: str = ""
    local_volumes: tuple[str, ...] = ()
    scale_up_delay: float = 0.0
    allows_daemonset_eviction: bool | None = None
    own_labels: Labels = field(default_factory=dict)
    """Labels that a StatefulSet or Job gives each pod alone, so that they are none of its class."""

    @property
    def labels(self) -> Labels:
        """All of its labels, for selectors of budgets."""
        return {**self.cls.labels, **self.own_labels} if self.own_labels else self.cls.labels

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget. `allowed` is how many of its pods may go now."""

    namespace: str
    name: str
    selector: tuple[Requirement, ...] | None
    allowed: int
    evicts_unhealthy: bool = False
    """Pods that are not ready may go whatever is allowed, by unhealthyPodEvictionPolicy and the status."""
    is_current: bool = True
    """False while the disruption controller has not seen its newest form: nothing may go."""
