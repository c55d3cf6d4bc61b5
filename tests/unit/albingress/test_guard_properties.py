"""Groups that change, pass after pass, with all caps on a plan: drawn at random."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import AwsAction, CreateRule, DeleteRule, Plan
from addons.albingress.model.elb import ObservedStack, Rule
from addons.albingress.model.quotas import Quotas
from addons.albingress.model.rules import FixedResponse, target_groups_of
from addons.albingress.model.stack import DesiredRule, Stack
from addons.albingress.plan.guard import guard, remember_deletes
from addons.albingress.plan.stack import plan_stack
from addons.albingress.plan.view import TargetState
from tests.support.alb_actions import apply
from tests.support.alb_matcher import Answer, Request, answers
from tests.support.alb_stacks import (
    LOGIN,
    LONG_AGO,
    NOW,
    listener,
    observed,
    stack,
    tags,
    to,
    view,
    wish,
    wished_group,
    wished_listener,
)

TWO_PASSES = timedelta(seconds=10)
MEMBERS = ["a", "b", "c"]
HOSTS = ["a.org", "*.org", ""]
PATHS = ["/x", "/x*", "/*"]
REQUESTS = [Request(*one) for one in product(["a.org", "b.org", "c.net"], ["/x", "/x1", "/y"])]
SAID = ["one", "two", "login", "503"]


def rule_of(member: str, host: str, path: str, said: str, state: str = "ok") -> DesiredRule:
    """A rule of a member, which has two Services and is the older the earlier its letter comes."""
    group = f"{member}-{'two' if said == 'two' else 'one'}"
    actions = {"login": (LOGIN, to(group)), "503": (FixedResponse("503"),)}.get(said, (to(group),))
    made = wish(host, path, *actions, by=member, created=float(MEMBERS.index(member)))
    return replace(made, state=state)


rules = st.builds(
    rule_of, st.sampled_from(MEMBERS), st.sampled_from(HOSTS), st.sampled_from(PATHS), st.sampled_from(SAID)
)
groups = st.lists(rules, max_size=7, unique_by=lambda one: one.key)


@st.composite
def changed(draw: st.DrawFn, before: list[DesiredRule]) -> list[DesiredRule]:
    """A group that was another one before: some rules went, came, changed, moved, or cannot be had now."""
    kept = draw(st.lists(st.sampled_from(before), unique_by=lambda one: one.key)) if before else []
    found = {}
    for one in [*kept, *draw(groups)]:
        if one.key in found:
            continue
        member, key = one.owner.ref.name, one.key
        said = draw(st.sampled_from(["as it is", *SAID]))
        state = draw(st.sampled_from(["ok", "ok", "ok", "keep", "placeholder", "absent"]))
        said = "503" if state == "placeholder" else said
        found[key] = one if said == "as it is" else rule_of(member, key.host, key.path, said)
        found[key] = replace(found[key], state=state)
    return draw(st.permutations(list(found.values())))


@st.composite
def changes(draw: st.DrawFn) -> tuple[list[DesiredRule], list[DesiredRule]]:
    before = draw(groups)
    return before, draw(changed(before))


def asked(wanted: Iterable[DesiredRule]) -> Stack:
    """A group with these rules on one port, and the target groups that they lead to."""
    listed = tuple(wanted)
    used = {group for one in listed if one.content for group in target_groups_of(one.content.actions)}
    made = []
    for name in sorted(used):
        member, _, service = name.partition("-")
        resource = f"web/{member}-{service}:80"
        made.append(wished_group(name, resource=resource, tags=tags(resource)))
    return replace(stack(wished_listener(*listed, protocol="HTTPS"), groups=[]), target_groups=tuple(made))


WELL = {
    f"{member}-{service}": TargetState(LONG_AGO, True, True)
    for member in MEMBERS
    for service in ("one", "two")
}


@dataclass
class World:
    """What AWS has of a group over time, and what passes remember of each other."""

    has: ObservedStack = field(default_factory=lambda: observed(listener(protocol="HTTPS"), groups=[]))
    now: datetime = NOW
    wanted: Mapping[str, datetime] = field(default_factory=dict)
    seen: list[ObservedStack] = field(default_factory=list)

    def look(self, wanted: Stack, **how: Any) -> tuple[Plan, Plan]:
        """The plan of a pass, before and after the caps on it."""
        view_ = view(now=self.now, targets=WELL, wanted_deletes=self.wanted, **how)
        plan = plan_stack(wanted, self.has, view_)
        self.wanted = remember_deletes(plan, view_)
        return plan, guard(plan, replace(view_, wanted_deletes=self.wanted))

    def carry_out(self, actions: Iterable[AwsAction]) -> None:
        for action in actions:
            self.has = apply(self.has, action)
            self.seen.append(self.has)

    def pass_over(self, wanted: Stack, **how: Any) -> Plan:
        """Make a pass; the next one comes when a deletion has been wanted for long enough."""
        _, plan = self.look(wanted, **how)
        self.carry_out(plan.actions)
        self.now += TWO_PASSES
        return plan

    def settle(self, wanted: Stack, **how: Any) -> Plan:
        """Make passes until nothing is left to be done; give the last plan."""
        for _ in range(9):
            plan = self.pass_over(wanted, **how)
            if not plan.actions and not self.wanted:
                return plan
        raise AssertionError("it never comes to an end")


def settled(before: Iterable[DesiredRule]) -> World:
    world = World()
    world.settle(asked(before))
    return World(has=world.has, now=world.now)


def rules_there(has: ObservedStack) -> dict[str, Rule]:
    """By ARN, what rules there are."""
    return {rule.arn: rule for rule in has.load_balancers[0].listeners[0].rules}


def groups_there(has: ObservedStack) -> set[str]:
    return {group.name for group in has.target_groups}


def destructive(plan: Plan) -> list[AwsAction]:
    return [action for action in plan.actions if type(action).__name__.startswith("Delete")]


def is_made_anew(doomed: AwsAction, plan: Plan) -> bool:
    """Whether the plan has another rule in place of one that goes: of the same wish, or the same match."""
    assert isinstance(doomed, DeleteRule)
    new = [one.rule for one in plan.actions if isinstance(one, CreateRule)]
    mark = dict(doomed.existing.tags)[names.TAG_RULE]
    match = doomed.existing.content.conditions
    return any(mark == one.key.digest or (one.content and match == one.content.conditions) for one in new)


@settings(max_examples=60)
@given(changes())
def test_the_first_pass_deletes_nothing_but_what_it_makes_anew(
    change: tuple[list[DesiredRule], list[DesiredRule]],
) -> None:
    before, after = change
    world = settled(before)
    there = groups_there(world.has)
    plan = world.pass_over(asked(after))
    assert all(is_made_anew(each, plan) for each in destructive(plan))
    assert groups_there(world.has) >= there


@settings(max_examples=60)
@given(changes())
def test_the_second_pass_deletes_what_nobody_asks_for(
    change: tuple[list[DesiredRule], list[DesiredRule]],
) -> None:
    before, after = change
    world, wanted = settled(before), asked(after)
    world.pass_over(wanted)
    world.pass_over(wanted)
    digests = {one.key.digest for one in after if one.state != "absent"}
    assert {dict(rule.tags)[names.TAG_RULE] for rule in rules_there(world.has).values()} <= digests
    assert groups_there(world.has) <= {each.name for each in wanted.target_groups} | {
        group for rule in rules_there(world.has).values() for group in target_groups_of(rule.content.actions)
    }
    assert not world.look(wanted)[0].actions


@settings(max_examples=60)
@given(changes())
def test_a_pass_on_old_caches_begins_anew(change: tuple[list[DesiredRule], list[DesiredRule]]) -> None:
    before, after = change
    world, wanted = settled(before), asked(after)
    world.pass_over(wanted)
    stale = world.pass_over(wanted, is_fresh=False)
    assert destructive(stale) == []
    assert destructive(world.pass_over(wanted)) == []


@settings(max_examples=60)
@given(changes())
def test_what_is_withheld_leaves_nothing_that_needs_it(
    change: tuple[list[DesiredRule], list[DesiredRule]],
) -> None:
    before, after = change
    world, wanted = settled(before), asked(after)
    for _ in range(3):
        plan, guarded = world.look(wanted)
        left = {action.key for action in plan.actions} - {action.key for action in guarded.actions}
        assert left <= {skip.key for skip in guarded.skips}
        assert all(skip.message for skip in guarded.skips)
        assert not any(left.intersection(action.needs) for action in guarded.actions)
        assert [action for action in plan.actions if action.key not in left] == list(guarded.actions)
        world.carry_out(guarded.actions)
        world.now += TWO_PASSES


def answer_all(has: ObservedStack) -> dict[Request, Answer]:
    return answers(has.load_balancers[0].listeners[0], REQUESTS)


@settings(max_examples=60)
@given(changes())
def test_over_all_passes_each_request_is_answered_as_before_or_as_after(
    change: tuple[list[DesiredRule], list[DesiredRule]],
) -> None:
    before, after = change
    world = settled(before)
    first = answer_all(world.has)
    world.settle(asked(after))
    last = answer_all(world.has)
    for has in world.seen:
        for request, answer in answer_all(has).items():
            assert answer in (first[request], last[request]), request


quotas = st.builds(Quotas, rules=st.integers(0, 9), target_groups=st.integers(0, 5))


def is_unchanged(one: DesiredRule, before: Iterable[DesiredRule]) -> bool:
    return one.state in ("ok", "keep") and one in before


@settings(max_examples=60)
@given(changes(), quotas)
def test_what_is_there_and_still_asked_for_never_loses_to_a_quota(
    change: tuple[list[DesiredRule], list[DesiredRule]], most: Quotas
) -> None:
    before, after = change
    world = settled(before)
    there = {dict(rule.tags)[names.TAG_RULE] for rule in rules_there(world.has).values()}
    lasting = {one.key.digest: one.content for one in after if is_unchanged(one, before)}
    for _ in range(3):
        world.pass_over(asked(after), quotas=most)
    for has in world.seen:
        said = {dict(rule.tags)[names.TAG_RULE]: rule.content for rule in rules_there(has).values()}
        assert {digest: said.get(digest) for digest in lasting.keys() & there} == {
            digest: lasting[digest] for digest in lasting.keys() & there
        }


@settings(max_examples=60)
@given(changes(), quotas)
def test_a_quota_is_kept_unless_what_was_there_was_more(
    change: tuple[list[DesiredRule], list[DesiredRule]], most: Quotas
) -> None:
    before, after = change
    world = settled(before)
    start = world.has
    world.settle(asked(after), quotas=most)
    for has in (*world.seen, world.has):
        assert len(rules_there(has)) <= max(most.rules, len(rules_there(start)))
    if is_tidy(world.has, after):
        assert len(used(world.has)) <= max(most.target_groups, len(used(start)))


def is_tidy(has: ObservedStack, wanted: Iterable[DesiredRule]) -> bool:
    """Whether nothing is left of before: at the limit of rules, some may have to stay."""
    said = [rule.content.conditions for rule in rules_there(has).values()]
    asked_for = [one.content.conditions for one in wanted if one.content and one.state != "absent"]
    return len(said) == len(set(said)) and set(said) <= set(asked_for)


def used(has: ObservedStack) -> set[str]:
    return {group for rule in rules_there(has).values() for group in target_groups_of(rule.content.actions)}


@settings(max_examples=60)
@given(groups, quotas)
def test_of_new_rules_the_older_ingress_gets_its_own(wanted: list[DesiredRule], most: Quotas) -> None:
    world = World()
    world.settle(asked(wanted), quotas=most)
    made = {dict(rule.tags)[names.TAG_RULE] for rule in rules_there(world.has).values()}
    refused = [one.owner.created for one in wanted if one.key.digest not in made]
    served = [one.owner.created for one in wanted if one.key.digest in made]
    assert not refused or max(served, default=0.0) <= min(refused)
    assert len(made) == min(len(wanted), most.rules)


@settings(max_examples=60)
@given(changes(), quotas)
def test_what_a_quota_refuses_is_told_to_its_owner(
    change: tuple[list[DesiredRule], list[DesiredRule]], most: Quotas
) -> None:
    before, after = change
    world, wanted = settled(before), asked(after)
    plan = world.settle(wanted, quotas=most)
    said = {rule.content for rule in rules_there(world.has).values()}
    told = {skip.ref for skip in plan.skips}
    for one in after:
        if one.state in ("ok", "placeholder") and one.content not in said:
            assert one.owner.ref in told
