"""What holds for every plan of a listener, whatever was there and is asked for: checked on random ones."""

from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.albingress.model.actions import Plan, SetRulePriorities
from addons.albingress.model.elb import ObservedStack, Rule
from addons.albingress.model.rules import FixedResponse, RuleContent
from addons.albingress.model.stack import DesiredRule
from addons.albingress.plan.matching import match_rules, ownership
from addons.albingress.plan.priorities import longest_increasing
from addons.albingress.plan.rule_actions import Site
from addons.albingress.plan.rules import RulePlan, plan_rules
from addons.albingress.plan.settle import settle
from tests.support.alb_actions import any_order, apply, apply_all, prefixes, without
from tests.support.alb_matcher import Answer, Request, answers, said
from tests.support.alb_stacks import (
    CLUSTER,
    GROUP,
    LISTENER,
    LOGIN,
    TAGS,
    content,
    listener,
    observed,
    there,
    to,
    view,
    wish,
)

World = tuple[ObservedStack, tuple[DesiredRule, ...]]
HOSTS = ["a.org", "b.org", "*.org", ""]
PATHS = ["/x", "/x*", "/*", "/y"]
SAID = [(to("g1"),), (to("g2"),), (LOGIN, to("g1")), (FixedResponse("503"),)]
REQUESTS = [
    Request(host, path)
    for host, path in product(["a.org", "b.org", "c.org", "d.net", "o.net"], ["/x", "/x1", "/y", "/z", "/o"])
]

wishes = st.builds(
    lambda host, path, said, nth: wish(host, path, *said, nth=nth),
    st.sampled_from(HOSTS),
    st.sampled_from(PATHS),
    st.sampled_from(SAID),
    st.integers(0, 1),
)
lists = st.lists(wishes, max_size=7, unique_by=lambda one: one.key)
foreign = st.lists(
    st.sampled_from([content("o.net", "/o", to("arn:x")), content("", "/o", to("arn:y"))]),
    max_size=2,
    unique=True,
)


def numbers(count: int, last: int) -> st.SearchStrategy[list[int]]:
    """Different priorities, many of them among the first or the last ones."""
    each = st.one_of(st.integers(1, 12), st.integers(1, last), st.integers(last - 10, last))
    return st.lists(each, min_size=count, max_size=count, unique=True)


@st.composite
def worlds(
    draw: st.DrawFn, strangers: st.SearchStrategy[list[RuleContent]] = foreign, last: int = 49_900
) -> World:
    """A listener, and what is asked of it: something like what is there.

    Rules of others have priorities up to `last`: behind it there is room for ours.
    """
    before, others = draw(lists), draw(strangers)
    theirs = draw(numbers(len(others), last))
    own = sorted(draw(numbers(len(before), 50_000).filter(lambda found: not set(found) & set(theirs))))
    rules = [there(one, number, is_ours=draw(st.booleans())) for one, number in zip(before, own, strict=True)]
    rules += [there(one, number) for one, number in zip(others, theirs, strict=True)]
    kept = draw(st.lists(st.sampled_from(before), unique_by=lambda one: one.key)) if before else []
    new = draw(lists)
    changed = [
        replace(one, content=content(one.key.host, one.key.path, *draw(st.sampled_from(SAID))))
        if draw(st.booleans())
        else one
        for one in kept
    ]
    keys = {one.key for one in changed}
    after = draw(st.permutations(changed + [one for one in new if one.key not in keys]))
    there_now = listener(*sorted(rules, key=lambda rule: rule.priority), protocol="HTTPS")
    return observed(there_now), tuple(after)


def plan(world: ObservedStack, after: tuple[DesiredRule, ...], room: int = 100) -> RulePlan:
    owned = ownership(CLUSTER, GROUP, world.target_groups)
    seen = view()
    settled = settle(LISTENER, match_rules(after, rules_of(world), owned), seen)
    return plan_rules(Site(LISTENER, 80, TAGS), settled.matched, seen, room)


def rules_of(world: ObservedStack) -> tuple[Rule, ...]:
    return world.load_balancers[0].listeners[0].rules


def whole(found: RulePlan) -> Plan:
    return Plan(found.changes + found.removals)


def answer_all(world: ObservedStack) -> dict[Request, Answer]:
    return answers(world.load_balancers[0].listeners[0], REQUESTS)


def picture(world: ObservedStack) -> str:
    """The rules of a world, short enough to be read when a test fails."""
    return "\n".join(
        f"{rule.priority}: {[one.values for one in rule.content.conditions]} {said(rule.content)}"
        for rule in rules_of(world)
    )


def wanted(after: tuple[DesiredRule, ...]) -> list[object]:
    return [rule.content for rule in after]


class TestEveryPlan:
    @given(worlds(last=50_000))
    def test_reaches_what_is_asked_for_in_its_order(self, given_: World) -> None:
        world, after = given_
        strangers = [rule for rule in rules_of(world) if not rule.tags]
        end = apply_all(world, whole(plan(world, after)).actions)
        assert [rule.content for rule in rules_of(end) if rule.tags] == wanted(after)
        assert [rule for rule in rules_of(end) if not rule.tags] == strangers

    @given(worlds())
    def test_answers_each_request_at_any_moment_as_before_or_as_after(self, given_: World) -> None:
        world, after = given_
        states = [answer_all(state) for state in prefixes(world, whole(plan(world, after)))]
        for state in states:
            for request in REQUESTS:
                assert state[request] in (states[0][request], states[-1][request]), request

    @given(worlds(), st.randoms(use_true_random=False))
    def test_also_where_some_of_it_happens_at_once(self, given_: World, chance: Random) -> None:
        world, after = given_
        found = whole(plan(world, after))
        states = [answer_all(state) for state in prefixes(world, Plan(any_order(found.actions, chance)))]
        for state in states:
            for request in REQUESTS:
                assert state[request] in (states[0][request], states[-1][request]), request
        assert states[-1] == answer_all(apply_all(world, found.actions))

    @given(worlds(last=50_000))
    def test_is_the_last_one(self, given_: World) -> None:
        world, after = given_
        end = apply_all(world, whole(plan(world, after)).actions)
        assert whole(plan(end, after)).actions == ()

    @given(worlds(), st.data())
    def test_refused_in_part_answers_each_request_as_before_or_as_after(
        self, given_: World, data: st.DataObject
    ) -> None:
        world, after = given_
        found = whole(plan(world, after))
        if not found.actions:
            return
        refused = data.draw(st.sampled_from(found.actions))
        states = [answer_all(state) for state in prefixes(world, found)]
        left = world
        for action in without(found, refused.key):
            left = apply(left, action)
            now = answer_all(left)
            for request in REQUESTS:
                assert now[request] in (states[0][request], states[-1][request]), (request, refused)

    @given(worlds(), st.integers(0, 2))
    def test_keeps_to_the_limit(self, given_: World, room: int) -> None:
        world, after = given_
        most = len(rules_of(world)) + room
        states = prefixes(world, whole(plan(world, after, room)))
        assert max(len(rules_of(state)) for state in states) <= most

    @given(worlds(st.just([])), st.integers(0, 2))
    def test_at_the_limit_answers_as_before_or_as_after_or_as_asked_for(
        self, given_: World, room: int
    ) -> None:
        world, after = given_
        goal = answer_all(apply_all(world, whole(plan(world, after)).actions))
        states = [answer_all(state) for state in prefixes(world, whole(plan(world, after, room)))]
        for state in states:
            for request in REQUESTS:
                assert state[request] in (states[0][request], goal[request]), request

    @given(st.permutations(range(8)))
    def test_moves_as_few_rules_as_possible(self, order: list[int]) -> None:
        before = [wish(f"{number}.org", "/*") for number in range(8)]
        world = observed(listener(*(there(one, number * 10) for number, one in enumerate(before, 1))))
        found = plan(world, tuple(before[number] for number in order))
        moved = {arn for one in found.changes if isinstance(one, SetRulePriorities) for arn in one.priorities}
        assert len(moved) == 8 - len(longest_increasing(order))
        assert len(found.changes) <= 1


@pytest.mark.parametrize("room", [0, 1, 2])
def test_at_the_limit_no_rule_goes_for_one_that_is_not_made_in_the_same_pass(room: int) -> None:
    before = [
        wish("a.org", "/y", to("g1")),
        wish("b.org", "/x", to("g1")),
        wish("a.org", "/x", to("g1")),
        wish("*.org", "/x", to("g2")),
    ]
    world = observed(listener(*(there(one, number, is_ours=False) for number, one in enumerate(before, 1))))
    after = (
        wish("*.org", "/x", to("g1")),
        wish("b.org", "/x", to("g1")),
        wish("a.org", "/x", to("g1")),
        wish("a.org", "/y", to("g2")),
        wish("a.org", "/x", to("g1"), nth=1),
        wish("a.org", "/x*", to("g1")),
    )
    request = Request("a.org", "/y")
    found = [answer_all(state)[request] for state in prefixes(world, whole(plan(world, after, room)))]
    wanted = answer_all(apply_all(world, whole(plan(world, after)).actions))[request]
    assert set(found) <= {answer_all(world)[request], wanted}


def test_rules_that_change_places_and_what_they_say_need_no_room() -> None:
    """The one that comes to the front says it before, the other one after they have changed places."""
    said = [FixedResponse(code) for code in ("200", "201", "400", "401")]
    wide, narrow = wish("", "/x*", said[0]), wish("", "/x", said[1])
    world = observed(listener(there(wide, 10), there(narrow, 20)))
    after = (
        replace(narrow, content=content("", "/x", said[2])),
        replace(wide, content=content("", "/x*", said[3])),
    )
    found = plan(world, after, room=0)
    assert [type(each).__name__ for each in found.changes] == [
        "ModifyRule",
        "SetRulePriorities",
        "ModifyRule",
    ]
    assert found.skips == ()
    first, moves, last = found.changes
    assert first.key in moves.needs
    assert moves.key in last.needs
