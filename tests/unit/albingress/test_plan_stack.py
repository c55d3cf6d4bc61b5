"""Plans of whole stacks: what is made, changed and removed, in which order, and what waits for what."""

from datetime import timedelta

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    CreateListener,
    CreateLoadBalancer,
    CreateRule,
    CreateSecurityGroup,
    CreateTargetGroup,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteRule,
    DeleteSecurityGroup,
    DeleteTargetGroup,
    Plan,
)
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.stack import DesiredSecurityGroup, Permission, Stack
from addons.albingress.plan.stack import plan_stack
from addons.albingress.plan.view import View
from tests.support.alb_actions import apply_all
from tests.support.alb_stacks import (
    GROUP,
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
    wished_listener,
)

NOTHING = ObservedStack(group=GROUP)
EMPTY = Stack(group=GROUP)
OWN = DesiredSecurityGroup(
    name="k8s-shop-sg",
    description="managed",
    permissions=(Permission(80, 80, cidr="0.0.0.0/0"),),
    tags=tags("ManagedLBSecurityGroup"),
)
SHARED = DesiredSecurityGroup(name="k8s-traffic-prod-1", description="shared", permissions=())


def kinds(plan: Plan) -> list[str]:
    return [type(action).__name__ for action in plan.actions]


def settled(wanted: Stack, start: ObservedStack = NOTHING, seen: View | None = None) -> ObservedStack:
    """What AWS has once nothing is left to be done."""
    seen = seen or view(backend_group=SHARED)
    for _ in range(9):
        plan = plan_stack(wanted, start, seen)
        if not plan.actions:
            return start
        start = apply_all(start, plan.actions)
    raise AssertionError(plan)


FULL = stack(
    wished_listener(wish("a.org", "/*", to("g1"))),
    groups=["g1"],
    balancer={"security_groups": (), "uses_backend_group": True},
    security_group=OWN,
)


class TestFromNothing:
    def test_makes_what_others_need_first(self) -> None:
        plan = plan_stack(FULL, NOTHING, view(backend_group=SHARED))
        assert [type(action) for action in plan.actions] == [
            CreateSecurityGroup,
            CreateSecurityGroup,
            CreateTargetGroup,
            CreateLoadBalancer,
            CreateListener,
            CreateRule,
        ]
        known = list[str]()
        for action in plan.actions:
            assert set(action.needs) <= set(known)
            known.append(action.key)

    def test_is_planned_once(self) -> None:
        end = settled(FULL)
        assert end.load_balancers[0].security_groups == (f"sg-{OWN.name}", f"sg-{SHARED.name}")
        assert [rule.content for rule in end.load_balancers[0].listeners[0].rules] == [
            wish("a.org", "/*", to("g1")).content
        ]


class TestTheEnd:
    def test_takes_all_away(self) -> None:
        start = settled(FULL)
        plan = plan_stack(EMPTY, start, view(backend_group=SHARED, backend_group_is_used=False))
        assert [type(action) for action in plan.actions] == [
            DeleteLoadBalancer,
            DeleteTargetGroup,
            DeleteSecurityGroup,
            DeleteSecurityGroup,
        ]
        assert apply_all(start, plan.actions) == NOTHING
        assert all(action.needs == (plan.actions[0].key,) for action in plan.actions[1:])

    def test_waits_for_who_is_not_served_elsewhere(self) -> None:
        seen = view(retained=frozenset({"web/app"}), leaving=(ingress("app"),))
        plan = plan_stack(EMPTY, settled(FULL), seen)
        assert plan.actions == ()
        assert {skip.reason for skip in plan.skips} == {names.WAITING}

    def test_of_an_ingress_takes_its_rules_and_target_groups(self) -> None:
        start = observed(listener(there(wish("a.org", "/*", to("g1")), 10)), groups=["g1"])
        plan = plan_stack(stack(wished_listener(), groups=[]), start, view())
        assert [type(action) for action in plan.actions] == [DeleteRule, DeleteTargetGroup]
        assert plan.actions[1].needs == (plan.actions[0].key,)


class TestAHeldStack:
    def test_is_left_alone(self) -> None:
        plan = plan_stack(replace(EMPTY, held="no subnets"), settled(FULL), view(leaving=(ingress("app"),)))
        assert plan.actions == ()
        assert [(skip.reason, skip.ref) for skip in plan.skips] == [
            (names.WAITING, None),
            (names.DELETE_HELD, ingress("app")),
        ]


class TestOldCaches:
    def test_take_nothing_away(self) -> None:
        plan = plan_stack(EMPTY, settled(FULL), view(is_fresh=False))
        assert plan.actions == ()
        assert plan.skips[0].reason == names.DELETE_HELD


class TestAnotherLoadBalancer:
    OLD = balancer(listener(), name="old", arn="arn:old", scheme="internet-facing", dns_name="Old.org")

    def start(self) -> ObservedStack:
        return replace(observed(listener(), groups=[]), load_balancers=(balancer(listener()), self.OLD))

    def test_goes_when_clients_have_turned_to_the_new_one(self) -> None:
        at = NOW - timedelta(seconds=21)
        plan = plan_stack(
            stack(wished_listener(), groups=[]),
            self.start(),
            view(switched={f"{NAME}.elb.amazonaws.com": at}),
        )
        assert kinds(plan) == ["DeleteLoadBalancer"]

    def test_stays_till_then(self) -> None:
        for switched in ({}, {f"{NAME}.elb.amazonaws.com": NOW}, {"old.org": NOW}):
            plan = plan_stack(stack(wished_listener(), groups=[]), self.start(), view(switched=switched))
            assert kinds(plan) == []
            assert [skip.reason for skip in plan.skips] == [names.WAITING]


class TestListeners:
    def test_that_nobody_asks_for_are_closed(self) -> None:
        start = observed(listener(), listener(port=8080), groups=[])
        plan = plan_stack(stack(wished_listener(), groups=[]), start, view())
        assert [type(action) for action in plan.actions] == [DeleteListener]

    def test_turn_to_another_default_when_its_rules_are_there(self) -> None:
        start = observed(listener(), groups=["g1", "g2"])
        wanted = stack(wished_listener(wish("a.org", "/*"), default=to("g2")), groups=["g1", "g2"])
        plan = plan_stack(wanted, start, view())
        assert kinds(plan) == ["CreateRule", "ModifyListener"]
        assert plan.actions[1].needs == (plan.actions[0].key,)

    def test_go_on_answering_while_a_target_group_is_not_there(self) -> None:
        start = observed(listener(), groups=[])
        plan = plan_stack(stack(wished_listener(default=to("g1")), groups=["g1"]), start, view())
        assert kinds(plan) == ["CreateTargetGroup", "ModifyListener"]
        assert target_group("g1").name in plan.actions[0].key
