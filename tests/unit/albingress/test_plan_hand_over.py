"""One load balancer takes over from another: by another scheme, or as an Ingress moves to another group."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    CreateListener,
    CreateLoadBalancer,
    CreateRule,
    CreateTargetGroup,
    DeleteLoadBalancer,
    DeleteRule,
    DeleteTargetGroup,
    ModifyRule,
    Plan,
)
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.rules import Forward, target_groups_of
from addons.albingress.model.stack import DesiredSecurityGroup, Permission, Stack
from addons.albingress.plan.hand_over import with_serving_groups
from addons.albingress.plan.stack import plan_stack
from addons.albingress.plan.view import TargetState
from tests.support.alb_actions import apply_all
from tests.support.alb_stacks import (
    GROUP,
    LONG_AGO,
    NAME,
    NOW,
    balancer,
    ingress,
    listener,
    observed,
    stack,
    tags,
    target_group,
    there,
    to,
    view,
    wish,
    wished_group,
    wished_listener,
)

OTHER = "k8s-shop-another"
WISH = wish("a.org", "/*", to("k8s-web-svc-0123456789"))
WEB = "k8s-web-svc-0123456789"
INTERNAL = stack(wished_listener(WISH), groups=[WEB])
PUBLIC = stack(wished_listener(WISH), groups=[WEB], balancer={"name": OTHER, "scheme": "internet-facing"})
START = replace(observed(listener(there(WISH, 10))), target_groups=(target_group(WEB, "web/app-svc:80"),))


def plan(wanted: Stack, there: ObservedStack, **seen: Any) -> Plan:
    wells = {each.name: TargetState(LONG_AGO, True, True) for each in there.target_groups}
    moment = view(**{"targets": wells, **seen})
    serving = with_serving_groups(wanted, there, moment.leaving, moment.retained)
    return plan_stack(serving, there, moment)


def kinds(found: Plan) -> list[type]:
    return [type(action) for action in found.actions]


def used_by(there: ObservedStack, name: str) -> set[str]:
    """The target groups that the rules of a load balancer lead to."""
    found = next(each for each in there.load_balancers if each.name == name)
    rules = [rule for each in found.listeners for rule in each.rules]
    return {group for rule in rules for group in target_groups_of(rule.content.actions)}


class TestAnotherScheme:
    def test_is_another_load_balancer_with_target_groups_of_its_own(self) -> None:
        found = plan(PUBLIC, START)
        assert kinds(found) == [CreateTargetGroup, CreateLoadBalancer, CreateListener, CreateRule]
        end = apply_all(START, found.actions)
        assert used_by(end, NAME) == {WEB}
        assert used_by(end, OTHER).isdisjoint({WEB})

    def test_keeps_the_old_one_with_its_targets_till_clients_have_gone(self) -> None:
        both = apply_all(START, plan(PUBLIC, START).actions)
        dns_name = f"{OTHER}.elb.amazonaws.com"
        moments: list[Mapping[str, Any]] = [
            {},
            {"switched": {"another": LONG_AGO}},
            {"switched": {dns_name: NOW - timedelta(seconds=19)}},
        ]
        for moment in moments:
            found = plan(PUBLIC, both, **moment)
            assert found.actions == ()
            assert [skip.key for skip in found.skips] == [f"load-balancer/{NAME}"]
        serving = with_serving_groups(PUBLIC, both)
        assert {each.name for each in serving.target_groups if each.is_standing} == {WEB}

    def test_says_when_the_old_one_goes(self) -> None:
        both = apply_all(START, plan(PUBLIC, START).actions)
        since = NOW - timedelta(seconds=5)
        (skip,) = plan(PUBLIC, both, switched={f"{OTHER}.elb.amazonaws.com": since}).skips
        assert skip.retry_at == since + timedelta(seconds=20)

    def test_waits_for_one_that_is_not_active_yet(self) -> None:
        both = apply_all(START, plan(PUBLIC, START).actions)
        old, new = both.load_balancers
        both = replace(both, load_balancers=(old, replace(new, state="provisioning")))
        found = plan(PUBLIC, both, switched={f"{OTHER}.elb.amazonaws.com": LONG_AGO})
        assert found.actions == ()
        assert "is active" in found.skips[0].message

    def test_ends_with_the_new_one_alone(self) -> None:
        end = apply_all(START, plan(PUBLIC, START).actions)
        for _ in range(3):
            end = apply_all(end, plan(PUBLIC, end, switched={f"{OTHER}.elb.amazonaws.com": LONG_AGO}).actions)
        assert [each.name for each in end.load_balancers] == [OTHER]
        assert {each.name for each in end.target_groups} == used_by(end, OTHER)

    def test_back_and_forth_ends_where_it_began(self) -> None:
        end = START
        for wanted, name in ((PUBLIC, OTHER), (INTERNAL, NAME), (PUBLIC, OTHER), (INTERNAL, NAME)):
            for _ in range(4):
                switched = {f"{name}.elb.amazonaws.com": LONG_AGO}
                end = apply_all(end, plan(wanted, end, switched=switched).actions)
        assert [each.name for each in end.load_balancers] == [NAME]
        assert {each.name for each in end.target_groups} == used_by(end, NAME)

    def test_keeps_a_protected_one(self) -> None:
        both = apply_all(START, plan(PUBLIC, START).actions)
        old, new = both.load_balancers
        protected = replace(old, attributes=(("deletion_protection.enabled", "true"),))
        both = replace(both, load_balancers=(protected, new))
        found = plan(PUBLIC, both, switched={f"{OTHER}.elb.amazonaws.com": LONG_AGO})
        assert found.actions == ()
        assert [skip.reason for skip in found.skips] == [names.DELETION_PROTECTED]

    def test_lets_nobody_in_to_the_new_one_who_was_let_in_to_the_old_one(self) -> None:
        own = DesiredSecurityGroup(
            name="own",
            description="managed",
            permissions=(Permission(80, 80, cidr="0.0.0.0/0"), Permission(8080, 8080, cidr="0.0.0.0/0")),
            tags=tags("ManagedLBSecurityGroup"),
        )
        wide = stack(
            wished_listener(WISH),
            wished_listener(port=8080),
            groups=[WEB],
            security_group=own,
            balancer={"security_groups": ()},
        )
        start = apply_all(ObservedStack(group=GROUP), plan(wide, ObservedStack(group=GROUP)).actions)
        narrow = replace(
            stack(
                wished_listener(WISH),
                groups=[WEB],
                balancer={"name": OTHER, "scheme": "internet-facing", "security_groups": ()},
            ),
            security_group=replace(own, permissions=(Permission(80, 80, cidr="10.0.0.0/8"),)),
        )
        found = plan(narrow, start)
        (opening,) = [each for each in found.actions if isinstance(each, CreateListener)]
        end = apply_all(start, found.actions)
        assert end.security_groups[0].permissions == (
            Permission(80, 80, cidr="10.0.0.0/8"),
            Permission(8080, 8080, cidr="0.0.0.0/0"),
        )
        assert "sources/own/unwanted" in opening.needs


class TestAnIngressThatMoves:
    """`moving` has a rule in the group and is not served by its new one yet."""

    SEEN: Mapping[str, Any] = {"leaving": (ingress("moving"),), "retained": frozenset({"web/moving"})}
    MOVING = wish("m.org", "/*", to("k8s-web-moved-0123456789"), by="moving")

    def start(self) -> ObservedStack:
        rules = there(WISH, 10), there(self.MOVING, 20), there(wish("x.org", "/*", to("g9"), by="gone"), 30)
        groups = (
            target_group(WEB, "web/app-svc:80"),
            target_group("k8s-web-moved-0123456789", "web/moving-m:http"),
            target_group("g9", "web/gone-svc:80"),
        )
        return replace(observed(listener(*rules), listener(port=8080)), target_groups=groups)

    def test_keeps_its_rules_and_ports_while_others_go(self) -> None:
        found = plan(INTERNAL, self.start(), **self.SEEN)
        assert kinds(found) == [DeleteRule, DeleteTargetGroup]
        end = apply_all(self.start(), found.actions)
        assert used_by(end, NAME) == {WEB, "k8s-web-moved-0123456789"}
        assert [each.port for each in end.load_balancers[0].listeners] == [80, 8080]

    def test_has_its_targets_kept_up(self) -> None:
        serving = with_serving_groups(INTERNAL, self.start(), **self.SEEN)
        (standing,) = [each for each in serving.target_groups if each.is_standing]
        assert standing.name == "k8s-web-moved-0123456789"
        assert (standing.backend.namespace, standing.backend.service, standing.backend.port) == (
            "web",
            "m",
            "http",
        )
        assert standing.owner.ref == ingress("moving")

    def test_gives_all_up_when_it_is_served_elsewhere(self) -> None:
        found = plan(INTERNAL, self.start(), leaving=self.SEEN["leaving"])
        end = apply_all(self.start(), found.actions)
        assert used_by(end, NAME) == {WEB}
        assert [each.port for each in end.load_balancers[0].listeners] == [80]
        assert {each.name for each in end.target_groups} == {WEB}

    def test_is_who_its_deletions_are_for(self) -> None:
        found = plan(INTERNAL, self.start(), leaving=self.SEEN["leaving"])
        by_key = {each.key: each.ref for each in found.actions}
        assert by_key["target-group/k8s-web-moved-0123456789"] == ingress("moving")
        assert by_key[f"rule/{NAME}:80/r20"] == ingress("moving")
        assert by_key["target-group/g9"] is None

    def test_keeps_the_default_action_that_leads_to_it(self) -> None:
        start = replace(
            observed(listener(default=to("k8s-web-moved-0123456789"))),
            target_groups=self.start().target_groups[1:2],
        )
        wanted = stack(wished_listener(), groups=[])
        assert plan(wanted, start, **self.SEEN).actions == ()
        assert kinds(plan(wanted, start)) != []

    def test_keeps_the_load_balancer_that_the_others_leave_for_another_scheme(self) -> None:
        both = apply_all(self.start(), plan(PUBLIC, self.start(), **self.SEEN).actions)
        found = plan(PUBLIC, both, switched={f"{OTHER}.elb.amazonaws.com": LONG_AGO}, **self.SEEN)
        assert DeleteLoadBalancer not in kinds(found)
        assert used_by(apply_all(both, found.actions), NAME) >= {"k8s-web-moved-0123456789"}

    def test_keeps_the_load_balancer_where_it_was_alone(self) -> None:
        found = plan(Stack(group=GROUP), self.start(), **self.SEEN)
        assert found.actions == ()
        assert {skip.reason for skip in found.skips} == {names.WAITING}
        assert kinds(plan(Stack(group=GROUP), self.start()))[0] is DeleteLoadBalancer


class TestATargetGroupThatCannotBeChanged:
    """The Service gets IPv6 addresses: the target group must be another one, under another name."""

    WANTED = replace(INTERNAL, target_groups=(wished_group(WEB, ip_address_type="ipv6"),))

    def test_is_made_under_another_name_and_joins_with_weight_0(self) -> None:
        first = plan(self.WANTED, START)
        assert kinds(first) == [CreateTargetGroup]
        end = apply_all(START, first.actions)
        new = next(each.name for each in end.target_groups if each.name != WEB)
        unwell = {new: TargetState(NOW, is_filled=True), WEB: TargetState(LONG_AGO, True, True)}
        second = plan(self.WANTED, end, targets=unwell)
        assert kinds(second) == [ModifyRule]
        end = apply_all(end, second.actions)
        (joined,) = end.load_balancers[0].listeners[0].rules[0].content.actions
        assert isinstance(joined, Forward)
        assert {each.group: each.weight for each in joined.targets} == {WEB: 1, new: 0}
        assert plan(self.WANTED, end, targets=unwell).actions == ()

    def test_serves_alone_when_it_is_well_and_the_old_one_goes(self) -> None:
        end = START
        for _ in range(4):
            end = apply_all(end, plan(self.WANTED, end).actions)
        (group,) = end.target_groups
        assert (group.ip_address_type, used_by(end, NAME)) == ("ipv6", {group.name})
        assert plan(self.WANTED, end).actions == ()

    def test_is_filled_as_the_old_one_is(self) -> None:
        end = apply_all(START, plan(self.WANTED, START).actions)
        serving = with_serving_groups(self.WANTED, end)
        assert {(each.is_standing, each.backend) for each in serving.target_groups} == {
            (False, self.WANTED.target_groups[0].backend),
            (True, self.WANTED.target_groups[0].backend),
        }


def test_a_stack_that_needs_nothing_is_the_very_same() -> None:
    assert with_serving_groups(INTERNAL, START) is INTERNAL


def test_two_load_balancers_of_which_none_is_asked_for_go_at_once() -> None:
    start = replace(START, load_balancers=(*START.load_balancers, balancer(name="b", arn="arn:b")))
    found = plan(Stack(group=GROUP), start)
    assert kinds(found) == [DeleteLoadBalancer, DeleteLoadBalancer, DeleteTargetGroup]
