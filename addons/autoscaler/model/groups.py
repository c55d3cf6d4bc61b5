"""Auto scaling groups as AWS tells them, with the limits and options that count here."""

from dataclasses import dataclass, field
from typing import Literal

from addons.autoscaler.model.pods import Labels, Taint
from addons.autoscaler.model.resources import Amounts

LAUNCH_UNREAD = "what it launches is not read yet"
"""What a group is degraded by that has just been found."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a group. `state` is AWS's LifecycleState, such as Pending, InService,
    Terminating:Wait."""

    id: str
    zone: str = ""
    type: str = ""
    state: str = "InService"
    is_healthy: bool = True
    is_protected: bool = False
    launch_template: str = ""
    """What it was launched from, in the form of Group.launch_template; "" where AWS does not tell."""

    @property
    def is_leaving(self) -> bool:
        """Whether the group has begun to end it, or to let it go."""
        return self.state.startswith(("Terminat", "Detach"))

    @property
    def is_counted(self) -> bool:
        """Whether AWS counts it towards the desired capacity."""
        return not self.is_leaving and self.state not in ("Standby", "EnteringStandby")


@dataclass(frozen=True, slots=True)
class LaunchFailure:
    """A scaling activity that failed to launch. `at` is Unix seconds; `code` is our word for why:
    OutOfCapacity, SubnetFull, QuotaExceeded, LaunchTemplateInvalid, Other.
    """

    activity: str
    at: float
    code: str
    message: str
    zone: str = ""


@dataclass(frozen=True, slots=True)
class GroupOptions:
    """What is set for one group, by its tags or else for all. Times in seconds; None: not set."""

    utilization_threshold: float = 0.5
    gpu_utilization_threshold: float = 0.5
    unneeded_seconds: float = 600.0
    unready_seconds: float = 1200.0
    ignores_daemonsets: bool = False
    provision_seconds: float = 900.0
    max_step: int = 100
    priority: int | None = None
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What EKS gives to the nodes of a managed node group."""

    labels: Labels
    taints: tuple[Taint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group. `min_size` and `max_size` are what both the settings and AWS permit.

    `types` has the instance types of a mixed policy in its order, else the one of the launch template.
    `observed` is the Unix time of the reading; `degraded` says in words what of it could not be read, so that
    the rest is older. `free_addresses` has, by zone, what its subnets have left; None: not known.
    """

    name: str
    min_size: int
    max_size: int
    desired: int
    instances: tuple[Instance, ...] = ()
    zones: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    types: tuple[str, ...] = ()
    launch_template: str = ""
    """Id and version, or the name of the launch configuration: it changes when new instances would differ."""
    floor: Amounts | None = None
    """What any of its instances has at least, where AWS does not say which types it may take."""
    declared: Declared | None = None
    """Where it is of a managed node group, and EKS has said so."""
    image: str = ""
    capacity_type: Literal["spot", "on-demand", "mixed"] = "on-demand"
    suspended: frozenset[str] = frozenset()
    failures: tuple[LaunchFailure, ...] = ()
    free_addresses: dict[str, int] | None = None
    options: GroupOptions = GroupOptions()
    problems: tuple[str, ...] = ()
    """What is wrong with its tags and limits, each in words."""
    observed: float = 0.0
    degraded: str = ""

    @property
    def missing(self) -> int:
        """How many instances AWS has still to deliver, whoever asked for them."""
        return max(0, self.desired - sum(each.is_counted for each in self.instances))


@dataclass(frozen=True, slots=True)
class InstanceType:
    """What EC2 tells of a type; `pod_limit` is by the addresses of its interfaces, 0 where that is not
    known."""

    name: str
    resources: Amounts
    arch: str = "amd64"
    pod_limit: int = 0
    gpus: int = 0
