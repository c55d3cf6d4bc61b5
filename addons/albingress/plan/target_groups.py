"""Target groups: made before rules lead to them, changed in place, and removed when nothing leads to them."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.model.actions import (
    AwsAction,
    CreateTargetGroup,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
)
from addons.albingress.model.elb import ObservedStack, TargetGroup
from addons.albingress.model.stack import DesiredTargetGroup, Stack
from addons.albingress.plan.attributes import kept_attributes, kept_tags, new_tags, stale_attributes
from addons.albingress.plan.tags import Tagged, plan_tags
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip


class TargetGroupPlan(Struct, frozen=True):
    """`makers`: by the name of a target group that is not there, the action that makes it."""

    actions: tuple[AwsAction, ...] = ()
    skips: tuple[Skip, ...] = ()
    makers: Mapping[str, str] = {}


def plan_target_groups(stack: Stack, observed: ObservedStack, view: View) -> TargetGroupPlan:
    """Make the target groups that are asked for, and change those that are another."""
    there = {each.name: each for each in observed.target_groups}
    actions: list[AwsAction] = []
    skips: list[Skip] = []
    makers: dict[str, str] = {}
    for wish in stack.target_groups:
        if wish.is_standing:
            continue
        if found := there.get(wish.name):
            actions += _change(wish, found, view)
            what = f"target group {wish.name}"
            skips += kept_attributes(key_of(wish.name), what, wish.owner.ref, found.tags, wish.attributes)
        else:
            actions.append(_create(wish))
            makers[wish.name] = key_of(wish.name)
    return TargetGroupPlan(tuple(actions), tuple(skips), makers)


def key_of(name: str) -> str:
    """Names a target group in decisions."""
    return f"target-group/{name}"


def _create(wish: DesiredTargetGroup) -> CreateTargetGroup:
    return CreateTargetGroup(
        key=key_of(wish.name),
        ref=wish.owner.ref,
        because=f"rules lead to port {wish.backend.port} of service {_service(wish)}",
        target_group=replace(wish, tags=new_tags(wish.tags, wish.attributes)),
    )


def _service(wish: DesiredTargetGroup) -> str:
    return f"{wish.backend.namespace}/{wish.backend.service}"


def _change(wish: DesiredTargetGroup, there: TargetGroup, view: View) -> list[AwsAction]:
    key, ref = key_of(wish.name), wish.owner.ref
    actions: list[AwsAction] = []
    if wish.health != there.health:
        because = f"the health of service {_service(wish)} is to be asked for in another way"
        actions.append(ModifyTargetGroup(key=f"health/{key}", ref=ref, because=because, target_group=wish))
    needs: tuple[str, ...] = ()
    if stale := stale_attributes(there.attributes, there.tags, wish.attributes):
        needs = (f"attributes/{key}",)
        actions.append(
            ModifyTargetGroupAttributes(
                key=needs[0],
                ref=ref,
                because=f"attributes {', '.join(each for each, _ in stale)} are to be others",
                target_group=wish.name,
                attributes=stale,
            )
        )
    thing = Tagged(key, there.arn, f"target group {wish.name}", ref)
    tags = kept_tags(wish.tags, there.tags, wish.attributes)
    return actions + plan_tags(thing, there.tags, tags, external=view.policy.external_tags, needs=needs)
