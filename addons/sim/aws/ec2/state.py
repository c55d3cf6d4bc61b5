"""EC2 without HTTP: the account, and what can be done in it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from addons.sim.aws.ec2.account import Account, Knobs
from addons.sim.aws.ec2.agenda import Agenda
from addons.sim.aws.ec2.attachments import Attachments
from addons.sim.aws.ec2.feed import Feed
from addons.sim.aws.ec2.instances import Instances
from addons.sim.aws.ec2.interfaces import Interfaces
from addons.sim.aws.ec2.network import Network


class Ec2:
    """The strict state machine. `calls` counts the calls that came over HTTP, by operation.

    `network` builds VPCs and subnets, `instances` launches and terminates, `interfaces` and `attachments`
    do what others do over the API: take an address away, detach behind somebody's back.
    `agenda.now` and `sleep` are how time passes: for what needs a while, and for the latency.
    """

    def __init__(self) -> None:
        self.account = Account()
        self.network = Network(self.account)
        self.interfaces = Interfaces(self.account)
        self.attachments = Attachments(self.account)
        self.instances = Instances(self.account, self.interfaces, self.attachments)
        self.calls: Counter[str] = Counter()
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    @property
    def feed(self) -> Feed:
        """Where a simulated network learns of every change of an interface."""
        return self.account.feed

    @property
    def knobs(self) -> Knobs:
        """How the service behaves beyond being right."""
        return self.account.knobs

    @property
    def agenda(self) -> Agenda:
        """Its clock, and what is still to happen."""
        return self.account.agenda

    @property
    def is_used(self) -> bool:
        """Say whether somebody has built a VPC here."""
        return bool(self.account.vpcs)
