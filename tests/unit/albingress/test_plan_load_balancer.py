"""A load balancer in place: subnets, addresses, attributes, tags and web ACL; and its end."""

from typing import Any

import pytest
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    AssociateWebAcl,
    CreateLoadBalancer,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteTargetGroup,
    ModifyLoadBalancerAttributes,
    Plan,
    RemoveTags,
    SetIpAddressType,
    SetSubnets,
    SetTags,
)
from addons.albingress.model.elb import LoadBalancer, ObservedStack
from addons.albingress.model.stack import Stack
from addons.albingress.plan.digest import attributes_digest
from addons.albingress.plan.stack import plan_stack
from tests.support.alb_stacks import (
    BALANCER_ARN,
    GROUP,
    NAME,
    balancer,
    ingress,
    listener,
    observed,
    stack,
    tags,
    there,
    to,
    view,
    wish,
    wished_listener,
)

NOTHING = ObservedStack(group=GROUP)
LOGS = (("access_logs.s3.enabled", "true"),)


def plan(there: LoadBalancer | None = None, *, seen: Any = None, **asked: Any) -> Plan:
    wanted = stack(groups=[], balancer=asked)
    start = NOTHING if there is None else ObservedStack(group=GROUP, load_balancers=(there,))
    return plan_stack(wanted, start, view(**(seen or {})))


def kinds(found: Plan) -> list[type]:
    return [type(action) for action in found.actions]


class TestInPlace:
    def test_it_moves_to_other_subnets(self) -> None:
        (action,) = plan(balancer(), subnets=("subnet-b", "subnet-c")).actions
        assert isinstance(action, SetSubnets)
        assert action.subnets == ("subnet-b", "subnet-c")

    @pytest.mark.parametrize("subnets", [(), ("subnet-b", "subnet-a")])
    def test_it_stays_where_it_is(self, subnets: tuple[str, ...]) -> None:
        assert plan(balancer(), subnets=subnets).actions == ()

    def test_it_gets_subnets_before_other_addresses(self) -> None:
        found = plan(balancer(), subnets=("subnet-b", "subnet-c"), ip_address_type="dualstack")
        assert kinds(found) == [SetSubnets, SetIpAddressType]

    def test_its_tags_are_what_is_asked_for_but_for_those_of_others(self) -> None:
        has = balancer(tags=tags("LoadBalancer", team="old", **{"aws:x": "1", "cost": "2", "gone": "3"}))
        found = plan(
            has,
            tags=tags("LoadBalancer", team="new"),
            seen={"policy": {"external_tags": ("cost",)}},
        )
        changed, removed = found.actions
        assert isinstance(changed, SetTags)
        assert isinstance(removed, RemoveTags)
        assert (changed.arn, changed.tags) == (BALANCER_ARN, (("team", "new"),))
        assert removed.keys == ("gone",)


class TestAttributes:
    def test_of_a_new_one_are_in_its_tag(self) -> None:
        (made,) = plan(attributes=LOGS).actions
        assert isinstance(made, CreateLoadBalancer)
        assert dict(made.load_balancer.tags)[names.TAG_SPEC] == attributes_digest(LOGS)

    def test_that_differ_are_set(self) -> None:
        (action,) = plan(balancer(attributes=(("access_logs.s3.enabled", "false"),)), attributes=LOGS).actions
        assert isinstance(action, ModifyLoadBalancerAttributes)
        assert action.attributes == LOGS

    def test_that_nobody_names_are_not_ours(self) -> None:
        assert plan(balancer(attributes=(*LOGS, ("x", "1")))).actions == ()

    def test_that_are_named_no_more_keep_their_values_and_that_is_told(self) -> None:
        found = plan(balancer(tags=tags("LoadBalancer", **{names.TAG_SPEC: attributes_digest(LOGS)})))
        assert kinds(found) == [RemoveTags]
        assert [skip.reason for skip in found.skips] == [names.ATTRIBUTE_KEPT]


class TestAWebAcl:
    @pytest.mark.parametrize(
        ("now", "asked", "then"),
        [("", "arn:a", "arn:a"), ("arn:b", "arn:a", "arn:a"), ("arn:a", "none", "")],
    )
    def test_is_attached_and_detached(self, now: str, asked: str, then: str) -> None:
        (action,) = plan(balancer(web_acl=now), waf_acl=asked).actions
        assert isinstance(action, AssociateWebAcl)
        assert action.acl == then

    @pytest.mark.parametrize(
        ("now", "asked"), [("arn:a", ""), ("arn:a", "arn:a"), ("", "none"), (None, "arn:a"), (None, "none")]
    )
    def test_stays_as_it_is_and_where_nobody_knows(self, now: str | None, asked: str) -> None:
        assert plan(balancer(web_acl=now), waf_acl=asked).actions == ()

    def test_of_a_new_load_balancer_comes_after_it(self) -> None:
        made, attached = plan(waf_acl="arn:a").actions
        assert attached.needs == (made.key,)


class TestTheEnd:
    START = observed(listener(there(wish("a.org", "/*", to("g1")), 10)), groups=["g1"])

    def test_is_one_call_for_all_that_is_in_it(self) -> None:
        gone, group = plan_stack(Stack(group=GROUP), self.START, view()).actions
        assert isinstance(gone, DeleteLoadBalancer)
        assert (gone.name, gone.arn, gone.contents) == (NAME, BALANCER_ARN, 2)
        assert isinstance(group, DeleteTargetGroup)

    def test_leaves_a_protected_one_without_ports_and_target_groups(self) -> None:
        protected = (("deletion_protection.enabled", "true"),)
        (has,) = self.START.load_balancers
        start = replace(self.START, load_balancers=(replace(has, attributes=protected),))
        first = plan_stack(Stack(group=GROUP), start, view(leaving=(ingress("app"),)))
        assert kinds(first) == [DeleteListener]
        assert [skip.reason for skip in first.skips] == [names.DELETION_PROTECTED]
        start = replace(start, load_balancers=(replace(has, attributes=protected, listeners=()),))
        assert kinds(plan_stack(Stack(group=GROUP), start, view())) == [DeleteTargetGroup]

    def test_comes_for_nobody_who_is_served_nowhere_else_even_if_protected(self) -> None:
        protected = (("deletion_protection.enabled", "true"),)
        (has,) = self.START.load_balancers
        start = replace(self.START, load_balancers=(replace(has, attributes=protected),))
        seen = view(leaving=(ingress("app"),), retained=frozenset({"web/app"}))
        assert plan_stack(Stack(group=GROUP), start, seen).actions == ()

    def test_waits_while_caches_are_old(self) -> None:
        found = plan_stack(Stack(group=GROUP), self.START, view(is_fresh=False))
        assert found.actions == ()
        assert {skip.reason for skip in found.skips} == {names.DELETE_HELD}


def test_a_listener_comes_with_the_load_balancer_it_needs() -> None:
    made, opened = plan_stack(stack(wished_listener(), groups=[]), NOTHING, view()).actions
    assert opened.needs == (made.key,)
