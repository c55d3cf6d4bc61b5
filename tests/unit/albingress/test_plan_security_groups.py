"""Who may reach a load balancer: whoever may and still is to, at any moment; and nobody else."""

from typing import Any

import pytest
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    AuthorizeIngress,
    CreateListener,
    CreateLoadBalancer,
    CreateSecurityGroup,
    DeleteListener,
    DeleteSecurityGroup,
    Plan,
    RevokeIngress,
    SetSecurityGroups,
    SetTags,
)
from addons.albingress.model.elb import Listener, ObservedStack, SecurityGroup
from addons.albingress.model.stack import DesiredListener, DesiredSecurityGroup, Permission, Stack
from addons.albingress.plan.stack import plan_stack
from tests.support.alb_stacks import (
    GROUP,
    NAME,
    balancer,
    ingress,
    listener,
    stack,
    tags,
    view,
    wished_listener,
)

SHARED = DesiredSecurityGroup(name="k8s-traffic-prod-1", description="shared", permissions=())
HAS_SHARED = SecurityGroup(id="sg-shared", name=SHARED.name)
EVERYBODY, OFFICE = "0.0.0.0/0", "198.51.100.0/24"


def let_in(*sources: tuple[int, str]) -> tuple[Permission, ...]:
    return tuple(Permission(port, port, cidr=cidr) for port, cidr in sources)


def own(*sources: tuple[int, str], **more: Any) -> DesiredSecurityGroup:
    made = DesiredSecurityGroup(
        name="own",
        description="managed",
        permissions=let_in(*sources),
        tags=tags("ManagedLBSecurityGroup"),
    )
    return replace(made, **more)


def has_own(*permissions: Permission) -> SecurityGroup:
    return SecurityGroup(
        id="sg-own", name="own", permissions=permissions, tags=tags("ManagedLBSecurityGroup")
    )


def wanted(
    group: DesiredSecurityGroup | None, *listeners: DesiredListener, shares: bool = False, **more: Any
) -> Stack:
    settings = {"security_groups": (), "uses_backend_group": shares, **more}
    ports = listeners or (wished_listener(),)
    return stack(*ports, groups=[], security_group=group, balancer=settings)


def there(
    *groups: SecurityGroup, ids: tuple[str, ...] = ("sg-own",), ports: tuple[Listener, ...] = (), **more: Any
) -> ObservedStack:
    made = balancer(*(ports or (listener(),)), security_groups=ids)
    return ObservedStack(group=GROUP, load_balancers=(made,), security_groups=groups, **more)


def plan(asked: Stack, has: ObservedStack, **seen: Any) -> Plan:
    return plan_stack(asked, has, view(**{"backend_group": SHARED, **seen}))


def kinds(found: Plan) -> list[type]:
    return [type(action) for action in found.actions]


class TestANewLoadBalancer:
    def test_has_the_managed_group_first_and_then_the_shared_one(self) -> None:
        found = plan(wanted(own((80, EVERYBODY)), shares=True), ObservedStack(group=GROUP))
        first, second, made, _ = found.actions
        assert isinstance(made, CreateLoadBalancer)
        assert made.security_groups == ("own", SHARED.name)
        assert made.needs == (first.key, second.key)

    def test_has_the_named_groups_and_the_shared_one_that_is_there(self) -> None:
        start = ObservedStack(group=GROUP, backend_group=HAS_SHARED)
        made = plan(wanted(None, shares=True, security_groups=("sg-a", "sg-b")), start).actions[0]
        assert isinstance(made, CreateLoadBalancer)
        assert made.security_groups == ("sg-a", "sg-b", "sg-shared")

    def test_has_the_shared_group_that_a_setting_names(self) -> None:
        made = plan(
            wanted(own(), shares=True), ObservedStack(group=GROUP), backend_group="sg-setting"
        ).actions[1]
        assert isinstance(made, CreateLoadBalancer)
        assert made.security_groups == ("own", "sg-setting")


class TestSources:
    def test_come_before_others_go(self) -> None:
        has = there(has_own(*let_in((80, EVERYBODY))))
        authorize, revoke = plan(wanted(own((80, OFFICE))), has).actions
        assert isinstance(authorize, AuthorizeIngress)
        assert isinstance(revoke, RevokeIngress)
        assert authorize.permissions == let_in((80, OFFICE))
        assert revoke.permissions == let_in((80, EVERYBODY))
        assert revoke.needs == (authorize.key,)

    def test_go_first_where_there_is_no_room_for_both(self) -> None:
        full = [(80, f"10.0.{number}.0/24") for number in range(60)]
        revoke, authorize = plan(
            wanted(own(*full[:-1], (80, OFFICE))), there(has_own(*let_in(*full)))
        ).actions
        assert isinstance(revoke, RevokeIngress)
        assert revoke.permissions == let_in(full[-1])
        assert authorize.needs == (revoke.key,)

    def test_with_a_description_of_somebody_are_the_same(self) -> None:
        told = replace(let_in((80, EVERYBODY))[0], description="by hand")
        assert plan(wanted(own((80, EVERYBODY))), there(has_own(told))).actions == ()

    def test_of_a_port_whose_wish_is_unclear_stay(self) -> None:
        has = there(has_own(*let_in((80, OFFICE), (81, OFFICE))))
        (revoke,) = plan(wanted(own(kept_ports=(80,))), has).actions
        assert isinstance(revoke, RevokeIngress)
        assert revoke.permissions == let_in((81, OFFICE))

    def test_of_a_range_that_covers_a_kept_port_stay(self) -> None:
        wide = Permission(1, 1000, cidr=OFFICE)
        assert plan(wanted(own(kept_ports=(80,))), there(has_own(wide))).actions == ()

    def test_of_a_port_that_closes_go_when_it_is_closed(self) -> None:
        has = there(has_own(*let_in((80, OFFICE), (8080, OFFICE))), ports=(listener(), listener(port=8080)))
        closing, revoke = plan(wanted(own((80, OFFICE))), has).actions
        assert isinstance(closing, DeleteListener)
        assert isinstance(revoke, RevokeIngress)
        assert revoke.needs == (closing.key,)

    def test_go_before_a_port_is_opened_to_them(self) -> None:
        has = there(has_own(*let_in((80, OFFICE), (8080, EVERYBODY))))
        asked = wanted(own((80, OFFICE), (8080, OFFICE)), wished_listener(), wished_listener(port=8080))
        authorize, revoke, opening = plan(asked, has).actions
        assert isinstance(opening, CreateListener)
        assert revoke.key in opening.needs
        assert authorize.key in revoke.needs

    @pytest.mark.parametrize(
        "seen", [{"is_fresh": False}, {"retained": frozenset({"web/app"}), "leaving": (ingress("app"),)}]
    )
    def test_of_a_port_that_must_not_be_closed_stay(self, seen: dict[str, Any]) -> None:
        has = there(has_own(*let_in((80, OFFICE), (8080, OFFICE))), ports=(listener(), listener(port=8080)))
        assert RevokeIngress not in kinds(plan(wanted(own((80, OFFICE))), has, **seen))


class TestTheGroupsOfALoadBalancer:
    def test_in_another_order_are_the_same(self) -> None:
        has = there(has_own(*let_in((80, OFFICE))), ids=("sg-shared", "sg-own"), backend_group=HAS_SHARED)
        assert plan(wanted(own((80, OFFICE)), shares=True), has).actions == ()

    def test_are_named_in_place_of_the_managed_one_which_goes(self) -> None:
        has = there(has_own(*let_in((80, OFFICE))))
        turned, gone = plan(wanted(None, security_groups=("sg-a",)), has).actions
        assert isinstance(turned, SetSecurityGroups)
        assert isinstance(gone, DeleteSecurityGroup)
        assert turned.security_groups == ("sg-a",)
        assert gone.needs == (turned.key,)

    def test_give_way_to_a_managed_one_that_is_made_first(self) -> None:
        made, turned = plan(wanted(own((80, OFFICE))), there(ids=("sg-a",))).actions
        assert isinstance(made, CreateSecurityGroup)
        assert isinstance(turned, SetSecurityGroups)
        assert (turned.security_groups, turned.needs) == (("own",), (made.key,))

    def test_change_before_a_port_is_opened_and_after_others_are_closed(self) -> None:
        has = there(ids=("sg-a",))
        asked = wanted(own((8080, OFFICE)), wished_listener(port=8080))
        _, closing, turned, opening = plan(asked, has).actions
        assert [type(each) for each in (closing, turned, opening)] == [
            DeleteListener,
            SetSecurityGroups,
            CreateListener,
        ]
        assert closing.key in turned.needs
        assert turned.key in opening.needs

    def test_are_told_of_when_they_cannot_go_yet(self) -> None:
        old = balancer(name="old", arn="arn:old", security_groups=("sg-own",))
        has = there(has_own(), ids=("sg-a",))
        has = replace(has, load_balancers=(*has.load_balancers, old))
        found = plan(wanted(None, security_groups=("sg-a",)), has)
        assert DeleteSecurityGroup not in kinds(found)
        assert "old" in next(skip.message for skip in found.skips if skip.key == "security-group/own")

    def test_get_their_tags(self) -> None:
        has = there(has_own(*let_in((80, OFFICE))))
        (action,) = plan(wanted(own((80, OFFICE), tags=tags("x"))), has).actions
        assert isinstance(action, SetTags)
        assert action.arn == "sg-own"


class TestTheSharedGroup:
    def test_goes_with_the_last_load_balancer(self) -> None:
        has = there(ids=("sg-shared",), backend_group=HAS_SHARED)
        gone, group = plan(Stack(group=GROUP), has, backend_group_is_used=False).actions
        assert isinstance(group, DeleteSecurityGroup)
        assert (group.id, group.needs) == ("sg-shared", (gone.key,))
        assert len(plan(Stack(group=GROUP), has, backend_group_is_used=True).actions) == 1

    def test_goes_where_the_last_one_has_it_no_more(self) -> None:
        has = there(ids=("sg-a", "sg-shared"), backend_group=HAS_SHARED)
        asked = wanted(None, security_groups=("sg-a",))
        turned, group = plan(asked, has, backend_group_is_used=False).actions
        assert group.needs == (turned.key,)

    def test_is_left_over_and_goes(self) -> None:
        has = ObservedStack(group=GROUP, backend_group=HAS_SHARED)
        (group,) = plan(Stack(group=GROUP), has, backend_group_is_used=False).actions
        assert group.key == f"security-group/{SHARED.name}"

    def test_stays_for_a_load_balancer_that_is_made_now(self) -> None:
        has = ObservedStack(group=GROUP, backend_group=HAS_SHARED)
        found = plan(wanted(None, shares=True, security_groups=("sg-a",)), has, backend_group_is_used=False)
        assert DeleteSecurityGroup not in kinds(found)
        assert names.DELETE_HELD not in {skip.reason for skip in found.skips}
        assert found.actions[0].key == f"load-balancer/{NAME}"
