"""Auto Scaling without HTTP: the account, what groups do by themselves, and trouble to order."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from addons.sim.aws.autoscaling.account import Account, Knobs
from addons.sim.aws.autoscaling.actuator import Actuator
from addons.sim.aws.autoscaling.failures import FailedLaunches
from addons.sim.aws.autoscaling.model import Group, Member
from addons.sim.aws.ec2.state import Ec2


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that was to change something, its arguments under boto3's names. `error`: its code, or ""."""

    at: datetime
    operation: str
    arguments: Mapping[str, Any]
    error: str = ""


class AutoScaling:
    """The strict state machine over the instances of EC2. Its clock is `ec2.agenda`.

    `calls` counts those that came over HTTP; `history` has the ones that changed something, or would have.
    """

    def __init__(self, ec2: Ec2) -> None:
        self.account = Account(ec2)
        self.actuator = Actuator(self.account)
        self.calls: Counter[str] = Counter()
        self.history: list[Asked] = []
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    @property
    def knobs(self) -> Knobs:
        """How the service behaves beyond being right."""
        return self.account.knobs

    @property
    def groups(self) -> dict[str, Group]:
        """The groups by name."""
        return self.account.groups

    @property
    def is_used(self) -> bool:
        """Say whether EC2 is the simulated one, where instances can be launched."""
        return self.account.ec2.is_used

    def fail_launches(
        self,
        group: str = "",
        code: str = "OutOfCapacity",
        *,
        zone: str = "",
        type_: str = "",
        seconds: float | None = None,
        times: int | None = None,
    ) -> FailedLaunches:
        """Let launches fail: of a group or of all, in one zone, of one type, for a while or so often.

        `code` is one of failures.py, else the message itself.
        """
        now = self.account.ec2.agenda.time()
        until = None if seconds is None else now + timedelta(seconds=seconds)
        order = FailedLaunches(group, code, zone, type_, until, times)
        self.account.failing.append(order)
        return order

    def launch_again(self, order: FailedLaunches | None = None) -> None:
        """Take an order back, or all of them; groups try again in their own time."""
        self.account.failing = [each for each in self.account.failing if order not in (None, each)]

    def delay(self, group: str, seconds: float) -> None:
        """Let instances of a group be Pending for so long."""
        self.account.launch_seconds_of[group] = seconds

    def reclaim(self, instance_id: str, *, rebalance_first: bool = False) -> None:
        """Take a spot instance back: the warning, and two minutes later it ends; its group replaces it."""
        _, member = self.account.member(instance_id)
        if rebalance_first:
            self.recommend_rebalance(instance_id)
        self.actuator.notices.spot_warning(member)
        ec2 = self.account.ec2
        ec2.agenda.after(self.knobs.spot_warning_seconds, lambda: ec2.instances.terminate(instance_id))

    def recommend_rebalance(self, instance_id: str) -> None:
        """Say that a spot instance may be taken back; nothing else happens."""
        group, member = self.account.member(instance_id)
        self.actuator.notices.rebalance(member)
        if group.rebalances_capacity:
            self.actuator.look_soon(group)

    def lose(self, instance_id: str) -> None:
        """Let an instance end at once, as hardware does; its group replaces it."""
        self.account.ec2.instances.terminate(instance_id)

    def members(self, group: str) -> list[Member]:
        """The instances of a group, the oldest first."""
        return list(self.account.group(group).members.values())
