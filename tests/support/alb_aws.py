"""The door of albingress to a strict ELBv2 on virtual time, and as many lives of its daemon as wanted.

`missing` and `leftover` plan the least that a group needs, so that what is tested here is the door alone.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from addons.albingress.aws.calls import OPERATIONS
from addons.albingress.aws.execution import Result
from addons.albingress.aws.load_balancers import LoadBalancers
from addons.albingress.aws.network import Network
from addons.albingress.model.actions import (
    AwsAction,
    CreateListener,
    CreateLoadBalancer,
    CreateRule,
    CreateSecurityGroup,
    CreateTargetGroup,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteRule,
    DeleteSecurityGroup,
    DeleteTargetGroup,
)
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId, Owner
from addons.albingress.model.rules import Condition, FixedResponse, Forward, RuleContent, WeightedTarget
from addons.albingress.model.stack import (
    DesiredListener,
    DesiredLoadBalancer,
    DesiredRule,
    DesiredSecurityGroup,
    DesiredTargetGroup,
    HealthCheck,
    Pairs,
    Permission,
    RuleKey,
    ServicePort,
)
from addons.albingress.names import (
    BACKEND_GROUP,
    TAG_BACKEND_GROUP,
    TAG_CLUSTER,
    TAG_RESOURCE,
    TAG_RULE,
    TAG_SPEC,
    TAG_STACK,
)
from addons.runtime.aws_clients import Reply
from addons.runtime.bucket import Rate
from addons.runtime.errors import OutsideError, Unavailable
from addons.runtime.outcomes import ObjectRef, Outcome
from addons.runtime.permit import Permit
from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.server import AwsEndpoint
from tests.support.aws_thread import simulated_aws
from tests.support.cni_aws import MortalSession
from tests.support.permits import PERMIT
from tests.support.virtual import START

CLUSTER = "prod"
SHOP = GroupId("shop")
OWNER = Owner(ObjectRef("Ingress", "web", "app"))
FAST = {
    service: Rate(per_second=10_000, burst=10_000)
    for service in ("elbv2", "ec2", "acm", "wafv2", "resourcegroupstaggingapi")
}


def pairs(**values: str) -> Pairs:
    """Attributes: `__` stands for a dot."""
    return tuple(sorted((key.replace("__", "."), value) for key, value in values.items()))


def tags(group: GroupId, resource: str, **more: str) -> Pairs:
    """The tags of something of a group."""
    said = {TAG_CLUSTER: CLUSTER, TAG_STACK: str(group), TAG_RESOURCE: resource}
    return tuple(sorted((said | {key.replace("__", "/"): value for key, value in more.items()}).items()))


BACKEND_TAGS: Pairs = ((TAG_CLUSTER, CLUSTER), (TAG_BACKEND_GROUP, BACKEND_GROUP))


@dataclass(frozen=True)
class Wish:
    """A group with one listener: each of `services` has a target group and a rule for its path."""

    subnets: tuple[str, ...]
    services: tuple[str, ...] = ("web", "api")
    group: GroupId = SHOP
    port: int = 80
    attributes: Pairs = ()
    is_protected: bool = False

    @property
    def name(self) -> str:
        return "k8s-" + str(self.group).replace("/", "-")

    @property
    def security_group(self) -> DesiredSecurityGroup:
        return DesiredSecurityGroup(
            name=self.name,
            description="[k8s] Managed SecurityGroup for LoadBalancer",
            permissions=(Permission(self.port, self.port, cidr="0.0.0.0/0"),),
            tags=tags(self.group, "ManagedLBSecurityGroup"),
        )

    @property
    def backend_group(self) -> DesiredSecurityGroup:
        return DesiredSecurityGroup(
            name=f"k8s-traffic-{CLUSTER}", description="shared", permissions=(), tags=BACKEND_TAGS
        )

    @property
    def load_balancer(self) -> DesiredLoadBalancer:
        more = {TAG_SPEC: "of-attributes"} if self.attributes else {}
        return DesiredLoadBalancer(
            name=self.name,
            owner=OWNER,
            scheme="internal",
            ip_address_type="ipv4",
            subnets=self.subnets,
            attributes=self.attributes,
            tags=tags(self.group, "LoadBalancer", **more),
        )

    @property
    def listener(self) -> DesiredListener:
        return DesiredListener(
            port=self.port,
            protocol="HTTP",
            owner=OWNER,
            default_actions=(FixedResponse("404", "text/plain"),),
            tags=tags(self.group, str(self.port)),
        )

    def target_group(self, service: str) -> DesiredTargetGroup:
        return DesiredTargetGroup(
            name=f"{self.name}-{service}"[:32],
            resource=f"web/app-{service}:80",
            owner=OWNER,
            backend=ServicePort("web", service, "80"),
            protocol="HTTP",
            version="HTTP1",
            port=8080,
            target_type="ip",
            ip_address_type="ipv4",
            health=HealthCheck(protocol="HTTP", path="/", matcher="200"),
            attributes=pairs(stickiness__enabled="true") if self.attributes else (),
            tags=tags(
                self.group,
                f"web/app-{service}:80",
                **({TAG_SPEC: "of-attributes"} if self.attributes else {}),
            ),
        )

    def rule(self, service: str) -> DesiredRule:
        return DesiredRule(
            key=RuleKey("web/app", "", f"/{service}", "Prefix", service),
            owner=OWNER,
            content=RuleContent(
                (Condition("path-pattern", (f"/{service}", f"/{service}/*")),),
                (Forward((WeightedTarget(self.target_group(service).name),)),),
            ),
        )


def missing(wish: Wish, seen: ObservedStack) -> list[AwsAction]:
    """Plan what a group lacks."""
    return list(_missing(wish, seen))


def _missing(wish: Wish, seen: ObservedStack) -> Iterator[AwsAction]:
    common: dict[str, Any] = {"ref": OWNER.ref, "because": "asked for"}
    if seen.backend_group is None:
        yield CreateSecurityGroup(key="backend", group=wish.backend_group, **common)
    if not seen.security_groups:
        yield CreateSecurityGroup(key="frontend", group=wish.security_group, **common)
    there = {group.name for group in seen.target_groups}
    for service in wish.services:
        group = wish.target_group(service)
        if group.name not in there:
            yield CreateTargetGroup(key=f"group {service}", target_group=group, **common)
    balancers = [each for each in seen.load_balancers if each.name == wish.name]
    if not balancers:
        yield CreateLoadBalancer(
            key="balancer",
            load_balancer=wish.load_balancer,
            security_groups=(wish.security_group.name, wish.backend_group.name),
            needs=("backend", "frontend"),
            **common,
        )
    listeners = balancers[0].listeners if balancers else ()
    if not listeners:
        yield CreateListener(
            key="listener", load_balancer=wish.name, listener=wish.listener, needs=("balancer",), **common
        )
    rules = {dict(rule.tags).get(TAG_RULE): rule for listener in listeners for rule in listener.rules}
    for number, service in enumerate(wish.services, 1):
        if service not in rules:
            yield CreateRule(
                key=f"rule {service}",
                listener=f"{wish.name}:{wish.port}",
                priority=number * 10,
                rule=wish.rule(service),
                tags=tags(wish.group, f"{wish.port}:{number}", **{TAG_RULE: service}),
                needs=("listener", f"group {service}"),
                **common,
            )


def leftover(seen: ObservedStack, *, backend_too: bool = True) -> list[AwsAction]:
    """Plan that nothing of a group stays."""
    return list(_leftover(seen, backend_too=backend_too))


def _leftover(seen: ObservedStack, *, backend_too: bool) -> Iterator[AwsAction]:
    common: dict[str, Any] = {"ref": OWNER.ref, "because": "asked for no more"}
    rules: list[str] = []
    for balancer in seen.load_balancers:
        for listener in balancer.listeners:
            key = f"{balancer.name}:{listener.port}"
            for rule in listener.rules:
                rules.append(f"rule {rule.priority}")
                yield DeleteRule(key=rules[-1], listener=key, existing=rule, **common)
    for group in seen.target_groups:
        yield DeleteTargetGroup(key=f"group {group.name}", arn=group.arn, needs=tuple(rules), **common)
    for balancer in seen.load_balancers:
        for listener in balancer.listeners:
            key = f"{balancer.name}:{listener.port}"
            yield DeleteListener(key=key, arn=listener.arn, listener=key, **common)
        yield DeleteLoadBalancer(key="balancer", arn=balancer.arn, name=balancer.name, **common)
    shared = [seen.backend_group] if seen.backend_group and backend_too else []
    for each in (*seen.security_groups, *shared):
        key = f"security group {each.name}"
        yield DeleteSecurityGroup(key=key, id=each.id, needs=("balancer",), **common)


class FaultySession(MortalSession):
    """A session whose calls from number `fails_at` on, so many `times`, fail with `error`: before they are
    sent, or after the answer, which is lost."""

    def __init__(
        self,
        *,
        fails_at: int = 0,
        times: int = 1,
        error: type[OutsideError] = Unavailable,
        loses_answer: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._bad = range(fails_at, fails_at + times) if fails_at else range(0)
        self._error = error
        self._loses_answer = loses_answer
        self.has_failed = False

    async def call(self, service: str, operation: str, **arguments: Any) -> Reply:
        number = len(self.operations) + 1
        if number not in self._bad:
            return await super().call(service, operation, **arguments)
        self.has_failed = True
        if self._loses_answer:
            await super().call(service, operation, **arguments)
        else:
            self.operations.append(operation)
        raise self._error(f"{service} {operation}: as the test wants it")


class AlbSite:
    """An AWS with a VPC of two zones; what happens there after a while goes by the running loop's time."""

    def __init__(self, endpoint: AwsEndpoint) -> None:
        self.endpoint = endpoint
        loop = asyncio.get_running_loop()
        endpoint.ec2.agenda.now = lambda: START + timedelta(seconds=loop.time())
        self.account: Account = endpoint.elbv2.account
        network = endpoint.ec2.network
        self.vpc_id = network.create_vpc("10.0.0.0/16").id
        self.subnets = tuple(
            network.create_subnet(self.vpc_id, f"10.0.{number}.0/24", zone=f"eu-central-1{zone}").id
            for number, zone in enumerate("ab")
        )
        self.own_groups = frozenset(endpoint.ec2.account.security_groups)

    def wish(self, *services: str, **more: Any) -> Wish:
        """A group with these services."""
        return Wish(self.subnets, services or ("web", "api"), **more)

    def calls(self) -> list[str]:
        """The operations that were called since this was asked last."""
        made = [call.operation for call in self.endpoint.calls]
        self.endpoint.calls.clear()
        return made

    def changes(self) -> list[str]:
        """The same without what only reads."""
        return [name for name in self.calls() if not name.startswith(("Describe", "Get", "List"))]

    def things(self) -> list[str]:
        """What there is of load balancers, as short names; security groups but those of the VPC itself."""
        account, ec2 = self.account, self.endpoint.ec2.account
        groups = [group.name for group in ec2.security_groups.values() if group.id not in self.own_groups]
        return sorted(
            [
                *(f"load balancer {each.name}" for each in account.load_balancers.values()),
                *(f"listener {each.port}" for each in account.listeners.values()),
                *(f"rule {each.priority}" for each in account.rules.values() if not each.is_default),
                *(f"target group {each.name}" for each in account.target_groups.values()),
                *(f"security group {name}" for name in groups),
            ]
        )

    @asynccontextmanager
    async def daemon(self, **more: Any) -> AsyncIterator["AlbDaemon"]:
        """Begin a life of the daemon."""
        names = ("dies_at", "is_sent", "fails_at", "times", "error", "loses_answer", "rates")
        options = {name: more.pop(name) for name in names if name in more}
        options = {"rates": FAST, "operations": OPERATIONS, **options}
        async with FaultySession(region="eu-central-1", endpoint_url=self.endpoint.url, **options) as aws:
            yield AlbDaemon(self, aws, **more)


class AlbDaemon:
    """One life of the daemon: `balancers` is what is tested."""

    def __init__(self, site: AlbSite, aws: FaultySession, *, permit: Permit = PERMIT, **more: Any) -> None:
        self.site, self.aws, self.permit = site, aws, permit
        self.network = Network(aws, vpc_id=site.vpc_id)
        self.balancers = LoadBalancers(aws, self.network, cluster=CLUSTER, **more)

    async def apply(self, actions: Iterable[AwsAction], group: GroupId = SHOP) -> list[Result]:
        """Carry out actions."""
        return await self.balancers.apply(group, tuple(actions), self.permit)

    async def do(self, *actions: AwsAction) -> None:
        """Carry out actions that must succeed."""
        results = await self.apply(actions)
        assert all(isinstance(each, Outcome) and each.ok for each in results), results

    async def error(self, action: AwsAction) -> tuple[str, str]:
        """Kind and code of the error that an action must meet."""
        (result,) = await self.apply([action])
        assert isinstance(result, Outcome), result
        assert result.error, result
        return type(result.error).__name__, result.error.code

    async def pass_(self, wish: Wish) -> list[Result]:
        """One pass: have AWS what the group lacks."""
        return await self.apply(missing(wish, await self.balancers.observe(wish.group)), wish.group)

    async def settle(self, wish: Wish, *, most: int = 4) -> int:
        """Passes until nothing is missing; give how many did something."""
        for number in range(most):
            if not await self.pass_(wish):
                return number
        raise AssertionError(f"still missing: {missing(wish, await self.balancers.observe(wish.group))}")

    async def remove_pass(self, group: GroupId = SHOP) -> list[Result]:
        """One pass: have AWS nothing of a group."""
        return await self.apply(leftover(await self.balancers.observe(group)), group)

    async def remove(self, group: GroupId = SHOP, *, most: int = 4) -> int:
        """Passes until nothing is left; give how many did something."""
        for number in range(most):
            if not await self.remove_pass(group):
                return number
        raise AssertionError(f"still there: {leftover(await self.balancers.observe(group))}")


@asynccontextmanager
async def alb_site() -> AsyncIterator[AlbSite]:
    """Run an AWS with a VPC of two zones."""
    async with simulated_aws() as endpoint:
        yield AlbSite(endpoint)
