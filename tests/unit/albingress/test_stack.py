"""The whole stack of a group: what one member gets wrong costs that member alone."""

import json
from typing import Any

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.desired.inputs import Member
from addons.albingress.desired.stack import desired_stack
from addons.albingress.model.rules import Redirect
from addons.albingress.model.stack import Stack
from addons.runtime.outcomes import Problem
from tests.support.alb_observed import listener
from tests.support.alb_observed import stack as observed
from tests.support.alb_rules import (
    LOGIN,
    in_words,
    inputs,
    member,
    path,
    rule,
    secret,
    service,
    stack_of,
)

ARN = "arn:aws:acm:eu-west-1:1:certificate/a"
BOTH_PORTS = {"listen-ports": [{"HTTP": 80}, {"HTTPS": 443}], "certificate-arn": ARN}


def said(stack: Stack, port: int) -> list[str]:
    (listener,) = (each for each in stack.listeners if each.port == port)
    return [in_words(each) for each in listener.rules]


def of(stack: Stack, name: str) -> dict[int, tuple[object, ...]]:
    """The rules of one Ingress on each listener."""
    return {
        listener.port: tuple(each for each in listener.rules if each.key.ingress == f"shop/{name}")
        for listener in stack.listeners
    }


def message(problem: Problem) -> str:
    return f"{problem.ref.name} {problem.reason}: {problem.message}"


class TestWhole:
    """A group in order."""

    def test_every_member_is_served_on_its_ports(self) -> None:
        stack, problems = stack_of(member("a", said=BOTH_PORTS), member("b"))
        assert said(stack, 80) == ["a.org/ -> web", "b.org/ -> web"]
        assert said(stack, 443) == ["a.org/ -> web"]
        assert [each.ref.name for each in problems] == []
        assert [each.name for each in stack.members] == ["a", "b"]

    def test_target_groups_are_named_once_and_sorted(self) -> None:
        stack, _ = stack_of(member("a", said=BOTH_PORTS), member("b"))
        found = [each.name for each in stack.target_groups]
        assert found == sorted(set(found))
        assert len(found) == 2

    def test_a_redirect_of_the_whole_group_to_https_leaves_http_without_rules(self) -> None:
        members = member("a", said=BOTH_PORTS | {"ssl-redirect": "443"}), member("b")
        open_ports = observed(listener(443, protocol="HTTPS", certificates=(ARN,)))
        stack, problems = stack_of(*members, incumbent=open_ports)
        assert said(stack, 80) == []
        assert said(stack, 443) == ["a.org/ -> web"]
        assert list(map(message, problems)) == [
            "b RuleShadowed: no request gets to b.org/: port 80 sends everybody to HTTPS port 443;"
            " add that to listen-ports"
        ]

    def test_nobody_is_told_of_a_redirect_before_the_port_that_it_leads_to_is_open(self) -> None:
        stack, problems = stack_of(member("a", said=BOTH_PORTS | {"ssl-redirect": "443"}), member("b"))
        assert [each.sends_to for each in stack.listeners] == [443, 0]
        assert problems == ()

    def test_nobody_is_sent_to_a_port_that_aws_did_not_open(self) -> None:
        members = member("a", said=BOTH_PORTS | {"ssl-redirect": "443"}), member("b")
        stack, problems = stack_of(*members, answers={"unopened": frozenset({443})})
        assert [each.sends_to for each in stack.listeners] == [0, 0]
        assert said(stack, 80)[-1] == "b.org/ -> web"
        assert [(each.ref.name, each.reason) for each in problems] == [("a", names.INVALID_ANNOTATION)]

    def test_nobody_is_sent_to_a_port_that_is_not_asked_for_any_more(self) -> None:
        members = member("a", said={"ssl-redirect": "443"}), member("b")
        sent = observed(
            listener(80, default=Redirect("HTTP_301", "HTTPS", port="443")),
            listener(443, protocol="HTTPS", certificates=(ARN,)),
        )
        stack, _ = stack_of(*members, incumbent=sent)
        assert [(each.port, each.sends_to) for each in stack.listeners] == [(80, 0)]
        assert said(stack, 80)[-1] == "b.org/ -> web"

    def test_a_login_redirects_from_http_to_the_https_port_of_the_same_ingress(self) -> None:
        stack, problems = stack_of(member("a", said=BOTH_PORTS | LOGIN), secrets=[secret()])
        assert said(stack, 80) == ["a.org/ -> redirect HTTPS 443"]
        assert said(stack, 443) == ["a.org/ -> login then web"]
        assert [each.reason for each in problems] == [names.UNPROTECTED_LISTENER]

    def test_https_ports_of_others_are_no_place_to_log_in(self) -> None:
        stack, _ = stack_of(member("a", said=LOGIN), member("b", said=BOTH_PORTS), secrets=[secret()])
        assert said(stack, 80) == ["a.org/ placeholder -> 503", "b.org/ -> web"]

    def test_without_members_nothing_is_asked_for(self) -> None:
        stack, problems = stack_of()
        assert (stack.load_balancer, stack.listeners, stack.target_groups, problems) == (None, (), (), ())

    def test_a_dualstack_load_balancer_takes_services_with_ipv6(self) -> None:
        six = [service(families=("IPv6",))]
        plain, _ = stack_of(member("a"), services=six)
        assert said(plain, 80) == ["a.org/ placeholder -> 503"]


class TestShadows:
    """A path that no request gets to is told, and holds nothing."""

    TO_HTTPS = json.dumps(
        {
            "type": "redirect",
            "redirectConfig": {"statusCode": "HTTP_301", "protocol": "HTTPS", "port": "443"},
        }
    )

    def redirecting(self, said: dict[str, Any]) -> Member:
        everything = rule("", path("/*", "ssl", "use-annotation", kind="ImplementationSpecific"))
        return member("a", everything, rule("a.org"), said={"actions.ssl": self.TO_HTTPS} | said)

    def test_behind_a_redirect_on_its_only_port(self) -> None:
        stack, problems = stack_of(self.redirecting({}), strict=True)
        assert [message(each) for each in problems] == [
            "a RuleShadowed: no request gets to a.org/: */* of shop/a redirects all that it is for;"
            " change the order"
        ]
        assert stack.held == ""

    def test_behind_the_same_path_of_another_ingress_though_the_rule_is_made(self) -> None:
        stack, problems = stack_of(member("a", rule("x.org")), member("b", rule("x.org")))
        assert said(stack, 80) == ["x.org/ -> web", "x.org/ -> web"]
        assert [message(each) for each in problems] == [
            "b RuleShadowed: no request gets to x.org/: x.org/ of shop/a is the same and first; remove one"
        ]

    def test_not_where_another_port_serves_it(self) -> None:
        assert stack_of(self.redirecting(BOTH_PORTS))[1] == ()


class TestStrict:
    """--strict changes nothing of a group while anything is wrong, as the original."""

    def test_a_group_with_a_problem_is_held_and_says_why(self) -> None:
        stack, problems = stack_of(member("bad", rule("bad.org", path("/", "nobody"))), strict=True)
        assert stack.held == (
            "--strict changes nothing of a group with a problem; it has 1 problem: ingress/shop/bad: "
            + problems[0].message
        )

    def test_a_group_in_order_is_not(self) -> None:
        assert stack_of(member("a"), strict=True)[0].held == ""

    def test_otherwise_a_problem_holds_nobody(self) -> None:
        assert stack_of(member("bad", rule("bad.org", path("/", "nobody"))))[0].held == ""


def test_the_result_is_the_same_every_time() -> None:
    given = inputs(member("a", said=BOTH_PORTS), member("b"), member("m", said={"tags": "x"}))
    assert desired_stack(given) == desired_stack(replace(given))
