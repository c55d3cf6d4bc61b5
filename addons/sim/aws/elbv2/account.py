"""What exists in ELBv2, by ARN, how it ties in with EC2, and the quotas; nothing here judges a call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from addons.sim.aws.ec2.account import OWNER, REGION
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.ec2.timeline import Timeline
from addons.sim.aws.elbv2.errors import ElbError, not_found
from addons.sim.aws.elbv2.model import Listener, LoadBalancer, Rule, TargetGroup, target_groups_of
from addons.sim.aws.throttle import RateLimit

T = TypeVar("T")

USUAL_RATE_LIMITS = {
    "RegisterTargets": RateLimit(4, 20),
    "DeregisterTargets": RateLimit(4, 20),
    "Describe*": RateLimit(10, 40),
    "*": RateLimit(3, 20),
}
"""Buckets of a kind that AWS has for an account and region: of Describe, 40 tokens and 10 a second."""

QUOTAS = {
    "application-load-balancers": 50,
    "listeners-per-application-load-balancer": 50,
    "rules-per-application-load-balancer": 100,
    "certificates-per-application-load-balancer": 25,
    "target-groups": 3000,
    "target-groups-per-application-load-balancer": 100,
    "target-groups-per-action-on-application-load-balancer": 5,
    "targets-per-application-load-balancer": 1000,
    "targets-per-target-group": 1000,
    "condition-values-per-alb-rule": 5,
    "condition-wildcards-per-alb-rule": 5,
}
"""The quotas that an account starts with, under the names of DescribeAccountLimits."""


@dataclass
class Knobs:
    """How the service behaves beyond being right; the defaults are an undisturbed, instant one.

    `rate_limits`: by a pattern of operations, each pattern with one bucket; the first that fits counts.
    `describe_lag_seconds`: what describing calls show is so old. `provision_seconds`: until a load balancer
    is active; `register_seconds`: until a target is healthy that nobody probes. `draining_seconds`: None
    for as long as the target group's attribute says. `release_seconds`: how long the interfaces of a load
    balancer, or of a subnet that it left, outlive it. `page_size`: of pages whose size nobody asks for.
    """

    rate_limits: dict[str, RateLimit] = field(default_factory=dict)
    latency_seconds: float = 0.0
    describe_lag_seconds: float = 0.0
    provision_seconds: float = 0.0
    register_seconds: float = 0.0
    draining_seconds: float | None = None
    release_seconds: float = 0.0
    page_size: int = 400


class Account:
    """Everything by ARN, in order of creation. `has_certificate` says of an ARN whether ACM has it issued.

    `trust_stores` are ARNs. With `is_probed` the health of targets is what somebody says who asks them.
    """

    def __init__(self, ec2: Ec2, has_certificate: Callable[[str], bool]) -> None:
        self.ec2 = ec2
        self.knobs = Knobs()
        self.quotas = dict(QUOTAS)
        self.agenda = ec2.agenda
        time = ec2.agenda.time
        self.load_balancers: Timeline[LoadBalancer] = Timeline(time)
        self.listeners: Timeline[Listener] = Timeline(time)
        self.rules: Timeline[Rule] = Timeline(time)
        self.target_groups: Timeline[TargetGroup] = Timeline(time)
        self.has_certificate = has_certificate
        self.is_probed = False
        self.trust_stores: set[str] = set()
        self._numbers = count(1)
        ec2.account.in_use_elsewhere.append(self._holds_group)

    def new_suffix(self) -> str:
        """Give 16 hexadecimal digits that no ARN has."""
        return f"{next(self._numbers) * 0x9E3779B97F4A7C15 % 2**64:016x}"

    def new_arn(self, path: str) -> str:
        """Give an ARN that nothing has, e.g. for `targetgroup/web`."""
        return f"arn:aws:elasticloadbalancing:{REGION}:{OWNER}:{path}/{self.new_suffix()}"

    def load_balancer(self, arn: str) -> LoadBalancer:
        """Give a load balancer. Raises LoadBalancerNotFound."""
        return _found("LoadBalancer", self.load_balancers.get(arn))

    def listener(self, arn: str) -> Listener:
        """Give a listener. Raises ListenerNotFound."""
        return _found("Listener", self.listeners.get(arn))

    def rule(self, arn: str) -> Rule:
        """Give a rule. Raises RuleNotFound."""
        return _found("Rule", self.rules.get(arn))

    def target_group(self, arn: str) -> TargetGroup:
        """Give a target group. Raises TargetGroupNotFound."""
        return _found("TargetGroup", self.target_groups.get(arn))

    def listeners_of(self, load_balancer_arn: str) -> list[Listener]:
        """Give the listeners of a load balancer."""
        return [each for each in self.listeners.values() if each.load_balancer_arn == load_balancer_arn]

    def rules_of(self, listener_arn: str) -> list[Rule]:
        """Give the rules of a listener as they are asked, the default one last."""
        found = [rule for rule in self.rules.values() if rule.listener_arn == listener_arn]
        return in_order(found)

    def uses(self, *, lag_seconds: float = 0.0) -> Mapping[str, list[str]]:
        """Give the ARNs of the load balancers that use each target group that is used."""
        listeners = self.listeners.before(lag_seconds)
        found: dict[str, dict[str, None]] = {}
        for rule in self.rules.before(lag_seconds).values():
            if listener := listeners.get(rule.listener_arn):
                for arn, _ in target_groups_of(rule.actions):
                    found.setdefault(arn, {})[listener.load_balancer_arn] = None
        return {arn: list(users) for arn, users in found.items()}

    def check_quota(self, quota: str, wanted: int, code: str, what: str) -> None:
        """Refuse more than a quota permits."""
        if wanted > self.quotas[quota]:
            raise ElbError(code, f"The maximum number of {what} has been reached ({self.quotas[quota]})")

    def _holds_group(self, group_id: str) -> bool:
        return any(group_id in each.security_groups for each in self.load_balancers.values())


def in_order(rules: list[Rule]) -> list[Rule]:
    """Give rules in the order in which requests meet them."""
    return sorted(rules, key=lambda rule: (rule.is_default, rule.priority))


def _found(kind: str, value: T | None) -> T:
    if value is None:
        raise not_found(kind)
    return value
