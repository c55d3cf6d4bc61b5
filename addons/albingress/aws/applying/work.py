"""What all actions share: the calls, names as ARNs, whose everything is, and the memory to be kept true."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from addons.albingress.aws.endpoint_groups import EndpointGroups
from addons.albingress.aws.network import Network
from addons.albingress.aws.ownership import Ownership, not_ours
from addons.albingress.aws.reading import Reading
from addons.albingress.aws.recent import Recent
from addons.albingress.aws.snapshot import SHARED, Snapshot, Thing, id_of
from addons.albingress.aws.waf import WebAcls
from addons.albingress.model.elb import Listener, LoadBalancer, SecurityGroup, TargetGroup
from addons.albingress.model.rules import Action, target_groups_of
from addons.albingress.model.stack import Pairs
from addons.albingress.names import TAG_SPEC
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Conflict, Invalid, NotFound, Unavailable
from addons.runtime.permit import Permit
from addons.runtime.waiting import persistently

Item = dict[str, Any]
T = TypeVar("T")
K = TypeVar("K", bound=Thing)

_TRIES = 3
_TRIES_WHILE_USED = 4
"""With the pauses between them 1.4 s: rules are gone some time after they were deleted. What takes longer is
tried anew by a later pass: nobody else is to wait for it."""

_NEVER_OURS = frozenset(
    {
        "CertificateNotFound",
        "SSLPolicyNotFound",
        "TrustStoreNotFound",
        "InvalidPrefixListID.NotFound",
        "WAFNonexistentItemException",
    }
)
"""What is not found then was not made here just now: a user named it."""


@dataclass(frozen=True, slots=True)
class Door:
    """What leads to AWS, the same for all actions."""

    aws: AwsSession
    snapshot: Snapshot
    reading: Reading
    network: Network
    ownership: Ownership
    recent: Recent
    web_acls: WebAcls
    endpoint_groups: EndpointGroups


@dataclass(frozen=True, slots=True)
class Work:
    """One action of a stack on its way. All calls raise OutsideError."""

    door: Door
    stack: str
    permit: Permit

    async def elb(self, operation: str, **arguments: Any) -> Item:
        """Change something of ELBv2; an answer that was lost is asked for again."""
        return await self._change("elbv2", operation, arguments)

    async def ec2(self, operation: str, **arguments: Any) -> Item:
        """Change something of EC2; an answer that was lost is asked for again."""
        return await self._change("ec2", operation, arguments)

    async def _change(self, service: str, operation: str, arguments: Item) -> Item:
        async def once() -> Item:
            return await self.door.aws.call(service, operation, permit=self.permit, **arguments)

        return await persistently(once, Unavailable, tries=_TRIES)

    async def seen(self, call: Callable[[], Awaitable[T]], *named: str) -> T:
        """Make a call again that does not find what it names, where one of that was made just now."""
        if not self.door.recent.is_new(named):
            return await call()
        return await persistently(call, NotFound, final=_NEVER_OURS)

    async def delete(self, operation: str, service: str = "elbv2", **arguments: Any) -> None:
        """Have something not be there, which may be in use for a while yet."""

        async def once() -> None:
            await self._change(service, operation, arguments)

        try:
            await persistently(once, Conflict, tries=_TRIES_WHILE_USED)
        except NotFound:
            return

    def own(self, kind: type[K], arn: str) -> K:
        """Something that is the stack's, or the cluster's. Raises OutsideError otherwise."""
        if not isinstance(thing := self.own_any(arn), kind):
            raise Invalid(f"{arn}: not a {kind.__name__}", code="OtherKind")
        return thing

    def own_any(self, arn: str) -> Thing:
        """The same of any kind."""
        if (thing := self.door.snapshot.get(arn)) is None:
            raise NotFound(f"{arn}: not there any more", code="NotKnown")
        if self.door.snapshot.stack_of(arn) not in (self.stack, SHARED):
            raise not_ours(arn, self.stack)
        return thing

    async def is_there(self, arn: str) -> bool:
        """Ask AWS whether something is there, and make sure that it is ours."""
        return await self.door.ownership.confirm(self.stack, arn)

    def load_balancer(self, name: str) -> LoadBalancer:
        """The load balancer of this name. Raises OutsideError unless it is ours."""
        found = self._named("load balancer", name, self.door.snapshot.named(LoadBalancer, name))
        return self.own(LoadBalancer, found.arn)

    def target_group(self, name: str) -> TargetGroup:
        """The target group of this name. Raises OutsideError unless it is ours."""
        found = self._named("target group", name, self.door.snapshot.named(TargetGroup, name))
        return self.own(TargetGroup, found.arn)

    def listener(self, key: str) -> Listener:
        """The listener `load balancer:port`. Raises OutsideError unless it is ours."""
        found = self._named("listener", key, self.door.snapshot.listener(key))
        return self.own(Listener, found.arn)

    def security_group(self, name: str) -> SecurityGroup:
        """The security group of this name or id. Raises OutsideError unless it is ours."""
        id_ = self.security_group_id(name)
        found = self._named("security group", name, self.door.snapshot.find(SecurityGroup, id_))
        return self.own(SecurityGroup, found.id)

    def security_group_id(self, name: str) -> str:
        """The id of a security group of ours by its name; ids stay as they are."""
        if name.startswith("sg-"):
            return name
        return self._named("security group", name, self.door.snapshot.named(SecurityGroup, name)).id

    def target_group_arn(self, name: str) -> str:
        """The ARN of a target group of ours by its name; ARNs stay as they are."""
        if name.startswith("arn:"):
            return name
        return self._named("target group", name, self.door.snapshot.named(TargetGroup, name)).arn

    def target_group_arns(self, actions: tuple[Action, ...]) -> tuple[str, ...]:
        """The ARNs of the target groups that actions forward to."""
        return tuple(map(self.target_group_arn, target_groups_of(actions)))

    def _named(self, kind: str, name: str, found: T | None) -> T:
        if found is None:
            raise NotFound(f"{kind} {name}: not there", code="NotKnown")
        return found

    def made(self, thing: Thing) -> None:
        """Remember what is there now and was not."""
        self.door.recent.made(id_of(thing))
        self.door.snapshot.put(thing)

    def changed(self, thing: Thing) -> None:
        """Remember what is another now."""
        self.door.recent.changed(id_of(thing))
        self.door.snapshot.put(thing)

    def gone(self, arn: str) -> None:
        """Remember what is there no more, with what belonged to it."""
        self.door.recent.deleted(arn)
        self.door.snapshot.drop(arn)


def without_spec(tags: Pairs) -> Pairs:
    """Tags without the digest: it is set when what it vouches for is done."""
    return tuple((key, value) for key, value in tags if key != TAG_SPEC)


def spec_of(tags: Pairs) -> Pairs:
    """The digest alone, if any."""
    return tuple((key, value) for key, value in tags if key == TAG_SPEC)
