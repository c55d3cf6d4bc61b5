"""What holds in the simulated ELBv2 after every sequence of calls; a refused call changes nothing."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.sim.aws.ec2 import api as ec2_api
from addons.sim.aws.ec2.errors import Ec2Error
from addons.sim.aws.elbv2 import api as elbv2_api
from addons.sim.aws.elbv2.errors import ElbError
from addons.sim.aws.elbv2.model import target_groups_of
from addons.sim.aws.recording import record
from addons.sim.aws.server import AwsEndpoint
from tests.support.elbv2 import Item, fixed, forward, path

Step = tuple[str, int, int, int]
"""An operation, and numbers that choose what it is about."""

_SMALL = st.integers(0, 5)


class Account:
    """An endpoint without HTTP, with two subnets and two security groups, and steps on it."""

    def __init__(self) -> None:
        self.aws = AwsEndpoint()
        network = self.aws.ec2.network
        self.vpc = network.create_vpc("10.0.0.0/16")
        self.subnets = [
            network.create_subnet(self.vpc.id, f"10.0.{number}.0/24", zone=f"eu-central-1{zone}").id
            for number, zone in enumerate("ab")
        ]
        for name in "gh":
            network.create_security_group(self.vpc.id, name)
        quotas = self.aws.elbv2.account.quotas
        quotas["rules-per-application-load-balancer"] = 3
        quotas["target-groups-per-application-load-balancer"] = 2
        quotas["targets-per-target-group"] = 3

    def arn(self, kind: str, number: int) -> str:
        """Give the ARN of something of a kind; of nothing when there is none."""
        there = [each.arn for each in getattr(self.aws.elbv2.account, kind).values()]
        return str(there[number % len(there)]) if there else f"arn:none:{kind}"

    def group(self, number: int) -> str:
        there = list(self.aws.ec2.account.security_groups)
        return there[number % len(there)]

    def action(self, number: int) -> Item:
        return forward(self.arn("target_groups", number)) if number else fixed(200)

    def play(self, step: Step) -> bool:
        """Do a step; say whether it was accepted."""
        operation, *numbers = step
        arguments = ARGUMENTS[operation](self, *numbers)
        try:
            if operation in elbv2_api.OPERATIONS:
                elbv2_api.OPERATIONS[operation](self.aws.elbv2, arguments)
            else:
                ec2_api.OPERATIONS[operation].run(self.aws.ec2, arguments)
        except (ElbError, Ec2Error):
            return False
        return True


def _priorities(account: Account, first: int, second: int, third: int) -> Item:
    wanted = {account.arn("rules", first): 1 + second, account.arn("rules", first + 1): 1 + third}
    return {"RulePriorities": [{"RuleArn": arn, "Priority": number} for arn, number in wanted.items()]}


def _targets(account: Account, first: int, second: int, third: int) -> Item:
    targets = [{"Id": f"10.0.0.{9 + second}"}, {"Id": "10.0.1.9", "Port": 80 + third}]
    return {"TargetGroupArn": account.arn("target_groups", first), "Targets": targets}


ARGUMENTS: dict[str, Callable[..., dict[str, Any]]] = {
    "CreateLoadBalancer": lambda account, first, second, _: {
        "Name": f"lb-{first % 3}",
        "Subnets": account.subnets,
        "SecurityGroups": [account.group(second)],
    },
    "DeleteLoadBalancer": lambda account, first, *_: {
        "LoadBalancerArn": account.arn("load_balancers", first)
    },
    "SetSecurityGroups": lambda account, first, second, _: {
        "LoadBalancerArn": account.arn("load_balancers", first),
        "SecurityGroups": [account.group(second)],
    },
    "CreateListener": lambda account, first, second, third: {
        "LoadBalancerArn": account.arn("load_balancers", first),
        "Port": 80 + second % 3,
        "Protocol": "HTTP",
        "DefaultActions": [account.action(third)],
    },
    "ModifyListener": lambda account, first, second, third: {
        "ListenerArn": account.arn("listeners", first),
        "Port": 80 + second % 3,
        "DefaultActions": [account.action(third)],
    },
    "DeleteListener": lambda account, first, *_: {"ListenerArn": account.arn("listeners", first)},
    "CreateRule": lambda account, first, second, third: {
        "ListenerArn": account.arn("listeners", first),
        "Priority": 1 + second,
        "Conditions": [path(f"/{second}")],
        "Actions": [account.action(third)],
    },
    "ModifyRule": lambda account, first, second, _: {
        "RuleArn": account.arn("rules", first),
        "Actions": [account.action(second)],
    },
    "DeleteRule": lambda account, first, *_: {"RuleArn": account.arn("rules", first)},
    "SetRulePriorities": _priorities,
    "CreateTargetGroup": lambda account, first, second, _: {
        "Name": f"tg-{first}",
        "Protocol": "HTTP",
        "Port": 80 + second % 2,
        "VpcId": account.vpc.id,
        "TargetType": "ip",
    },
    "DeleteTargetGroup": lambda account, first, *_: {"TargetGroupArn": account.arn("target_groups", first)},
    "RegisterTargets": _targets,
    "DeregisterTargets": _targets,
    "DeleteSecurityGroup": lambda account, first, *_: {"GroupId": account.group(first)},
}
STOCK: list[Step] = [
    ("CreateLoadBalancer", 0, 0, 0),
    ("CreateTargetGroup", 0, 0, 0),
    ("CreateTargetGroup", 1, 0, 0),
    ("CreateListener", 0, 0, 1),
    ("CreateRule", 0, 0, 1),
    ("CreateRule", 0, 1, 2),
    ("SetRulePriorities", 1, 1, 0),
    ("RegisterTargets", 0, 0, 0),
]
"""Something to begin with, so that every step has something that it may be about."""

_STEP = st.tuples(st.sampled_from(sorted(ARGUMENTS)), _SMALL, _SMALL, _SMALL)
STEPS = st.lists(_STEP, min_size=15, max_size=40).map(lambda steps: [*STOCK, *steps])


def check_rules(account: Account) -> None:
    elb = account.aws.elbv2.account
    for listener in elb.listeners.values():
        assert elb.load_balancers.get(listener.load_balancer_arn)
        rules = elb.rules_of(listener.arn)
        assert [rule.is_default for rule in rules] == [False] * (len(rules) - 1) + [True]
        assert len({rule.priority for rule in rules}) == len(rules)
    for rule in elb.rules.values():
        assert elb.listeners.get(rule.listener_arn)
        assert all(elb.target_groups.get(arn) for arn, _ in target_groups_of(rule.actions))


def check_uniqueness(account: Account) -> None:
    elb = account.aws.elbv2.account
    assert all(len(users) == 1 for users in elb.uses().values())
    for things in (elb.load_balancers, elb.target_groups):
        assert len({each.name for each in things.values()}) == len(things.values())
    ports = [(each.load_balancer_arn, each.port) for each in elb.listeners.values()]
    assert len(set(ports)) == len(ports)


def check_quotas(account: Account) -> None:
    elb = account.aws.elbv2.account
    listeners = {each.arn: each.load_balancer_arn for each in elb.listeners.values()}
    rules = Counter(listeners[rule.listener_arn] for rule in elb.rules.values() if not rule.is_default)
    assert max(rules.values(), default=0) <= 3
    assert max(Counter(user for (user,) in elb.uses().values()).values(), default=0) <= 2
    assert all(len(group.targets) <= 3 for group in elb.target_groups.values())


def check_network(account: Account) -> None:
    ec2, elb = account.aws.ec2.account, account.aws.elbv2.account
    plugged = [id_ for each in elb.load_balancers.values() for id_ in each.interfaces]
    assert sorted(plugged) == sorted(eni.id for eni in ec2.interfaces.values())
    for balancer in elb.load_balancers.values():
        assert set(balancer.security_groups) <= set(ec2.security_groups)
        for id_ in balancer.interfaces:
            assert ec2.interface(id_).groups == balancer.security_groups


@settings(max_examples=150)
@given(STEPS)
def test_the_account_stays_whole(steps: list[Step]) -> None:
    account = Account()
    for step in steps:
        account.play(step)
        for check in (check_rules, check_uniqueness, check_quotas, check_network):
            check(account)


@settings(max_examples=40)
@given(STEPS)
def test_a_refused_call_changes_nothing(steps: list[Step]) -> None:
    account = Account()
    for step in steps:
        before = record(account.aws)
        if not account.play(step):
            after = record(account.aws)
            assert {**after, "numbers": None} == {**before, "numbers": None}, step


def test_the_steps_reach_what_is_checked() -> None:
    account = Account()
    assert [account.play(step) for step in STOCK] == [True] * len(STOCK)
    assert not account.play(("DeleteTargetGroup", 0, 0, 0))
    assert not account.play(("DeleteSecurityGroup", 0, 0, 0))
