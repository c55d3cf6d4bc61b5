"""The load balancer: made, changed in place, and replaced only when another one serves in its place."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    AwsAction,
    CreateLoadBalancer,
    DeleteListener,
    DeleteLoadBalancer,
    ModifyLoadBalancerAttributes,
    SetIpAddressType,
    SetSecurityGroups,
    SetSubnets,
)
from addons.albingress.model.elb import LoadBalancer, ObservedStack
from addons.albingress.model.stack import DesiredLoadBalancer
from addons.albingress.plan.attributes import kept_attributes, kept_tags, new_tags, stale_attributes
from addons.albingress.plan.ports import close_ports
from addons.albingress.plan.security_groups import SecurityGroupPlan
from addons.albingress.plan.tags import Tagged, plan_tags
from addons.albingress.plan.view import View
from addons.albingress.plan.web_acl import plan_web_acl
from addons.runtime.outcomes import Skip

PROTECTION = "deletion_protection.enabled"


class BalancerPlan(Struct, frozen=True):
    """`makers` are the actions that make it, if it is not there."""

    actions: tuple[AwsAction, ...] = ()
    skips: tuple[Skip, ...] = ()
    makers: tuple[str, ...] = ()


def key_of(name: str) -> str:
    """Names a load balancer in decisions."""
    return f"load-balancer/{name}"


def plan_load_balancer(
    wanted: DesiredLoadBalancer, there: LoadBalancer | None, groups: SecurityGroupPlan, view: View
) -> BalancerPlan:
    """Make the load balancer, or change the one of its name."""
    if there is None:
        made = _create(wanted, groups)
        acl = plan_web_acl(wanted, there, (made.key,))
        return BalancerPlan((made, *acl), makers=(made.key,))
    key = key_of(wanted.name)
    actions = (*_place(wanted, there), *_attributes(wanted, there, view), *plan_web_acl(wanted, there, ()))
    what = f"load balancer {wanted.name}"
    kept = kept_attributes(key, what, wanted.owner.ref, there.tags, wanted.attributes)
    return BalancerPlan(actions, kept)


def plan_its_groups(
    wanted: DesiredLoadBalancer,
    there: LoadBalancer | None,
    groups: SecurityGroupPlan,
    closing: Iterable[DeleteListener],
) -> list[SetSecurityGroups]:
    """Give the load balancer other security groups; ports that these may not let in are closed before."""
    if there is None or not groups.ids or set(groups.ids) == set(there.security_groups):
        return []
    return [
        SetSecurityGroups(
            key=f"security-groups/{key_of(wanted.name)}",
            ref=None,
            because=f"{wanted.name} is to have other security groups",
            needs=(*groups.makers, *(each.key for each in closing)),
            load_balancer=wanted.name,
            security_groups=groups.ids,
        )
    ]


def _create(wanted: DesiredLoadBalancer, groups: SecurityGroupPlan) -> CreateLoadBalancer:
    return CreateLoadBalancer(
        key=key_of(wanted.name),
        ref=None,
        because=f"Ingresses ask for an {wanted.scheme} load balancer",
        needs=groups.makers,
        load_balancer=replace(wanted, tags=new_tags(wanted.tags, wanted.attributes)),
        security_groups=groups.ids,
    )


def _place(wanted: DesiredLoadBalancer, there: LoadBalancer) -> list[AwsAction]:
    """Where it stands, and with which addresses."""
    key, actions = key_of(wanted.name), list[AwsAction]()
    if wanted.subnets and set(wanted.subnets) != set(there.subnets):
        actions.append(
            SetSubnets(
                key=f"subnets/{key}",
                ref=None,
                because=f"{wanted.name} is to be in other subnets",
                load_balancer=wanted.name,
                subnets=wanted.subnets,
            )
        )
    if wanted.ip_address_type != there.ip_address_type:
        actions.append(
            SetIpAddressType(
                key=f"addresses/{key}",
                ref=None,
                because=f"{wanted.name} is {there.ip_address_type}, not {wanted.ip_address_type}",
                load_balancer=wanted.name,
                ip_address_type=wanted.ip_address_type,
            )
        )
    return actions


def _attributes(wanted: DesiredLoadBalancer, there: LoadBalancer, view: View) -> list[AwsAction]:
    key, actions, needs = key_of(wanted.name), list[AwsAction](), tuple[str, ...]()
    if stale := stale_attributes(there.attributes, there.tags, wanted.attributes):
        needs = (f"attributes/{key}",)
        actions.append(
            ModifyLoadBalancerAttributes(
                key=needs[0],
                ref=None,
                because=f"attributes {', '.join(each for each, _ in stale)} are to be others",
                load_balancer=wanted.name,
                attributes=stale,
            )
        )
    thing = Tagged(key, there.arn, f"load balancer {wanted.name}")
    tags = kept_tags(wanted.tags, there.tags, wanted.attributes)
    return actions + plan_tags(thing, there.tags, tags, external=view.policy.external_tags, needs=needs)


class Farewell(Struct, frozen=True):
    """Load balancers that go: `leavers` by ARN, with the action that deletes one."""

    actions: tuple[AwsAction, ...] = ()
    skips: tuple[Skip, ...] = ()
    leavers: Mapping[str, str] = {}


def plan_old_balancers(wanted: DesiredLoadBalancer | None, observed: ObservedStack, view: View) -> Farewell:
    """Delete load balancers that nobody asks for, once clients have gone to the one that takes over."""
    current = next((each for each in observed.load_balancers if wanted and each.name == wanted.name), None)
    actions: list[AwsAction] = []
    skips: list[Skip] = []
    leavers: dict[str, str] = {}
    for old in observed.load_balancers:
        if old is current:
            continue
        if skip := _stays(wanted, current, old, view):
            skips.append(skip)
            if wanted is None and not view.retained:
                actions += close_ports(old).values()
            continue
        why = f"{wanted.name} has taken over" if wanted else "no Ingress is left"
        leavers[old.arn] = key_of(old.name)
        actions.append(
            DeleteLoadBalancer(
                key=key_of(old.name),
                ref=wanted.owner.ref if wanted else None,
                because=f"{old.name} is asked for no more: {why}",
                arn=old.arn,
                name=old.name,
                contents=sum(1 + len(each.rules) for each in old.listeners),
            )
        )
    return Farewell(tuple(actions), tuple(skips), leavers)


def _stays(
    wanted: DesiredLoadBalancer | None, current: LoadBalancer | None, old: LoadBalancer, view: View
) -> Skip | None:
    """Why a load balancer has to go on."""
    key = key_of(old.name)
    if dict(old.attributes or ()).get(PROTECTION) == "true":
        message = (
            f"load balancer {old.name} stays: its attribute {PROTECTION} is true; "
            "set it to false, by annotation or in AWS, to have it deleted"
        )
        return Skip(key, wanted.owner.ref if wanted else None, names.DELETION_PROTECTED, message)
    why, until = _not_taken_over(wanted, current, view)
    message = f"load balancer {old.name} goes when {why}"
    return Skip(key, None, names.WAITING, message, until) if why else None


def _not_taken_over(
    wanted: DesiredLoadBalancer | None, current: LoadBalancer | None, view: View
) -> tuple[str, datetime | None]:
    if view.retained:
        return f"{min(view.retained)} is served by another one", None
    if wanted is None:
        return "", None
    if current is None or current.state not in ("active", "active_impaired"):
        return f"{wanted.name} is active", None
    since = view.switched.get(current.dns_name.lower())
    if since is None:
        return f"all Ingresses tell the host name of {wanted.name}", None
    until = since + view.policy.drain
    if view.now < until:
        return f"clients have turned to {wanted.name}", until
    return "", None
