"""The door of cni to a strict EC2 on virtual time: an instance, and as many lives of its daemon as wanted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from addons.cni.aws.calls import OPERATIONS
from addons.cni.aws.enis import Enis
from addons.cni.aws.subnets import Subnets
from addons.cni.model.actions import Action, CreateEni, DeleteEni, RepairEni
from addons.cni.model.enis import Eni, NodeIdentity
from addons.cni.model.outcomes import Applied
from addons.cni.names import CREATED_TAG
from addons.runtime.aws import AwsSession
from addons.runtime.aws_clients import Reply
from addons.runtime.bucket import Rate
from addons.runtime.permit import Permit
from addons.sim.aws.ec2.interfaces import Wish
from addons.sim.aws.ec2.model import Instance, Interface
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.server import AwsEndpoint
from tests.support.aws_thread import simulated_aws
from tests.support.permits import PERMIT
from tests.support.virtual import START

CLUSTER = "prod"
SOMEBODY_ELSES = "somebody else's"
FAST = {"ec2": Rate(per_second=1000, burst=1000)}


class Killed(BaseException):
    """The process is gone: nothing after this runs."""


class MortalSession(AwsSession):
    """A session whose process is killed at its call number `dies_at`, before it is sent or after."""

    def __init__(self, *, dies_at: int = 0, is_sent: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.operations: list[str] = []
        self._dies_at = dies_at
        self._is_sent = is_sent

    async def call(self, service: str, operation: str, **arguments: Any) -> Reply:
        self.operations.append(operation)
        past = len(self.operations) - self._dies_at if self._dies_at else -1
        if past > 0 or (past == 0 and not self._is_sent):
            raise Killed
        reply = await super().call(service, operation, **arguments)
        if past == 0:
            raise Killed
        return reply


def session(endpoint: AwsEndpoint, **more: Any) -> MortalSession:
    """Give a session as the daemon has it, but as fast as can be."""
    options = {"rates": FAST, "operations": OPERATIONS, **more}
    return MortalSession(region="eu-central-1", endpoint_url=endpoint.url, **options)


class Node:
    """An instance of the simulated EC2 and its surroundings."""

    def __init__(self, endpoint: AwsEndpoint, instance_type: str, free: int) -> None:
        self.endpoint = endpoint
        self.ec2: Ec2 = endpoint.ec2
        self.ec2.agenda.now = self.moment = _clock()
        self.vpc = self.ec2.network.create_vpc("10.0.0.0/16")
        self.group = self.ec2.network.create_security_group(self.vpc.id, "pods").id
        self.subnet = self.ec2.network.create_subnet(self.vpc.id, "10.0.0.0/24").id
        self.instance: Instance = self.ec2.instances.launch(instance_type, self.subnet, groups=(self.group,))
        self.fill(self.subnet, leave=free)
        self.identity = _identity(self)

    def fill(self, subnet_id: str, *, leave: int) -> None:
        """Have somebody else take the addresses of a subnet, but so many."""
        surplus = self.ec2.account.spaces[subnet_id].free - leave
        while surplus > 0:
            size = min(surplus, 50)
            self.ec2.interfaces.create(subnet_id, Wish(count=size - 1), description=SOMEBODY_ELSES)
            surplus -= size

    def interfaces(self) -> list[Interface]:
        """Give the interfaces of the account as they are, but somebody else's."""
        self.ec2.agenda.settle()
        return [eni for eni in self.ec2.account.interfaces.values() if eni.description != SOMEBODY_ELSES]

    def changes(self) -> list[str]:
        """Give the calls that changed anything, in order, those that were refused among them."""
        return [call.operation for call in self.endpoint.calls if not call.operation.startswith("Describe")]

    @asynccontextmanager
    async def daemon(self, **more: Any) -> AsyncIterator["Daemon"]:
        """Begin a life of the daemon."""
        options = {name: more.pop(name) for name in ("dies_at", "is_sent", "rates") if name in more}
        async with session(self.endpoint, **options) as aws:
            yield Daemon(self, aws, **more)


class Daemon:
    """One life of the daemon: `enis` is what is tested."""

    def __init__(
        self, node: Node, session: MortalSession, *, permit: Permit = PERMIT, **settings: Any
    ) -> None:
        self.node = node
        self.session = session
        self.permit = permit
        self.subnets = Subnets(session, node.identity, cluster=CLUSTER)
        options: dict[str, Any] = {
            "cluster": CLUSTER,
            "more_tags": {"team": "net"},
            "manages_untagged": True,
        } | settings
        self.enis = Enis(session, node.identity, self.subnets, now=node.moment, **options)

    async def apply(self, action: Action) -> Applied:
        """Carry out an action."""
        return await self.enis.apply(action, self.permit)

    async def create(self, **more: Any) -> Applied:
        """Have another interface, by default with three addresses in the node's subnet."""
        return await self.apply(creation(self.node, **more))

    async def made(self, **more: Any) -> Eni:
        """Give another interface."""
        applied = await self.create(**more)
        assert applied.eni, applied.error
        return applied.eni

    async def recover(self) -> tuple[Eni, ...]:
        """Do what a daemon does at its start; give the interfaces."""
        for eni in await self.enis.observe():
            if CREATED_TAG in eni.tags and not eni.deletes_on_termination:
                assert (await self.apply(RepairEni(eni_id=eni.eni_id, because="cut off"))).ok
        assert all(applied.ok for applied in await self.enis.roll_back(self.permit))
        return await self.enis.observe()


def creation(node: Node, **more: Any) -> CreateEni:
    """The action that makes an interface."""
    usual = {"subnet_ids": (node.subnet,), "security_groups": (node.group,), "addresses": 3}
    return CreateEni(**{**usual, **more}, because="pods wait")


def deletion(eni: Eni) -> DeleteEni:
    """The action that deletes an interface."""
    return DeleteEni(eni_id=eni.eni_id, attachment_id=eni.attachment_id, because="no pod needs it")


@asynccontextmanager
async def ec2_node(*, instance_type: str = "m5.large", free: int = 200) -> AsyncIterator[Node]:
    """Run an EC2 with one instance, in a subnet with so many free addresses."""
    async with simulated_aws() as endpoint:
        yield Node(endpoint, instance_type, free)


def _clock() -> Callable[[], datetime]:
    """Time that goes with the running loop's; other threads may ask as well."""
    loop = asyncio.get_running_loop()
    return lambda: START + timedelta(seconds=loop.time())


def _identity(node: Node) -> NodeIdentity:
    (primary,) = node.ec2.account.interfaces_of(node.instance.id)
    return NodeIdentity(
        instance_id=node.instance.id,
        instance_type=node.instance.type,
        region="eu-central-1",
        availability_zone=node.instance.zone,
        vpc_id=node.vpc.id,
        primary_mac=primary.mac,
        primary_eni_id=primary.id,
        primary_ip=primary.addresses[0],
        subnet_id=node.subnet,
        security_groups=primary.groups,
    )
