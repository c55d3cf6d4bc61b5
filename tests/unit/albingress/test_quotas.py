"""What AWS permits for one load balancer, and who goes without."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.quotas import Quotas
from addons.albingress.model.rules import FixedResponse
from addons.albingress.model.stack import DesiredListener, DesiredRule, Stack
from addons.albingress.plan.quotas import Fitting, is_near, refuse_surplus
from tests.support.alb_stacks import (
    listener,
    observed,
    owner,
    stack,
    there,
    to,
    view,
    wish,
    wished_listener,
)


def fit(wanted: Stack, world: ObservedStack, **quotas: int) -> Fitting:
    return refuse_surplus(wanted, world, view(quotas=Quotas(**quotas)))


def states(found: Fitting, port: int = 80) -> dict[str, str]:
    """By host, the state of each rule."""
    (wanted,) = [each for each in found.stack.listeners if each.port == port]
    return {rule.key.host: rule.state for rule in wanted.rules}


def told(found: Fitting) -> dict[str, str]:
    assert {skip.reason for skip in found.skips} <= {"QuotaExceeded"}
    return {skip.ref.name: skip.message for skip in found.skips if skip.ref}


OLD: dict[str, Any] = {"by": "old", "created": 1.0}
YOUNG: dict[str, Any] = {"by": "young", "created": 2.0}
EMPTY = observed(listener())


class TestRules:
    def test_as_many_as_there_may_be_are_left_alone(self) -> None:
        wanted = stack(wished_listener(wish("a.org", "/*"), wish("b.org", "/*")))
        assert fit(wanted, EMPTY, rules=2) == Fitting(wanted)

    def test_of_new_ones_the_youngest_ingress_goes_without(self) -> None:
        young, old = wish("a.org", "/*", **YOUNG), wish("b.org", "/*", **OLD)
        found = fit(stack(wished_listener(young, old)), EMPTY, rules=1)
        assert states(found) == {"a.org": "absent", "b.org": "ok"}
        assert told(found) == {
            "young": "the rule for a.org/* on port 80 cannot be made: a load balancer may have 1 rules; "
            "those that are there come first, then those of older Ingresses; remove some, use another group, "
            "or have AWS raise the quota"
        }

    def test_what_is_there_stays_whoever_is_older(self) -> None:
        young, old = wish("a.org", "/*", **YOUNG), wish("b.org", "/*", **OLD)
        found = fit(stack(wished_listener(old, young)), observed(listener(there(young, 1))), rules=1)
        assert states(found) == {"a.org": "ok", "b.org": "absent"}
        assert told(found).keys() == {"old"}

    def test_what_the_original_made_is_there_too(self) -> None:
        young, old = wish("a.org", "/*", **YOUNG), wish("b.org", "/*", **OLD)
        world = observed(listener(there(young, 1, is_ours=False)))
        assert states(fit(stack(wished_listener(old, young)), world, rules=1)) == {
            "a.org": "ok",
            "b.org": "absent",
        }

    def test_rules_of_others_take_room(self) -> None:
        foreign = there(wish("c.org", "/*", to("arn:x")), 5)
        world = observed(listener(replace(foreign, tags=())))
        found = fit(stack(wished_listener(wish("a.org", "/*"))), world, rules=1)
        assert states(found) == {"a.org": "absent"}

    def test_rules_that_go_take_none(self) -> None:
        world = observed(listener(there(wish("c.org", "/*"), 5)))
        assert states(fit(stack(wished_listener(wish("a.org", "/*"))), world, rules=1)) == {"a.org": "ok"}

    def test_an_ingress_gets_its_first_rules(self) -> None:
        rules = [wish(f"{letter}.org", "/*") for letter in "dcba"]
        found = fit(stack(wished_listener(*rules)), EMPTY, rules=2)
        assert states(found) == {"d.org": "ok", "c.org": "ok", "b.org": "absent", "a.org": "absent"}
        assert "b.org/* on port 80 and 1 more" in told(found)["app"]

    def test_all_listeners_share_the_room(self) -> None:
        ports = [wished_listener(wish("a.org", "/*"), port=port) for port in (80, 443)]
        found = fit(stack(*ports), observed(listener(), listener(port=443)), rules=1)
        assert (states(found, 80), states(found, 443)) == ({"a.org": "ok"}, {"a.org": "absent"})

    def test_a_login_that_is_left_out_is_not_stepped_over(self) -> None:
        """The rule behind it stays as it was: it would answer in its place."""
        before, opened = wish("a.org", "/*", to("g1")), wish("a.org", "/*", to("g2"))
        login = wish("a.org", "/admin", to("g1"))
        world = observed(listener(there(before, 1)))
        found = fit(stack(wished_listener(login, opened)), world, rules=1)
        refused, stays = found.stack.listeners[0].rules
        assert (refused.state, stays.content) == ("absent", before.content)

    def test_rules_of_others_behind_it_go_on(self) -> None:
        before, after = wish("a.org", "/*", to("g1"), **OLD), wish("a.org", "/*", to("g2"), **OLD)
        world = observed(listener(there(before, 1)))
        found = fit(stack(wished_listener(wish("a.org", "/admin", **YOUNG), after)), world, rules=1)
        refused, changes = found.stack.listeners[0].rules
        assert (refused.state, changes.content) == ("absent", after.content)

    def test_the_quota_may_have_been_raised_for_what_is_there(self) -> None:
        rules = [wish(f"{letter}.org", "/*") for letter in "abc"]
        world = observed(listener(*(there(rule, number) for number, rule in enumerate(rules, 1))))
        assert set(states(fit(stack(wished_listener(*rules)), world, rules=1)).values()) == {"ok"}

    def test_a_target_group_for_no_rule_is_not_made(self) -> None:
        rules = (wish("a.org", "/*", to("new1")), wish("b.org", "/*", to("new2")))
        found = fit(stack(wished_listener(*rules), groups=("g1", "new1", "new2")), EMPTY, rules=1)
        assert [group.name for group in found.stack.target_groups] == ["g1", "new1"]

    def test_one_that_is_there_is_not_given_up(self) -> None:
        rules = (wish("a.org", "/*", to("g1")), wish("b.org", "/*", to("g2")))
        found = fit(stack(wished_listener(*rules), groups=("g1", "g2")), EMPTY, rules=1)
        assert [group.name for group in found.stack.target_groups] == ["g1", "g2"]

    def test_while_a_load_balancer_takes_over_what_the_old_one_serves_comes_first(self) -> None:
        young, old = wish("a.org", "/*", **YOUNG), wish("b.org", "/*", **OLD)
        world = observed(listener(there(young, 1)))
        wanted = stack(wished_listener(old, young), balancer={"name": "k8s-shop-other"})
        assert states(fit(wanted, world, rules=1)) == {"a.org": "ok", "b.org": "absent"}


class TestListeners:
    def test_of_new_ones_the_youngest_goes_without(self) -> None:
        ports = [
            wished_listener(wish("a.org", "/*", by="c"), port=port, owner=owner(name, created))
            for port, name, created in ((80, "a", 2.0), (81, "b", 1.0))
        ]
        found = fit(stack(*ports), observed(), listeners=1)
        assert [each.port for each in found.stack.listeners] == [81]
        assert told(found).keys() == {"a", "c"}

    def test_what_is_open_stays_open(self) -> None:
        ports = [
            wished_listener(port=port, owner=owner(name, created))
            for port, name, created in ((80, "a", 2.0), (81, "b", 1.0))
        ]
        found = fit(stack(*ports), EMPTY, listeners=1)
        assert [each.port for each in found.stack.listeners] == [80]
        assert "port 81 cannot be made: a load balancer may have 1 listeners" in told(found)["b"]


class TestTargetGroups:
    def test_as_many_as_there_may_be_are_left_alone(self) -> None:
        wanted = stack(wished_listener(wish("a.org", "/*", to("g1")), wish("b.org", "/*", to("g2"))))
        assert fit(wanted, EMPTY, target_groups=2) == Fitting(wanted)

    def test_a_new_rule_without_one_answers_503_at_its_place(self) -> None:
        young, old = wish("a.org", "/*", to("n1"), **YOUNG), wish("b.org", "/*", to("n2"), **OLD)
        wanted = stack(wished_listener(young, old), groups=("n1", "n2"))
        found = fit(wanted, observed(listener(), groups=()), target_groups=1)
        assert states(found) == {"a.org": "placeholder", "b.org": "ok"}
        (rule, _) = found.stack.listeners[0].rules
        assert rule.content
        assert young.content
        assert rule.content.conditions == young.content.conditions
        assert isinstance(rule.content.actions[0], FixedResponse)
        assert [group.name for group in found.stack.target_groups] == ["n2"]
        assert (
            "a target group for a.org/* on port 80 cannot be made: a load balancer may have 1"
            in told(found)["young"]
        )

    def test_what_serves_goes_on_whoever_is_older(self) -> None:
        young, old = wish("a.org", "/*", to("g1"), **YOUNG), wish("b.org", "/*", to("g2"), **OLD)
        found = fit(stack(wished_listener(old, young)), observed(listener(there(young, 1))), target_groups=1)
        assert states(found) == {"a.org": "ok", "b.org": "placeholder"}

    def test_a_rule_that_is_there_and_gets_none_stays_as_it_is(self) -> None:
        first, second = wish("a.org", "/*", to("g1")), wish("b.org", "/*", to("g1"))
        world = observed(listener(there(first, 1), there(second, 2)))
        split = replace(second, content=wish("b.org", "/*", to("g2")).content)
        found = fit(stack(wished_listener(first, split)), world, target_groups=1)
        assert found.stack.listeners[0].rules[1].content == second.content
        assert told(found).keys() == {"app"}

    def test_one_that_a_rule_gives_up_makes_room(self) -> None:
        before, after = wish("a.org", "/*", to("g1")), wish("a.org", "/*", to("g2"))
        found = fit(stack(wished_listener(after)), observed(listener(there(before, 1))), target_groups=1)
        assert states(found) == {"a.org": "ok"}

    def test_one_that_is_in_use_already_costs_nothing(self) -> None:
        rules = [wish(f"{letter}.org", "/*", to("g1")) for letter in "abc"]
        found = fit(stack(wished_listener(*rules)), observed(listener(there(rules[0], 1))), target_groups=1)
        assert not found.skips

    def test_users_own_target_groups_count(self) -> None:
        rules = [wish(f"{letter}.org", "/*", to(f"arn:{letter}")) for letter in "ab"]
        found = fit(stack(wished_listener(*rules)), EMPTY, target_groups=1)
        assert states(found) == {"a.org": "ok", "b.org": "placeholder"}

    def test_a_default_backend_takes_its_turn(self) -> None:
        port = wished_listener(
            wish("a.org", "/*", to("g1"), **OLD), default=to("g2"), owner=owner("app", 9.0)
        )
        found = fit(stack(port), observed(), target_groups=1)
        assert isinstance(found.stack.listeners[0].default_actions[0], FixedResponse)
        assert "the default backend on port 80" in told(found)["app"]

    def test_a_default_backend_that_serves_stays(self) -> None:
        port = wished_listener(
            wish("a.org", "/*", to("g1"), **OLD), default=to("g3"), owner=owner("app", 9.0)
        )
        world = observed(listener(there(wish("a.org", "/*", to("g1"), **OLD), 1), default=to("g1")))
        found = fit(stack(port), world, target_groups=1)
        assert found.stack.listeners[0].default_actions == (to("g1"),)

    def test_rules_of_others_lead_somewhere_too(self) -> None:
        foreign = replace(there(wish("c.org", "/*", to("arn:x")), 5), tags=())
        found = fit(stack(wished_listener(wish("a.org", "/*"))), observed(listener(foreign)), target_groups=1)
        assert states(found) == {"a.org": "placeholder"}


def https(*certificates: str, owners: Iterable[tuple[str, float]] = (), port: int = 443) -> DesiredListener:
    return wished_listener(
        port=port,
        protocol="HTTPS",
        certificates=certificates,
        certificate_owners=tuple(owner(name, created) for name, created in owners),
    )


class TestCertificates:
    def test_the_default_one_does_not_count(self) -> None:
        wanted = stack(https("c1", "c2"))
        assert fit(wanted, observed(), certificates=1) == Fitting(wanted)

    def test_of_new_ones_those_of_the_youngest_are_left_out(self) -> None:
        port = https("c1", "c2", "c3", owners=(("a", 1.0), ("b", 3.0), ("c", 2.0)))
        found = fit(stack(port), observed(), certificates=1)
        assert found.stack.listeners[0].certificates == ("c1", "c3")
        assert found.stack.listeners[0].certificate_owners == (owner("a", 1.0), owner("c", 2.0))
        assert "certificate c2 on port 443 cannot be made" in told(found)["b"]

    def test_those_that_are_there_stay(self) -> None:
        port = https("c1", "c2", "c3", owners=(("a", 1.0), ("b", 3.0), ("c", 2.0)))
        world = observed(listener(port=443, protocol="HTTPS", certificates=("c1", "c2")))
        assert fit(stack(port), world, certificates=1).stack.listeners[0].certificates == ("c1", "c2")

    def test_all_listeners_share_the_room(self) -> None:
        found = fit(stack(https("c1", "c2"), https("c1", "c2", port=8443)), observed(), certificates=1)
        assert [each.certificates for each in found.stack.listeners] == [("c1", "c2"), ("c1",)]

    def test_without_a_known_owner_that_of_the_port_is_told(self) -> None:
        assert told(fit(stack(https("c1", "c2")), observed(), certificates=0)).keys() == {"app"}


def many() -> tuple[Stack, ObservedStack]:
    rules: list[DesiredRule] = [
        wish(f"{number}.org", "/*", to(f"g{number % 7}"), by=f"i{number % 5}", created=float(number % 5))
        for number in range(20)
    ]
    world = observed(listener(*(there(rule, number) for number, rule in enumerate(rules[::7], 1))))
    return stack(wished_listener(*rules), groups=(f"g{number}" for number in range(7))), world


def test_each_ingress_is_told_once_per_quota() -> None:
    found = fit(*many(), rules=10, target_groups=3)
    assert len({(skip.key, skip.ref) for skip in found.skips}) == len(found.skips)
    assert {skip.key for skip in found.skips} == {"quota/rules", "quota/target groups"}


def test_the_same_input_has_the_same_result_in_whatever_order_aws_lists_what_it_has() -> None:
    wanted, world = many()
    turned = replace(world, target_groups=tuple(reversed(world.target_groups)))
    assert fit(wanted, world, rules=10, target_groups=3) == fit(wanted, turned, rules=10, target_groups=3)


class TestNearness:
    """AWS is asked for the quotas of the account only where they may matter."""

    def test_of_few_rules_there_is_no_need_to_ask(self) -> None:
        assert not is_near(stack(wished_listener(*many()[0].listeners[0].rules)), EMPTY, Quotas())

    def test_rules_that_are_asked_for_or_there_count(self) -> None:
        wanted, world = many()
        assert is_near(wanted, EMPTY, Quotas(rules=29))
        assert is_near(stack(wished_listener()), world, Quotas(rules=12))
        assert not is_near(stack(wished_listener()), world, Quotas(rules=13))

    def test_all_other_quotas_do_too(self) -> None:
        assert is_near(stack(wished_listener()), EMPTY, Quotas(target_groups=13))
        assert is_near(stack(https("c1", "c2")), EMPTY, Quotas(certificates=10))
        assert is_near(stack(wished_listener()), EMPTY, Quotas(listeners=10))
