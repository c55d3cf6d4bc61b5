"""The security groups of a load balancer: the one that we manage for it, and the one that all share.

Whoever was let in and still is to be, is at any moment: new sources come before old ones go.
"""

from collections.abc import Iterable, Mapping

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


def plan_sources(
    stack: Stack, observed: ObservedStack, view: View, closing: Mapping[int, str]
) -> tuple[list[AwsAction], list[AwsAction]]:
    """Who comes to be let in by the managed group, and who is let in no more once that is done.

    `closing`: ports with the actions that close them: their sources go then.
    """
    there = _managed(stack, observed)
    if stack.security_group is None or there is None:
        return [], []
    return _permissions(stack.security_group, there, view, closing)


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


def _permissions(
    wanted: DesiredSecurityGroup, there: SecurityGroup, view: View, closing: Mapping[int, str]
) -> tuple[list[AwsAction], list[AwsAction]]:
    """Sources that come, and sources that go; those of a port that closes go when it is closed."""
    has = {_bare(each): each for each in there.permissions}
    asked = {_bare(each): each for each in wanted.permissions}
    new = tuple(asked[each] for each in sorted(asked.keys() - has.keys()))
    kept = {each for each in has if any(each.port <= port <= each.to_port for port in wanted.kept_ports)}
    over = [has[each] for each in sorted(has.keys() - asked.keys() - kept)]
    if view.retained:
        over = []
    is_full = len(has) + len(new) > MOST_PERMISSIONS
    key = f"sources/{wanted.name}"
    needs = (key,) if new and not is_full else ()
    revoked = _revoke(wanted, over, closing, needs)
    if not new:
        return [], revoked
    authorize = AuthorizeIngress(
        key=key,
        ref=None,
        because=f"{len(new)} sources are to reach the load balancer",
        needs=tuple(each.key for each in revoked) if is_full else (),
        group=wanted.name,
        permissions=new,
    )
    return ([*revoked, authorize], []) if is_full else ([authorize], revoked)


def _bare(permission: Permission) -> Permission:
    return replace(permission, description="") if permission.description else permission


def _revoke(
    wanted: DesiredSecurityGroup,
    over: Iterable[Permission],
    closing: Mapping[int, str],
    needs: tuple[str, ...],
) -> list[AwsAction]:
    found: dict[tuple[str, ...], list[Permission]] = {}
    for each in over:
        closers = tuple(key for port, key in sorted(closing.items()) if each.port <= port <= each.to_port)
        found.setdefault(closers, []).append(each)
    return [
        RevokeIngress(
            key=f"sources/{wanted.name}/{'+'.join(closers) or 'unwanted'}",
            ref=None,
            because=f"{len(some)} sources are asked for no more",
            needs=(*needs, *closers),
            group=wanted.name,
            permissions=tuple(some),
        )
        for closers, some in sorted(found.items())
    ]


def _tags(wanted: DesiredSecurityGroup, there: SecurityGroup, view: View) -> list[AwsAction]:
    thing = Tagged(f"security-group/{there.name}", there.id, f"security group {there.name}")
    return plan_tags(thing, there.tags, wanted.tags, external=view.policy.external_tags)
