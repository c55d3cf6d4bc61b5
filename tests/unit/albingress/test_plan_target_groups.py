"""Target groups: made before rules lead to them, changed in place, removed when nothing leads to them."""

from typing import Any

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    CreateTargetGroup,
    DeleteRule,
    DeleteTargetGroup,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
    Plan,
    RemoveTags,
    SetTags,
)
from addons.albingress.model.elb import TargetGroup
from addons.albingress.model.stack import DesiredTargetGroup
from addons.albingress.plan.digest import attributes_digest
from addons.albingress.plan.stack import plan_stack
from tests.support.alb_stacks import (
    HEALTH,
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

DELAY = (("deregistration_delay.timeout_seconds", "30"),)


def plan(*wanted: DesiredTargetGroup, has: tuple[TargetGroup, ...] = (), **seen: Any) -> Plan:
    """For a load balancer whose only rule leads to g1."""
    rule = wish("a.org", "/*", to("g1"))
    start = replace(observed(listener(there(rule, 10))), target_groups=(target_group("g1"), *has))
    asked = stack(wished_listener(rule), groups=["g1"])
    return plan_stack(replace(asked, target_groups=(*asked.target_groups, *wanted)), start, view(**seen))


def kinds(found: Plan) -> list[type]:
    return [type(action) for action in found.actions]


class TestANewOne:
    def test_is_made_for_its_owner_with_the_digest_of_its_attributes(self) -> None:
        (action,) = plan(wished_group("g2", attributes=DELAY)).actions
        assert isinstance(action, CreateTargetGroup)
        assert action.ref == ingress("app")
        assert dict(action.target_group.tags)[names.TAG_SPEC] == attributes_digest(DELAY)

    def test_without_attributes_has_the_tags_of_the_original(self) -> None:
        (action,) = plan(wished_group("g2")).actions
        assert isinstance(action, CreateTargetGroup)
        assert action.target_group.tags == tags("web/app-svc:80")


class TestInPlace:
    def test_its_health_is_asked_for_in_another_way(self) -> None:
        other = replace(HEALTH, path="/healthz")
        (action,) = plan(wished_group("g2", health=other), has=(target_group("g2"),)).actions
        assert isinstance(action, ModifyTargetGroup)
        assert action.target_group.health == other

    def test_its_attributes_are_set_by_what_was_read(self) -> None:
        has = replace(target_group("g2"), attributes=(("stickiness.enabled", "true"),))
        (action,) = plan(wished_group("g2", attributes=DELAY), has=(has,)).actions
        assert isinstance(action, ModifyTargetGroupAttributes)
        assert action.attributes == DELAY

    def test_its_attributes_are_set_by_our_tag(self) -> None:
        has = replace(target_group("g2"), tags=tags("web/app-svc:80", **{names.TAG_SPEC: "other"}))
        found = plan(wished_group("g2", attributes=DELAY), has=(has,))
        assert kinds(found) == [ModifyTargetGroupAttributes, SetTags]

    def test_attributes_that_are_named_no_more_are_told_to_its_owner(self) -> None:
        has = replace(target_group("g2"), tags=tags("web/app-svc:80", **{names.TAG_SPEC: "some"}))
        found = plan(wished_group("g2"), has=(has,))
        assert kinds(found) == [RemoveTags]
        assert [(skip.reason, skip.ref) for skip in found.skips] == [(names.ATTRIBUTE_KEPT, ingress("app"))]

    def test_one_that_only_stands_in_is_left_as_it_is(self) -> None:
        standing = wished_group("g2", health=replace(HEALTH, path="/x"), is_standing=True)
        assert plan(standing, has=(target_group("g2"),)).actions == ()


class TestOneThatNobodyAsksFor:
    def test_goes(self) -> None:
        (action,) = plan(has=(target_group("g2"),)).actions
        assert isinstance(action, DeleteTargetGroup)

    def test_goes_after_the_rules_that_led_to_it(self) -> None:
        start = observed(listener(there(wish("a.org", "/*", to("g1")), 10)), groups=["g1"])
        rule, group = plan_stack(stack(wished_listener(), groups=[]), start, view()).actions
        assert isinstance(rule, DeleteRule)
        assert isinstance(group, DeleteTargetGroup)
        assert group.needs == (rule.key,)

    def test_stays_while_a_load_balancer_of_somebody_else_has_it(self) -> None:
        has = replace(target_group("g2"), load_balancers=("arn:of-somebody",))
        found = plan(has=(has,))
        assert found.actions == ()
        assert "arn:of-somebody" in found.skips[0].message

    def test_goes_for_the_ingress_that_leaves(self) -> None:
        has = target_group("g2", "web/app-of-old-svc:80")
        leaving = (ingress("app"), ingress("app-of-old"))
        (action,) = plan(has=(has,), leaving=leaving).actions
        assert action.ref == ingress("app-of-old")
