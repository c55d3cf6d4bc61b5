"""The whole stack of a group: what one member gets wrong costs that member alone."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.desired.inputs import Member
from addons.albingress.desired.stack import desired_stack
from addons.albingress.model.stack import Stack
from addons.runtime.outcomes import Problem
from tests.support.alb_rules import (
    LOGIN,
    backend,
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
        stack, problems = stack_of(member("a", said=BOTH_PORTS | {"ssl-redirect": "443"}), member("b"))
        assert said(stack, 80) == []
        assert said(stack, 443) == ["a.org/ -> web"]
        assert problems == ()

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


Defect = Callable[[str], Member]


def annotated(**texts: Any) -> Defect:
    return lambda name: member(name, said={key.replace("_", "-"): text for key, text in texts.items()})


def with_backend(**how: Any) -> Defect:
    return lambda name: member(name, rule(f"{name}.org", path("/", **how)))


def in_doubt(name: str) -> Member:
    fault = Problem(member(name).ref, names.INVALID_CLASS, "its class is gone")
    return member(name, doubt="its class is gone", problems=(fault,))


def unordered(name: str) -> Member:
    fault = Problem(member(name).ref, names.INVALID_ANNOTATION, "group.order: first is not a number")
    return member(name, order=None, problems=(fault,))


DEFECTS: dict[str, Defect] = {
    "service missing": with_backend(service="nobody"),
    "port missing": with_backend(port=9999),
    "port name missing": with_backend(port="nobody"),
    "action missing": with_backend(service="x", port="use-annotation"),
    "path with a wildcard": lambda name: member(name, rule(f"{name}.org", path("/a*"))),
    "path without a type": lambda name: member(name, rule(f"{name}.org", path("/a", kind=""))),
    "path too long": lambda name: member(name, rule(f"{name}.org", path("/" + "x" * 300))),
    "catch-all with bad conditions": lambda name: member(
        name, rule("", path("/")), said={"conditions.web": "[{}]"}
    ),
    "conditions": annotated(**{"conditions.web": "{"}),
    "empty condition value": annotated(
        **{"conditions.web": [{"field": "host-header", "hostHeaderConfig": {"values": [""]}}]}
    ),
    "transforms": annotated(**{"transforms.web": "{"}),
    "target type": annotated(target_type="pod"),
    "protocol": annotated(backend_protocol="TCP"),
    "health check": annotated(healthcheck_path="health"),
    "attributes": annotated(target_group_attributes="x"),
    "tags": annotated(tags="x"),
    "auth type": annotated(auth_type="saml"),
    "secret missing": annotated(**LOGIN),
    "token": annotated(jwt_validation="{"),
    "listen-ports": annotated(listen_ports="80"),
    "certificate for a port of its own": annotated(listen_ports=[{"HTTPS": 8443}]),
    "inbound-cidrs": annotated(inbound_cidrs="everybody"),
    "scheme": annotated(scheme="public"),
    "ip-address-type": annotated(ip_address_type="ipv5"),
    "subnets": annotated(subnets="subnet-nowhere"),
    "security-groups": annotated(security_groups="sg-nowhere"),
    "ssl-redirect": annotated(ssl_redirect="444"),
    "load-balancer-attributes": annotated(load_balancer_attributes="x"),
    "class settings": lambda name: member(name, params={"targetType": "pod"}),
    "class settings of a wrong shape": lambda name: member(name, params="text"),
    "class gone": in_doubt,
    "group.order": unordered,
    "default backend": lambda name: member(name, default=backend("nobody")),
}


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("place", [0, 1, 2])
class TestOneDefect:
    """Whatever one member gets wrong, wherever it stands in the group."""

    def healthy(self, place: int) -> list[Member]:
        members = [member("a", said=BOTH_PORTS), member("z")]
        members.insert(place, member("m"))
        return members

    def broken(self, defect: str, place: int) -> tuple[Stack, tuple[Problem, ...]]:
        members = self.healthy(place)
        members[place] = DEFECTS[defect]("m")
        return desired_stack(inputs(*members))

    def test_the_rules_of_the_others_stay_and_their_target_groups(self, defect: str, place: int) -> None:
        before, _ = desired_stack(inputs(*self.healthy(place)))
        after, _ = self.broken(defect, place)
        for name in ("a", "z"):
            for port, rules in of(before, name).items():
                assert of(after, name)[port] == rules
            mine = [group for group in before.target_groups if group.owner.ref.name == name]
            assert mine
            assert all(group in after.target_groups for group in mine)

    def test_the_others_keep_their_relative_order(self, defect: str, place: int) -> None:
        stack, _ = self.broken(defect, place)
        order = [each.key.ingress for listener in stack.listeners for each in listener.rules]
        others = [ingress for ingress in order if ingress != "shop/m"]
        assert others == ["shop/a", "shop/z", "shop/a"]

    def test_the_guilty_one_is_told_and_nobody_else(self, defect: str, place: int) -> None:
        _, problems = self.broken(defect, place)
        guilty = {each.ref.name for each in problems if each.ref.kind == "Ingress"}
        assert guilty == {"m"}
        assert all(each.message for each in problems)

    def test_the_load_balancer_stays_what_it_is(self, defect: str, place: int) -> None:
        before, _ = desired_stack(inputs(*self.healthy(place)))
        after, _ = self.broken(defect, place)
        assert before.load_balancer is not None
        assert after.load_balancer is not None
        assert after.load_balancer.name == before.load_balancer.name
        assert after.load_balancer.scheme == before.load_balancer.scheme
        assert after.held == ""

    def test_strict_holds_everything(self, defect: str, place: int) -> None:
        members = self.healthy(place)
        members[place] = DEFECTS[defect]("m")
        assert desired_stack(inputs(*members, strict=True))[0].held


def test_the_result_is_the_same_every_time() -> None:
    given = inputs(member("a", said=BOTH_PORTS), member("b"), DEFECTS["tags"]("m"))
    assert desired_stack(given) == desired_stack(replace(given))
