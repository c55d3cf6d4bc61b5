"""What an account has in Auto Scaling. These records change in place: nobody asks for their past."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
PROCESSES = (
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
)
"""What a group does by itself, and SuspendProcesses stops."""


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A launch template as a group names it; `version` is a number, $Latest or $Default."""

    id: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Override:
    """One type of a mixed policy; `weight` is for how much of the capacity an instance of it counts."""

    type: str
    weight: int = 1
    template: TemplateRef | None = None
    requirements: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Mix:
    """A mixed instances policy. What is above the base is on-demand by `on_demand_percent`, else spot."""

    template: TemplateRef
    overrides: tuple[Override, ...] = ()
    on_demand_base: int = 0
    on_demand_percent: int = 100
    distribution: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a group."""

    value: str
    is_propagated: bool


@dataclass(frozen=True, slots=True)
class Hook:
    """A lifecycle hook: an instance waits in the transition until somebody says so, or for so long."""

    name: str
    transition: str
    heartbeat_seconds: int = 3600
    global_seconds: int = 172_800
    default_result: str = "ABANDON"
    metadata: str = ""


@dataclass
class Waiting:
    """An instance that waits at a hook. `turn` counts the heartbeats, so that older timers mean nothing."""

    hook: Hook
    token: str
    until_at_most: datetime
    turn: int = 0


@dataclass
class Activity:
    """A scaling activity. `status` is e.g. InProgress, Successful or Failed."""

    id: str
    group: str
    description: str
    cause: str
    started: datetime
    zone: str
    subnet_id: str
    status: str = "InProgress"
    message: str = ""
    progress: int = 0
    ended: datetime | None = None


@dataclass
class Member:
    """An instance of a group; `state` is its LifecycleState."""

    id: str
    type: str
    zone: str
    subnet_id: str
    template: TemplateRef | None
    weight: int = 1
    lifecycle: str = ""
    state: str = "Pending"
    is_healthy: bool = True
    is_protected: bool = False
    waiting: Waiting | None = None
    activity: Activity | None = None

    @property
    def is_leaving(self) -> bool:
        """Whether it no longer counts as capacity."""
        return self.state.startswith(("Terminating", "Terminated", "Detach"))


@dataclass
class Group:
    """A group. `launch_configuration`, `template` or `mix` says what it launches; the others are empty."""

    name: str
    least: int
    most: int
    desired: int
    subnets: tuple[str, ...]
    created: datetime
    template: TemplateRef | None = None
    mix: Mix | None = None
    launch_configuration: str = ""
    tags: dict[str, Tag] = field(default_factory=dict)
    suspended: dict[str, str] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    protects_new: bool = False
    cooldown_seconds: int = 300
    grace_seconds: int = 0
    rebalances_capacity: bool = False
    is_deleted: bool = False

    @property
    def capacity(self) -> int:
        """What its instances count for that are there, or on their way."""
        return sum(member.weight for member in self.members.values() if not member.is_leaving)

    def hook_of(self, transition: str) -> Hook | None:
        """The first hook of a transition."""
        return next((hook for hook in self.hooks.values() if hook.transition == transition), None)


@dataclass(frozen=True, slots=True)
class LaunchConfiguration:
    """The older way to say what a group launches."""

    name: str
    type: str
    image_id: str
    created: datetime
    spot_price: str = ""
