"""The security groups of a load balancer: the one that we manage for it, and the one that all share.

Whoever was let in and still is to be, is at any moment: new sources come before old ones go.
"""

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.model.actions import (
    AuthorizeIngress,
    AwsAction,
    CreateSecurityGroup,
    RevokeIngress,
)
from addons.albingress.model.elb import ObservedStack, SecurityGroup
from addons.albingress.model.stack import DesiredLoadBalancer, DesiredSecurityGroup, Permission, Stack
from addons.albingress.plan.ports import UnwantedPorts
from addons.albingress.plan.tags import Tagged, plan_tags
from addons.albingress.plan.view import View

MOST_PERMISSIONS = 60
"""As many as AWS lets a security group have."""


class SecurityGroupPlan(Struct, frozen=True):
    """`ids` are those of the load balancer, by names where they are to be made by the actions `makers`."""

    actions: tuple[AwsAction, ...] = ()
    ids: tuple[str, ...] = ()
    makers: tuple[str, ...] = ()


def plan_security_groups(
    stack: Stack, wanted: DesiredLoadBalancer, observed: ObservedStack, view: View
) -> SecurityGroupPlan:
    """Make the groups that the load balancer needs."""
    made = [_create(each) for each in _missing(stack, observed, wanted, view)]
    actions: list[AwsAction] = [*made]
    there = _managed(stack, observed)
    if stack.security_group and there:
        actions += _tags(stack.security_group, there, view)
    return SecurityGroupPlan(
        tuple(actions), _ids(stack, observed, wanted, view), tuple(each.key for each in made)
    )


class SourcesPlan(Struct, frozen=True):
    """`last` comes when ports are closed. `gates`: by port, what must be done before it is opened."""

    first: tuple[AwsAction, ...] = ()
    last: tuple[AwsAction, ...] = ()
    gates: Mapping[int, tuple[str, ...]] = {}


def plan_sources(stack: Stack, observed: ObservedStack, unwanted: UnwantedPorts) -> SourcesPlan:
    """Let in by the managed group who is to be, and nobody else: new sources come before old ones go.

    Sources of a port that nobody asks for go when it is closed. No port is opened to whom it is not for.
    """
    wanted, there = stack.security_group, _managed(stack, observed)
    if wanted is None or there is None:
        return SourcesPlan()
    has = set(map(_bare, there.permissions))
    new = tuple(each for each in sorted(wanted.permissions) if _bare(each) not in has)
    revoked = _revoke(wanted, _unwanted(wanted, there, unwanted.lasting), unwanted.closing)
    at_once, later = [one for one in revoked if not one.needs], [one for one in revoked if one.needs]
    key = f"sources/{wanted.name}"
    if new and len(has) + len(new) > MOST_PERMISSIONS:
        first: list[AwsAction] = [*at_once, _authorize(wanted, new, key, tuple(one.key for one in at_once))]
    elif new:
        at_once, later = _after(at_once, key), _after(later, key)
        first = [_authorize(wanted, new, key, ()), *at_once]
    else:
        first = [*at_once]
    gates = {
        listener.port: tuple(one.key for one in at_once if _concerns(one, listener.port))
        for listener in stack.listeners
    }
    return SourcesPlan(tuple(first), tuple(later), gates)


def _after(revoked: Iterable[RevokeIngress], key: str) -> list[RevokeIngress]:
    return [replace(each, needs=(key, *each.needs)) for each in revoked]


def _concerns(revoked: RevokeIngress, port: int) -> bool:
    return any(each.port <= port <= each.to_port for each in revoked.permissions)


def _authorize(
    wanted: DesiredSecurityGroup, new: tuple[Permission, ...], key: str, needs: tuple[str, ...]
) -> AuthorizeIngress:
    return AuthorizeIngress(
        key=key,
        ref=None,
        because=f"{len(new)} sources are to reach the load balancer",
        needs=needs,
        group=wanted.name,
        permissions=new,
    )


def _managed(stack: Stack, observed: ObservedStack) -> SecurityGroup | None:
    wanted = stack.security_group
    return next((each for each in observed.security_groups if wanted and each.name == wanted.name), None)


def _missing(
    stack: Stack, observed: ObservedStack, wanted: DesiredLoadBalancer, view: View
) -> Iterable[DesiredSecurityGroup]:
    if stack.security_group and not _managed(stack, observed):
        yield stack.security_group
    shared = view.backend_group
    if wanted.uses_backend_group and isinstance(shared, DesiredSecurityGroup) and not observed.backend_group:
        yield shared


def _create(group: DesiredSecurityGroup) -> CreateSecurityGroup:
    key = f"security-group/{group.name}"
    return CreateSecurityGroup(key=key, ref=None, because="the load balancer needs it", group=group)


def _ids(stack: Stack, observed: ObservedStack, wanted: DesiredLoadBalancer, view: View) -> tuple[str, ...]:
    """The groups of the load balancer, by id, or by name where they are to be made; the managed one first."""
    found: list[str] = []
    if stack.security_group:
        there = _managed(stack, observed)
        found.append(there.id if there else stack.security_group.name)
    found += wanted.security_groups
    if wanted.uses_backend_group:
        shared = view.backend_group
        if isinstance(shared, str):
            found.append(shared)
        elif observed.backend_group:
            found.append(observed.backend_group.id)
        elif shared:
            found.append(shared.name)
    return tuple(dict.fromkeys(found))


def _unwanted(
    wanted: DesiredSecurityGroup, there: SecurityGroup, lasting: Collection[int]
) -> list[Permission]:
    """The sources that are not asked for, but for those of ports that keep what they have, or stay open."""
    asked, kept = set(map(_bare, wanted.permissions)), (*wanted.kept_ports, *lasting)
    return [
        each
        for each in sorted(there.permissions)
        if _bare(each) not in asked and not any(each.port <= port <= each.to_port for port in kept)
    ]


def _bare(permission: Permission) -> Permission:
    return replace(permission, description="") if permission.description else permission


def _revoke(
    wanted: DesiredSecurityGroup, over: Iterable[Permission], closing: Mapping[int, tuple[str, ...]]
) -> list[RevokeIngress]:
    found: dict[tuple[str, ...], list[Permission]] = {}
    for each in over:
        ports = (port for port in sorted(closing) if each.port <= port <= each.to_port)
        closers = tuple(dict.fromkeys(key for port in ports for key in closing[port]))
        found.setdefault(closers, []).append(each)
    return [
        RevokeIngress(
            key=f"sources/{wanted.name}/{'+'.join(closers) or 'unwanted'}",
            ref=None,
            because=f"{len(some)} sources are asked for no more",
            needs=closers,
            group=wanted.name,
            permissions=tuple(some),
        )
        for closers, some in sorted(found.items())
    ]


def _tags(wanted: DesiredSecurityGroup, there: SecurityGroup, view: View) -> list[AwsAction]:
    thing = Tagged(f"security-group/{there.name}", there.id, f"security group {there.name}")
    return plan_tags(thing, there.tags, wanted.tags, external=view.policy.external_tags)
