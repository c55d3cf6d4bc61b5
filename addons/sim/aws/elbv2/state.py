"""ELBv2 without HTTP: the account, and what others do in it: tell of health, resolve names."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.elbv2.account import Account, Knobs
from addons.sim.aws.elbv2.model import TargetKey, TargetState


class Elbv2:
    """The strict state machine. `calls` counts the calls that came over HTTP, by operation.

    `watchers` are called after every call that may have changed something.
    Its clock is the one of EC2 (`Ec2.agenda`). `sleep` is how the latency passes.
    """

    def __init__(self, ec2: Ec2, has_certificate: Callable[[str], bool]) -> None:
        self.account = Account(ec2, has_certificate)
        self.calls: Counter[str] = Counter()
        self.watchers: list[Callable[[], None]] = []
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    @property
    def knobs(self) -> Knobs:
        """How the service behaves beyond being right."""
        return self.account.knobs

    def set_health(
        self, group_arn: str, key: TargetKey, state: TargetState, reason: str = "", description: str = ""
    ) -> None:
        """Let a target have a state, as a health check would find it; one that drains goes on draining."""
        group = self.account.target_groups.get(group_arn)
        target = group.targets.get(key) if group else None
        if group is None or target is None or target.state == "draining":
            return
        changed = replace(target, state=state, reason=reason, description=description)
        if changed != target:
            self.account.target_groups.put(group_arn, replace(group, targets={**group.targets, key: changed}))

    def addresses(self) -> dict[str, tuple[str, ...]]:
        """Give the addresses behind the DNS names of load balancers: what a name server has to know.

        Names are absolute (with the last dot) and in lower case.
        """
        interfaces = self.account.ec2.account.interfaces
        found = {}
        for each in self.account.load_balancers.values():
            enis = filter(None, map(interfaces.get, each.interfaces))
            found[f"{each.dns_name.lower()}."] = tuple(str(eni.addresses[0]) for eni in enis)
        return found
