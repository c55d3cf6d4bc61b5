"""Words for tests of plans: load balancers with rules, as asked for and as AWS has them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.elb import Listener, LoadBalancer, ObservedStack, Rule, TargetGroup
from addons.albingress.model.groups import GroupId, Owner
from addons.albingress.model.rules import (
    Action,
    AuthenticateOidc,
    Condition,
    FixedResponse,
    Forward,
    RuleContent,
    WeightedTarget,
)
from addons.albingress.model.stack import (
    DesiredListener,
    DesiredLoadBalancer,
    DesiredRule,
    DesiredTargetGroup,
    HealthCheck,
    Pairs,
    RuleKey,
    ServicePort,
    Stack,
)
from addons.albingress.plan.view import Policy, TargetState, View
from addons.runtime.outcomes import ObjectRef

NOW = datetime(2026, 11, 28, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
GROUP = GroupId("shop")
CLUSTER = "prod"
TAGS: Pairs = ((names.TAG_CLUSTER, CLUSTER), (names.TAG_STACK, "shop"))
NAME = "k8s-shop-0123456789"
LISTENER = f"{NAME}:80"
BALANCER_ARN = f"arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/{NAME}/1"
NOT_FOUND = FixedResponse("404", "text/plain")
LOGIN = AuthenticateOidc("https://idp", "https://idp/a", "https://idp/t", "https://idp/u", "me")
HEALTH = HealthCheck(protocol="HTTP", path="/", matcher="200")


def tags(resource: str, **more: str) -> Pairs:
    return tuple(sorted({**dict(TAGS), names.TAG_RESOURCE: resource, **more}.items()))


def ingress(name: str) -> ObjectRef:
    return ObjectRef("Ingress", "web", name, uid=name, api_version="networking.k8s.io/v1")


def owner(name: str = "app", created: float = 0.0) -> Owner:
    return Owner(ingress(name), created)


def to(*groups: str) -> Forward:
    return Forward(tuple(WeightedTarget(group) for group in groups))


def content(host: str, path: str, *actions: Action) -> RuleContent:
    said = [Condition("host-header", (host,))] if host else []
    if path or not said:
        said.append(Condition("path-pattern", (path or "/*",)))
    return RuleContent(tuple(said), actions or (to("g1"),))


def wish(host: str, path: str, *actions: Action, by: str = "app", **more: Any) -> DesiredRule:
    """What an Ingress asks for at a host and path."""
    key = RuleKey(f"web/{by}", host, path, "ImplementationSpecific", nth=more.pop("nth", 0))
    found = {"owner": owner(by, more.pop("created", 0.0)), "content": content(host, path, *actions), **more}
    return DesiredRule(key=key, **found)


def there(rule: DesiredRule | RuleContent, priority: int, *, is_ours: bool = True, port: int = 80) -> Rule:
    """A rule as we, or else the original, made it for a wish; of somebody else, for a bare content."""
    arn = f"arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/{NAME}/1/{port}/r{priority}"
    if isinstance(rule, RuleContent):
        return Rule(arn=arn, priority=priority, content=rule)
    assert rule.content is not None
    mark = {names.TAG_RULE: rule.key.digest} if is_ours else {}
    return Rule(arn=arn, priority=priority, content=rule.content, tags=tags(f"{port}:{priority}", **mark))


def target_group(name: str, resource: str = "web/app-svc:80", *, is_original: bool = False) -> TargetGroup:
    return TargetGroup(
        arn=f"arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/{name}/1",
        name=name,
        protocol="HTTP",
        version="HTTP1",
        port=80,
        target_type="ip",
        ip_address_type="ipv4",
        health=HEALTH,
        tags=tags(resource),
    )


def wished_group(name: str, *, created: float = 0.0, **changes: Any) -> DesiredTargetGroup:
    made = DesiredTargetGroup(
        name=name,
        resource="web/app-svc:80",
        owner=owner(created=created),
        backend=ServicePort("web", "svc", "80"),
        protocol="HTTP",
        version="HTTP1",
        port=80,
        target_type="ip",
        ip_address_type="ipv4",
        health=HEALTH,
        tags=tags("web/app-svc:80"),
    )
    return replace(made, **changes)


def listener(*rules: Rule, default: Action = NOT_FOUND, port: int = 80, **changes: Any) -> Listener:
    made = Listener(
        arn=f"{BALANCER_ARN.replace(':loadbalancer/', ':listener/')}/{port}",
        port=port,
        protocol="HTTP",
        default_actions=(default,),
        rules=tuple(rules),
        tags=tags(str(port)),
    )
    return replace(made, **changes)


def balancer(*listeners: Listener, **changes: Any) -> LoadBalancer:
    made = LoadBalancer(
        arn=BALANCER_ARN,
        name=NAME,
        dns_name=f"{NAME}.elb.amazonaws.com",
        scheme="internal",
        ip_address_type="ipv4",
        subnets=("subnet-a", "subnet-b"),
        security_groups=("sg-1",),
        listeners=listeners,
        tags=tags("LoadBalancer"),
    )
    return replace(made, **changes)


def observed(*listeners: Listener, groups: Iterable[str] = ("g1", "g2", "g3", "g4")) -> ObservedStack:
    return ObservedStack(
        group=GROUP,
        load_balancers=(balancer(*listeners),),
        target_groups=tuple(target_group(name) for name in groups),
    )


def wished_listener(
    *rules: DesiredRule, default: Action = NOT_FOUND, port: int = 80, **changes: Any
) -> DesiredListener:
    made = DesiredListener(
        port=port,
        protocol="HTTP",
        owner=owner(),
        default_actions=(default,),
        rules=tuple(rules),
        tags=tags(str(port)),
    )
    return replace(made, **changes)


def stack(
    *listeners: DesiredListener, groups: Iterable[str] = ("g1", "g2", "g3", "g4"), **changes: Any
) -> Stack:
    load_balancer = DesiredLoadBalancer(
        name=NAME,
        owner=owner(),
        scheme="internal",
        ip_address_type="ipv4",
        subnets=("subnet-a", "subnet-b"),
        security_groups=("sg-1",),
        tags=tags("LoadBalancer"),
    )
    made = Stack(
        group=GROUP,
        load_balancer=replace(load_balancer, **changes.pop("balancer", {})),
        listeners=listeners,
        target_groups=tuple(wished_group(name) for name in groups),
        members=(ingress("app"),),
    )
    return replace(made, **changes)


def view(**changes: Any) -> View:
    policy = Policy(cluster=CLUSTER, **changes.pop("policy", {}))
    wells = {f"g{number}": TargetState(LONG_AGO, True, True) for number in range(1, 9)}
    return View(**{"now": NOW, "policy": policy, "targets": wells, "known": 1000, **changes})
