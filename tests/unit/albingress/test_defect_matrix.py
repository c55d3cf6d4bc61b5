"""The matrix of defects: whatever one member gets wrong, beside two that are in order, costs that one alone.

Each row is tried in a group that is new and in one that AWS has already, in each place of the group.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.stack import desired_stack
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.stack import Stack
from addons.runtime.outcomes import Problem
from tests.support.alb_carried_out import carried_out
from tests.support.alb_defects import ARN, HTTP, HTTPS, Row, Told
from tests.support.alb_group_defects import GROUP_DEFECTS
from tests.support.alb_rule_defects import RULE_DEFECTS
from tests.support.alb_rules import backend, in_words, inputs, member, secret

MATRIX = RULE_DEFECTS | GROUP_DEFECTS
A_SAYS: dict[str, Any] = {
    "listen-ports": [*HTTP, *HTTPS],
    "certificate-arn": ARN,
    "scheme": "internal",
    "ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "load-balancer-attributes": "idle_timeout.timeout_seconds=30",
    "tags": "team=shop",
}

A = member("a", said=A_SAYS, default=backend("web"))
Z = member("z")


def group(row: Row, guilty: Member, place: int, *, now: bool, **more: Any) -> GroupInputs:
    members = [A, Z]
    members.insert(place, guilty)
    services = row.services if now and row.services is not None else row.had
    given = dict(row.given) if now else {}
    return inputs(*members, services=services, **({"secrets": [secret()]} | given | more))


def had(row: Row, place: int) -> tuple[Stack, ObservedStack]:
    stack, problems = desired_stack(group(row, row.was, place, now=False))
    told = {(str(each.ref), each.reason) for each in problems}
    assert told <= row.told
    return stack, carried_out(stack)


def said(stack: Stack) -> list[str]:
    """The rules of the guilty one, with their ports."""
    return [
        f"{listener.port} {in_words(each).partition(' keep')[0]}{' keep' if each.state == 'keep' else ''}"
        for listener in stack.listeners
        for each in listener.rules
        if each.key.ingress == "shop/m"
    ]


def innocent(stack: Stack) -> dict[str, Any]:
    """All of the others: their rules, in order, with their listeners, and their target groups."""
    rules = {
        each.port: [one for one in each.rules if one.key.ingress != "shop/m"] for each in stack.listeners
    }
    found: dict[str, Any] = {
        f"port {each.port}": (each.protocol, each.ssl_policy, each.default_actions, rules[each.port])
        for each in stack.listeners
        if rules[each.port]
    }
    return found | {each.name: each for each in stack.target_groups if each.owner.ref.name != "m"}


def sources(stack: Stack) -> set[Any]:
    assert stack.security_group is not None
    return {each for each in stack.security_group.permissions if each.port in (80, 443)}


def told_of(problems: Iterable[Problem]) -> Told:
    return {(str(each.ref), each.reason) for each in problems}


PLACES = (0, 1, 2)
LOSING = [(name, place) for name, row in MATRIX.items() for place in PLACES if place or not row.loses]
"""In front of the others a wish that conflicts with theirs would win."""


@pytest.mark.parametrize(("name", "place"), LOSING)
def test_in_a_new_group(name: str, place: int) -> None:
    row = MATRIX[name]
    healthy, _ = desired_stack(group(row, row.was, place, now=False))
    stack, problems = desired_stack(group(row, row.now, place, now=True))
    assert said(stack) == row.new
    assert told_of(problems) == row.told
    assert innocent(stack) == innocent(healthy)
    assert stack.held == ""


@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("place", PLACES)
class TestWhereAwsHasTheGroup:
    """One row, in one place of the group, while the load balancer serves what was asked for before."""

    def test_the_rules(self, name: str, place: int) -> None:
        row = MATRIX[name]
        healthy, aws = had(row, place)
        stack, problems = desired_stack(group(row, row.now, place, now=True, incumbent=aws))
        assert said(stack) == row.there
        assert told_of(problems) == row.told
        assert innocent(stack) == innocent(healthy)
        assert stack.held == ""

    def test_the_load_balancer_and_who_may_reach_it_stay(self, name: str, place: int) -> None:
        row = MATRIX[name]
        healthy, aws = had(row, place)
        stack, _ = desired_stack(group(row, row.now, place, now=True, incumbent=aws))
        now, before = stack.load_balancer, healthy.load_balancer
        assert now is not None
        assert before is not None
        assert (now.name, now.scheme, now.ip_address_type) == (
            before.name,
            before.scheme,
            before.ip_address_type,
        )
        assert (now.security_groups, now.attributes) == (before.security_groups, before.attributes)
        assert now.subnets in ((), before.subnets)
        assert sources(stack) <= sources(healthy)

    def test_strict_holds_everything(self, name: str, place: int) -> None:
        row = MATRIX[name]
        _, aws = had(row, place)
        stack, problems = desired_stack(group(row, row.now, place, now=True, incumbent=aws, strict=True))
        assert stack.held.startswith("--strict changes nothing of a group with a problem")
        assert str(problems[0].ref) in stack.held
