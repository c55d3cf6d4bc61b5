"""What holds for every plan of a stack, whatever was there and is asked for: checked on random ones."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import product
from random import Random
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import Plan, SetTags
from addons.albingress.model.elb import Listener, LoadBalancer, ObservedStack, Rule
from addons.albingress.model.rules import FixedResponse, RuleContent
from addons.albingress.model.stack import (
    DesiredSecurityGroup,
    Permission,
    Stack,
)
from addons.albingress.plan.guard import guard, remember_deletes
from addons.albingress.plan.hand_over import with_serving_groups
from addons.albingress.plan.stack import plan_stack
from addons.albingress.plan.view import TargetState, View
from tests.support.alb_actions import any_order, apply, apply_all, prefixes, without
from tests.support.alb_drawn_stacks import NETWORKS, stacks
from tests.support.alb_matcher import Request, answer, said
from tests.support.alb_stacks import (
    GROUP,
    LONG_AGO,
    NOT_FOUND,
    NOW,
    content,
    ingress,
    tags,
    there,
    to,
    view,
    wish,
    wished_group,
)

T = TypeVar("T")
NOTHING = ObservedStack(group=GROUP)
SHARED = DesiredSecurityGroup(name="k8s-traffic-prod-1", description="shared", permissions=())
REQUESTS = [Request(host, path) for host, path in product(["a.org", "b.org"], ["/x", "/y"])]
FIXED = [FixedResponse("503"), NOT_FOUND, FixedResponse("503", "text/plain", "not ready yet")]


def seen(observed: ObservedStack, **changes: object) -> View:
    """All target groups are well, and all clients have turned to the load balancers that are there."""
    wells = {each.name: TargetState(LONG_AGO, True, True) for each in observed.target_groups}
    switched = {each.dns_name: NOW - timedelta(hours=1) for each in observed.load_balancers}
    return view(
        backend_group=SHARED, backend_group_is_used=False, targets=wells, switched=switched, **changes
    )


def plan(wanted: Stack, observed: ObservedStack) -> Plan:
    return plan_stack(with_serving_groups(wanted, observed), observed, seen(observed))


def settled(wanted: Stack, observed: ObservedStack = NOTHING) -> ObservedStack:
    """What AWS has when nothing is left to be done."""
    for _ in range(6):
        found = plan(wanted, observed)
        if not found.actions:
            return observed
        observed = apply_all(observed, found.actions)
    raise AssertionError(found)


def served(observed: ObservedStack) -> Mapping[object, object]:
    """How each load balancer answers each request, whom it lets in and which certificates it has."""
    found: dict[object, object] = {}
    for balancer in observed.load_balancers:
        for listener in balancer.listeners:
            where = balancer.name, listener.port
            found |= {(*where, request): answer(listener, request) for request in REQUESTS}
            found |= {(*where, "certificate", arn): True for arn in listener.certificates}
            found |= {(*where, "default certificate"): listener.certificates[:1]}
            let_in = (cidr for cidr in NETWORKS if lets_in(observed, balancer, listener.port, cidr))
            found |= {(*where, cidr): True for cidr in let_in}
    return found


def lets_in(observed: ObservedStack, balancer: LoadBalancer, port: int, cidr: str) -> bool:
    """Whether a network may reach a port; everybody may by a group of the user's own."""
    groups = [each for each in observed.security_groups if each.id in balancer.security_groups]
    own = any(Permission(port, port, cidr=cidr) in each.permissions for each in groups)
    return own or "sg-1" in balancer.security_groups


def strange(start: ObservedStack, end: ObservedStack, now: ObservedStack) -> list[object]:
    """What gets neither the answer from before nor the one from after.

    A port that is being opened may say so, as it has not been there before.
    """
    before, after, found = served(start), served(end), served(now)
    return [
        (which, found.get(which))
        for which in before.keys() | after.keys() | found.keys()
        if found.get(which) not in (before.get(which), after.get(which))
        and not (which not in before and is_nothing(found.get(which)))
    ]


def is_nothing(found: object) -> bool:
    """Whether an answer leads nowhere."""
    return found in [said(RuleContent((), (each,))) for each in FIXED]


class TestEveryPlan:
    @given(stacks(), stacks())
    def test_leads_to_what_is_asked_for(self, before: Stack, after: Stack) -> None:
        end = settled(after, settled(before))
        wanted = after.load_balancer
        if wanted is None:
            assert end == NOTHING
            return
        (balancer,) = end.load_balancers
        assert (balancer.name, balancer.scheme, set(balancer.subnets)) == (
            wanted.name,
            wanted.scheme,
            set(wanted.subnets),
        )
        assert [each.port for each in sorted(balancer.listeners, key=lambda one: one.port)] == [
            each.port for each in after.listeners
        ]
        assert len(end.target_groups) == len(after.target_groups)
        assert bool(end.backend_group) == wanted.uses_backend_group
        assert bool(end.security_groups) == bool(after.security_group)
        if after.security_group:
            assert end.security_groups[0].permissions == after.security_group.permissions

    @given(stacks(), stacks())
    def test_leads_there_too_where_deletions_are_held_for_a_while(self, before: Stack, after: Stack) -> None:
        end, wanted_deletes = settled(before), dict[str, datetime]()
        for number in range(12):
            moment = replace(
                seen(end), now=NOW + number * timedelta(seconds=11), wanted_deletes=wanted_deletes
            )
            found = plan_stack(with_serving_groups(after, end), end, moment)
            wanted_deletes = dict(remember_deletes(found, moment))
            found = guard(found, replace(moment, wanted_deletes=wanted_deletes))
            end = apply_all(end, found.actions)
        assert plan(after, end).actions == ()

    @given(stacks(), stacks())
    def test_answers_each_request_at_any_moment_as_before_or_as_after(
        self, before: Stack, after: Stack
    ) -> None:
        start = settled(before)
        states = prefixes(start, plan(after, start))
        for state in states:
            assert strange(states[0], states[-1], state) == []

    @given(stacks(), stacks(), st.randoms(use_true_random=False))
    def test_also_where_some_of_it_happens_at_once(self, before: Stack, after: Stack, random: Random) -> None:
        start = settled(before)
        found = plan(after, start)
        states = prefixes(start, Plan(any_order(found.actions, random)))
        for state in states:
            assert strange(states[0], states[-1], state) == []
        assert served(states[-1]) == served(apply_all(start, found.actions))

    @given(stacks(), stacks(), st.data())
    def test_refused_in_part_answers_each_request_as_before_or_as_after(
        self, before: Stack, after: Stack, data: st.DataObject
    ) -> None:
        start = settled(before)
        found = plan(after, start)
        if not found.actions:
            return
        refused = data.draw(st.sampled_from(found.actions))
        left, end = start, apply_all(start, found.actions)
        for action in without(found, refused.key):
            left = apply(left, action)
            assert strange(start, end, left) == []

    @given(stacks(), stacks())
    def test_needs_only_what_comes_before(self, before: Stack, after: Stack) -> None:
        known = set[str]()
        for action in plan(after, settled(before)).actions:
            assert set(action.needs) <= known, action
            assert action.key not in known
            known.add(action.key)

    @given(stacks(), stacks(), st.randoms())
    def test_is_the_same_in_whatever_order_things_are_seen(
        self, before: Stack, after: Stack, random: Random
    ) -> None:
        start = settled(before)
        mixed = replace(
            start,
            load_balancers=tuple(mixed_up(each, random) for each in shuffled(start.load_balancers, random)),
            target_groups=shuffled(start.target_groups, random),
            security_groups=shuffled(start.security_groups, random),
        )
        turned = replace(
            after,
            listeners=shuffled(after.listeners, random),
            target_groups=shuffled(after.target_groups, random),
        )

        def by_key(one: Plan) -> object:
            return sorted((action.key, repr(action)) for action in one.actions)

        assert by_key(plan(turned, mixed)) == by_key(plan(after, start))


class TestWhatTheOriginalMade:
    @given(stacks())
    def test_stays_as_it_is(self, wanted: Stack) -> None:
        assert plan(wanted, without_our_tags(settled(wanted))).actions == ()

    @given(stacks(), stacks())
    def test_gets_no_tag_of_ours(self, before: Stack, after: Stack) -> None:
        for action in plan(after, without_our_tags(settled(before))).actions:
            if isinstance(action, SetTags):
                assert not OURS & dict(action.tags).keys(), action


class TestAnIngressThatMoves:
    """`moving` has a rule on each port, and no group serves it elsewhere yet."""

    SEEN: Mapping[str, Any] = {"leaving": (ingress("moving"),), "retained": frozenset({"web/moving"})}
    REQUEST = Request("m.org", "/x")

    @given(stacks(), stacks())
    def test_is_served_as_before_at_any_moment(self, before: Stack, after: Stack) -> None:
        group = wished_group("k8s-moving", resource="web/moving-svc:80", tags=tags("web/moving-svc:80"))
        rule = wish("m.org", "/x", to("k8s-moving"), by="moving")
        before = replace(
            before,
            listeners=tuple(replace(each, rules=(rule, *each.rules)) for each in before.listeners),
            target_groups=(*before.target_groups, group) if before.listeners else before.target_groups,
        )
        after = replace(
            after,
            listeners=tuple(
                replace(each, rules=tuple(one for one in each.rules if one.key.host))
                for each in after.listeners
            ),
        )
        start = settled(before)
        serving = with_serving_groups(after, start, **self.SEEN)
        for state in prefixes(start, plan_stack(serving, start, seen(start, **self.SEEN))):
            now = {each.arn: each for each in listeners_of(state)}
            for each in listeners_of(start):
                assert answer(now[each.arn], self.REQUEST) == answer(each, self.REQUEST)


class TestWhatIsNotOurs:
    @given(stacks(), stacks(), st.integers(1, 40_000))
    def test_is_not_touched(self, before: Stack, after: Stack, priority: int) -> None:
        start = settled(before)
        foreign = there(content("o.net", "/o", to("arn:aws:elasticloadbalancing:x")), priority)
        numbers = [rule.priority for each in listeners_of(start) for rule in each.rules]
        if priority in numbers or not listeners_of(start):
            return
        first = start.load_balancers[0].listeners[0]
        start = with_rule(start, first, foreign)
        plans = prefixes(start, plan(after, start))
        kept = [each for each in listeners_of(plans[-1]) if each.arn == first.arn]
        assert all(foreign in each.rules for each in kept)


OURS = {names.TAG_RULE, names.TAG_SPEC}


def without_our_tags(observed: ObservedStack) -> ObservedStack:
    """The same as the original would have made it, with all attributes read."""

    def plain(thing: Any) -> Any:
        return replace(thing, tags=tuple(pair for pair in thing.tags if pair[0] not in OURS))

    return replace(
        observed,
        load_balancers=tuple(
            replace(
                plain(each),
                listeners=tuple(
                    replace(plain(one), rules=tuple(map(plain, one.rules))) for one in each.listeners
                ),
            )
            for each in observed.load_balancers
        ),
        target_groups=tuple(map(plain, observed.target_groups)),
    )


def listeners_of(observed: ObservedStack) -> list[Listener]:
    return [one for each in observed.load_balancers for one in each.listeners]


def with_rule(observed: ObservedStack, listener: Listener, rule: Rule) -> ObservedStack:
    def changed(one: Listener) -> Listener:
        rules = sorted((*one.rules, rule), key=lambda each: each.priority)
        return replace(one, rules=tuple(rules)) if one.arn == listener.arn else one

    balancers = (
        replace(each, listeners=tuple(map(changed, each.listeners))) for each in observed.load_balancers
    )
    return replace(observed, load_balancers=tuple(balancers))


def shuffled(things: tuple[T, ...], random: Random) -> tuple[T, ...]:
    listed = list(things)
    random.shuffle(listed)
    return tuple(listed)


def mixed_up(balancer: LoadBalancer, random: Random) -> LoadBalancer:
    return replace(balancer, listeners=shuffled(balancer.listeners, random))
