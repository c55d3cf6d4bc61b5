"""Everything of Auto Scaling by name or id, and how the service behaves; nothing here judges a call."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from addons.sim.aws.autoscaling.errors import no_group, no_instance
from addons.sim.aws.autoscaling.failures import FailedLaunches
from addons.sim.aws.autoscaling.model import Activity, Group, LaunchConfiguration, Member
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.throttle import RateLimit

USUAL_RATE_LIMITS = {
    "Describe*": RateLimit(10, 20),
    "*": RateLimit(5, 10),
}
"""About what an account has, by pattern; the first that fits counts."""

Notice = dict[str, Any]


@dataclass
class Knobs:
    """How the service behaves beyond being right; the defaults are an undisturbed, instant one.

    `react_seconds`: how long a group needs to act after it was changed. `launch_seconds`: how long an
    instance is Pending. `terminate_seconds`: how long it is Terminating. `retry_seconds`: how long a group
    rests when nothing could be launched. `rebalance_seconds`: how long zones may differ before AZRebalance
    acts. `spot_warning_seconds`: how long before the end of a spot instance the warning comes.
    `rate_limits`: by a pattern of operations; each pattern has a bucket of its own.
    """

    react_seconds: float = 0.0
    launch_seconds: float = 0.0
    terminate_seconds: float = 0.0
    retry_seconds: float = 60.0
    rebalance_seconds: float = 60.0
    spot_warning_seconds: float = 120.0
    rate_limits: dict[str, RateLimit] = field(default_factory=dict)


class Account:
    """Groups, launch configurations and activities; `listeners` are told the notices of EventBridge.

    `launch_seconds_of` has, by group, how long its instances are Pending where it is not as the knobs say.
    """

    def __init__(self, ec2: Ec2) -> None:
        self.ec2 = ec2
        self.knobs = Knobs()
        self.groups: dict[str, Group] = {}
        self.launch_configurations: dict[str, LaunchConfiguration] = {}
        self.activities: list[Activity] = []
        self.failing: list[FailedLaunches] = []
        self.launch_seconds_of: dict[str, float] = {}
        self.listeners: list[Callable[[Notice], None]] = []
        self._numbers = count(1)

    def new_uuid(self) -> str:
        """Give an id in the form of a UUID that nothing has."""
        return f"00000000-0000-4000-8000-{next(self._numbers):012x}"

    def group(self, name: str) -> Group:
        """Give a group. Raises ValidationError."""
        if name not in self.groups:
            raise no_group(name)
        return self.groups[name]

    def find(self, instance_id: str) -> tuple[Group, Member] | None:
        """Give an instance with its group; None when no group has it."""
        for group in self.groups.values():
            if member := group.members.get(instance_id):
                return group, member
        return None

    def member(self, instance_id: str) -> tuple[Group, Member]:
        """Give an instance with its group. Raises ValidationError."""
        found = self.find(instance_id)
        if found is None:
            raise no_instance(instance_id)
        return found
