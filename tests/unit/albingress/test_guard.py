"""What may go, and when: deletions that are certain, not too many, and not forbidden."""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from addons.albingress.model.actions import (
    AwsAction,
    CreateRule,
    CreateTargetGroup,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteRule,
    DeleteTargetGroup,
    Plan,
)
from addons.albingress.model.stack import DesiredRule
from addons.albingress.plan.guard import counted_deletes, guard, remember_deletes
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip
from tests.support.alb_stacks import (
    BALANCER_ARN,
    LISTENER,
    NAME,
    NOW,
    ingress,
    there,
    view,
    wish,
    wished_group,
)

LONG = timedelta(minutes=5)
SHORT = timedelta(seconds=9)
"""Less than the ten seconds for which a deletion must be wanted."""


def rule_gone(number: int, *, by: DesiredRule | None = None, needs: tuple[str, ...] = ()) -> DeleteRule:
    existing = there(by or wish(f"{number}.org", "/*"), number)
    return DeleteRule(
        key=f"rule/{number}",
        ref=None,
        because="nobody asks for it",
        listener=LISTENER,
        existing=existing,
        needs=needs,
    )


def group_gone(name: str, *needs: str) -> DeleteTargetGroup:
    return DeleteTargetGroup(key=f"group/{name}", ref=None, because="no rule uses it", arn=name, needs=needs)


def balancer_gone(**changes: Any) -> DeleteLoadBalancer:
    made = DeleteLoadBalancer(key="lb", ref=None, because="the group is empty", arn=BALANCER_ARN, name=NAME)
    return replace(made, **changes)


def made(rule: DesiredRule, *needs: str) -> CreateRule:
    return CreateRule(
        key="rule/new",
        ref=ingress("app"),
        because="asked for",
        listener=LISTENER,
        priority=9,
        rule=rule,
        needs=needs,
    )


def wanted_since(ago: timedelta, *actions: AwsAction, **seen: Any) -> Plan:
    """The guarded plan when each of its deletions was first wanted so long ago."""
    since: dict[str, datetime] = {each.key: NOW - ago for each in actions}
    return guard(Plan(actions), view(wanted_deletes=since, **seen))


def keys(plan: Plan) -> list[str]:
    return [action.key for action in plan.actions]


def reasons(plan: Plan) -> dict[str, str]:
    return {skip.key: skip.reason for skip in plan.skips}


def only(plan: Plan) -> Skip:
    (skip,) = plan.skips
    return skip


class TestTwoPasses:
    def test_the_first_pass_that_wants_a_deletion_only_remembers_it(self) -> None:
        plan = Plan((rule_gone(1),))
        first = view()
        remembered = remember_deletes(plan, first)
        assert remembered == {"rule/1": NOW}
        assert keys(guard(plan, replace(first, wanted_deletes=remembered))) == []

    def test_a_later_pass_carries_it_out(self) -> None:
        plan, later = (
            Plan((rule_gone(1),)),
            view(now=NOW + timedelta(seconds=10), wanted_deletes={"rule/1": NOW}),
        )
        assert remember_deletes(plan, later) == {"rule/1": NOW}
        assert keys(guard(plan, later)) == ["rule/1"]

    def test_one_that_comes_too_soon_tells_when_it_will(self) -> None:
        skip = only(wanted_since(SHORT, rule_gone(1)))
        assert skip.reason == "DeleteHeld"
        assert skip.retry_at == NOW + timedelta(seconds=1)
        assert "nobody asks for it" in skip.message

    def test_a_pass_that_wants_it_no_more_lets_it_be_forgotten(self) -> None:
        assert remember_deletes(Plan(), view(wanted_deletes={"rule/1": NOW - LONG})) == {}

    def test_a_pass_on_caches_that_are_out_of_date_counts_for_nothing(self) -> None:
        plan, stale = Plan((rule_gone(1),)), view(is_fresh=False, wanted_deletes={"rule/1": NOW - LONG})
        assert remember_deletes(plan, stale) == {}
        assert keys(guard(plan, replace(stale, wanted_deletes={}))) == []

    def test_what_failed_and_rests_is_still_wanted(self) -> None:
        resting = Plan((), (Skip("rule/1", None, "DeleteHeld", "AWS is busy"),))
        since = {"rule/1": NOW - LONG, "rule/2": NOW - LONG}
        assert remember_deletes(resting, view(wanted_deletes=since)) == {"rule/1": NOW - LONG}

    def test_without_having_been_remembered_nothing_goes(self) -> None:
        assert keys(guard(Plan((rule_gone(1),)), view(policy={"two_pass": timedelta(0)}))) == []

    def test_what_is_made_or_changed_does_not_wait(self) -> None:
        group = wished_group("g9")
        create = CreateTargetGroup(key="group/g9", ref=None, because="asked for", target_group=group)
        assert keys(wanted_since(SHORT, create, rule_gone(1))) == ["group/g9"]


class TestMovedRules:
    """A rule that is made anew elsewhere was not given up: the old one goes with the same plan."""

    def test_of_the_same_wish_the_old_one_goes_at_once(self) -> None:
        rule = wish("a.org", "/*")
        narrower = replace(rule, content=wish("a.org", "/x").content)
        assert keys(wanted_since(SHORT, made(narrower), rule_gone(3, by=rule))) == ["rule/new", "rule/3"]

    def test_of_the_same_match_the_old_one_goes_at_once(self) -> None:
        rule = wish("a.org", "/*", by="other")
        assert keys(wanted_since(SHORT, made(wish("a.org", "/*")), rule_gone(3, by=rule))) == [
            "rule/new",
            "rule/3",
        ]

    def test_on_another_listener_it_waits(self) -> None:
        elsewhere = replace(made(wish("3.org", "/*")), listener=f"{NAME}:443")
        assert keys(wanted_since(SHORT, elsewhere, rule_gone(3))) == ["rule/new"]


class TestNeeds:
    def test_what_needs_what_is_held_is_held_too(self) -> None:
        plan = wanted_since(
            SHORT, rule_gone(1), made(wish("x.org", "/*"), "rule/1"), group_gone("g1", "rule/new")
        )
        assert keys(plan) == []
        assert reasons(plan) == {"rule/1": "DeleteHeld", "rule/new": "Waiting", "group/g1": "DeleteHeld"}
        assert "waits for rule/1: stays for now" in plan.skips[1].message

    def test_what_needs_something_else_is_not(self) -> None:
        plan = wanted_since(SHORT, rule_gone(1), made(wish("x.org", "/*"), "group/g9"))
        assert keys(plan) == ["rule/new"]


class TestProtection:
    def test_each_ingress_that_leaves_is_told_of_a_protected_load_balancer(self) -> None:
        leaving = (ingress("a"), ingress("b"))
        kept = Skip("lb", None, "DeletionProtected", "load balancer stays")
        plan = guard(Plan((), (kept,)), view(leaving=leaving))
        assert [(skip.ref, skip.message) for skip in plan.skips if skip.ref] == [
            (each, kept.message) for each in leaving
        ]


def many(count: int) -> list[AwsAction]:
    return [rule_gone(number) for number in range(1, count + 1)]


class TestMassDeletes:
    def test_half_of_what_is_known_may_go(self) -> None:
        assert len(wanted_since(LONG, *many(20), known=40).actions) == 20

    def test_more_than_that_and_none_goes(self) -> None:
        plan = wanted_since(LONG, *many(21), known=40)
        assert keys(plan) == []
        assert {skip.reason for skip in plan.skips} == {"MassDeleteHeld"}
        assert "21 of 40 things in AWS would be deleted at once, at most 20 may be" in plan.skips[0].message
        assert "--allow-mass-delete" in plan.skips[0].message

    def test_ten_may_always_go(self) -> None:
        assert len(wanted_since(LONG, *many(10), known=10).actions) == 10
        assert len(wanted_since(LONG, *many(11), known=11).actions) == 0

    def test_the_setting_lets_all_go(self) -> None:
        assert len(wanted_since(LONG, *many(40), known=40, policy={"allow_mass_delete": True}).actions) == 40

    def test_many_small_waves_add_up_like_one_large_one(self) -> None:
        plan = wanted_since(LONG, *many(5), known=30, deleted_lately=18)
        assert len(plan.actions) == 5
        plan = wanted_since(LONG, *many(7), known=30, deleted_lately=18)
        assert keys(plan) == []
        assert "after 18 lately" in plan.skips[0].message
        assert plan.skips[0].retry_at is not None

    def test_a_load_balancer_counts_with_its_listeners_and_rules(self) -> None:
        plan = wanted_since(LONG, balancer_gone(contents=12), known=24)
        assert keys(plan) == []
        port = DeleteListener(key="80", ref=None, because="", arn="l", listener=LISTENER, contents=10)
        assert keys(wanted_since(LONG, port, known=20)) == []

    def test_what_is_held_lets_the_rest_of_the_plan_be_carried_out(self) -> None:
        plan = wanted_since(LONG, *many(30), made(wish("x.org", "/*")), known=40)
        assert keys(plan) == ["rule/new"]

    def test_what_serves_nobody_does_not_count(self) -> None:
        unused = [group_gone(f"g{number}") for number in range(30)]
        assert len(wanted_since(LONG, *unused, known=40).actions) == 30

    def test_what_serves_until_the_plan_does(self) -> None:
        """Six rules, and the six target groups behind them."""
        behind = [group_gone(f"g{number}", f"rule/{number}") for number in range(1, 7)]
        assert keys(wanted_since(LONG, *many(6), *behind, known=12)) == []

    def test_what_goes_with_ingresses_that_somebody_deletes_does_not_count(self) -> None:
        leaving = (ingress("a"), ingress("b"))
        deleting = frozenset({"web/a", "web/b"})
        plan = wanted_since(LONG, *many(30), known=30, leaving=leaving, deleting=deleting)
        assert len(plan.actions) == 30

    def test_what_goes_with_ingresses_that_just_moved_does(self) -> None:
        """So do all Ingresses where a setting of ours was changed, and nobody meant it."""
        leaving = (ingress("a"), ingress("b"))
        plan = wanted_since(LONG, *many(30), known=30, leaving=leaving, deleting=frozenset({"web/a"}))
        assert keys(plan) == []
        assert [skip.ref for skip in plan.skips if skip.ref] == [*leaving]

    def test_one_that_moves_holds_up_none_that_are_deleted(self) -> None:
        leaving = (ingress("a"), ingress("b"))
        of_a = [replace(each, ref=leaving[0]) for each in many(30)]
        of_b = [replace(each, key=f"{each.key}/b", ref=leaving[1]) for each in many(30)]
        plan = wanted_since(LONG, *of_a, *of_b, known=60, leaving=leaving, deleting=frozenset({"web/a"}))
        assert len(plan.actions) == 60
        plan = wanted_since(LONG, *of_a, *of_b, known=50, leaving=leaving, deleting=frozenset({"web/a"}))
        assert {action.ref for action in plan.actions} == {leaving[0]}

    def test_rules_that_move_do_not_count(self) -> None:
        rules = [wish(f"{number}.org", "/*") for number in range(30)]
        moves: list[AwsAction] = [replace(made(rule), key=f"new/{n}") for n, rule in enumerate(rules)]
        moves += [rule_gone(number + 1, by=rule) for number, rule in enumerate(rules)]
        assert len(wanted_since(LONG, *moves, known=30).actions) == 60


def test_what_counts_is_known_before_it_is_done() -> None:
    seen: View = view()
    behind = group_gone("g1", "rule/1")
    plan = Plan((rule_gone(1), behind, group_gone("g2"), balancer_gone(contents=3)))
    assert counted_deletes(plan, seen) == {"rule/1": 1, "group/g1": 1, "lb": 4}
