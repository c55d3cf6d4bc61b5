"""Words for tests: what AWS has of the group team."""

from typing import Any

from addons.albingress import names
from addons.albingress.model.elb import (
    Listener,
    LoadBalancer,
    ObservedStack,
    Rule,
    SecurityGroup,
    TargetGroup,
)
from addons.albingress.model.naming import security_group_name
from addons.albingress.model.rules import Action, FixedResponse, Forward, RuleContent, WeightedTarget
from addons.albingress.model.stack import HealthCheck, Permission
from tests.support.alb_groups import TEAM

NOT_FOUND = FixedResponse("404", "text/plain")


def forward(ingress: str) -> Forward:
    """An action that leads to the Service web of an Ingress."""
    return Forward((WeightedTarget(f"k8s-{ingress}"),))


def listener(port: int, *actions: Action, default: Action = NOT_FOUND, **how: Any) -> Listener:
    """A listener of HTTP with a rule for each action."""
    rules = tuple(
        Rule(arn=f"rule-{port}-{number}", priority=number, content=RuleContent((), (action,)))
        for number, action in enumerate(actions, 1)
    )
    settings: dict[str, Any] = {"protocol": "HTTP", "default_actions": (default,)} | how
    return Listener(arn=f"listener-{port}", port=port, rules=rules, **settings)


def stack(*listeners: Listener, sources: tuple[Permission, ...] = (), **how: Any) -> ObservedStack:
    """A load balancer with these listeners, its security group, and a target group of each Ingress."""
    settings: dict[str, Any] = {
        "name": "k8s-team-2371496512",
        "dns_name": "internal-k8s-team.elb.amazonaws.com",
        "scheme": "internal",
        "ip_address_type": "ipv4",
        "subnets": ("subnet-a", "subnet-b"),
        "security_groups": ("sg-managed", "sg-backend"),
    }
    load_balancer = LoadBalancer(arn="lb-1", listeners=listeners, **(settings | how))
    managed = SecurityGroup(id="sg-managed", name=security_group_name("prod", TEAM), permissions=sources)
    return ObservedStack(
        group=TEAM,
        load_balancers=(load_balancer,),
        target_groups=tuple(_target_group(name) for name in "abcdxz"),
        security_groups=(managed,),
        backend_group=SecurityGroup(id="sg-backend", name="k8s-traffic-prod-6754af9632"),
    )


def _target_group(ingress: str) -> TargetGroup:
    return TargetGroup(
        arn=f"arn:{ingress}",
        name=f"k8s-{ingress}",
        protocol="HTTP",
        version="HTTP1",
        port=80,
        target_type="ip",
        ip_address_type="ipv4",
        health=HealthCheck(protocol="HTTP", path="/", matcher="200"),
        tags=((names.TAG_RESOURCE, f"shop/{ingress}-web:80"),),
    )
