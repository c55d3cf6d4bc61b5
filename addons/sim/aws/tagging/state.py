"""Whatever has tags, by ARN, as an index that lags behind shows it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from addons.sim.aws.ec2.account import OWNER, REGION
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.ec2.tagging import KINDS, all_tags
from addons.sim.aws.elbv2.state import Elbv2
from addons.sim.aws.throttle import RateLimit

Tags = Mapping[str, str]


@dataclass
class Knobs:
    """How the service behaves beyond being right; the defaults are an undisturbed, instant one.

    `lag_seconds`: how old what it shows is; of security groups, subnets and VPCs it always knows the newest.
    """

    rate_limits: dict[str, RateLimit] = field(default_factory=dict)
    latency_seconds: float = 0.0
    lag_seconds: float = 0.0


class Tagging:
    """The tags of an account. `calls` counts the calls that came over HTTP, by operation."""

    def __init__(self, ec2: Ec2, elbv2: Elbv2) -> None:
        self._ec2, self._elbv2 = ec2, elbv2
        self.knobs = Knobs()
        self.calls: Counter[str] = Counter()
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def settle(self) -> None:
        """Let everything happen that is due."""
        self._ec2.agenda.settle()

    def resources(self) -> dict[str, Tags]:
        """Give the tags of everything that has some, by ARN."""
        return {arn: tags for arn, tags in self._all() if tags}

    def _all(self) -> Iterator[tuple[str, Tags]]:
        lag, account = self.knobs.lag_seconds, self._elbv2.account
        for timeline in (account.load_balancers, account.target_groups, account.listeners, account.rules):
            for arn, thing in timeline.before(lag).items():
                yield arn, thing.tags
        for id_, tags in all_tags(self._ec2.account, lag_seconds=lag):
            kind = KINDS[id_.rpartition("-")[0]]
            yield f"arn:aws:ec2:{REGION}:{OWNER}:{kind}/{id_}", tags
