"""Security groups of load balancers."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from addons.albingress.aws.applying.singly import all_or_each
from addons.albingress.aws.applying.work import Work
from addons.albingress.aws.ownership import is_the_same, name_taken
from addons.albingress.aws.translate.balancers import pairs_to_api
from addons.albingress.aws.translate.permissions import permissions_to_api, security_group_from_api
from addons.albingress.model.actions import (
    AuthorizeIngress,
    CreateSecurityGroup,
    DeleteSecurityGroup,
    RevokeIngress,
)
from addons.albingress.model.elb import SecurityGroup
from addons.albingress.model.stack import DesiredSecurityGroup, Permission
from addons.albingress.names import WAITING
from addons.runtime.errors import AlreadyExists, NotFound, Withheld


async def create(work: Work, action: CreateSecurityGroup) -> None:
    """Have the group with its permissions: a new one, or the one of that name if it is ours."""
    wanted = action.group
    vpc_id = await work.door.network.vpc_id()
    try:
        reply = await work.ec2(
            "create_security_group",
            GroupName=wanted.name,
            Description=wanted.description,
            VpcId=vpc_id,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": pairs_to_api(wanted.tags)}],
        )
        group = SecurityGroup(id=reply["GroupId"], name=wanted.name, tags=wanted.tags)
    except AlreadyExists:
        group = await _adopt(work, wanted, vpc_id)
    work.made(group)
    if missing := _without(wanted.permissions, group.permissions):
        await _authorize(work, group, missing)


async def _adopt(work: Work, wanted: DesiredSecurityGroup, vpc_id: str) -> SecurityGroup:
    items = await work.door.reading.security_groups({"vpc-id": vpc_id, "group-name": wanted.name})
    group = security_group_from_api(items[0]) if items else None
    if group is None or not is_the_same(group.tags, wanted.tags):
        raise name_taken("security group", wanted.name)
    return group


async def authorize(work: Work, action: AuthorizeIngress) -> None:
    """Let sources in."""
    await _authorize(work, work.security_group(action.group), action.permissions)


async def _authorize(work: Work, group: SecurityGroup, permissions: Iterable[Permission]) -> None:
    wanted = tuple(_with_id(work, each) for each in permissions)

    async def once(some: Iterable[Permission]) -> None:
        await work.ec2(
            "authorize_security_group_ingress", GroupId=group.id, IpPermissions=permissions_to_api(some)
        )

    async def some(permissions: Sequence[Permission]) -> None:
        try:
            await work.seen(lambda: once(permissions), group.id)
        except AlreadyExists:
            there = await _read(work, group)
            if missing := _without(permissions, there.permissions):
                await once(missing)
        else:
            there = work.own(SecurityGroup, group.id)
        new = _without(permissions, there.permissions)
        work.changed(replace(there, permissions=tuple(sorted((*there.permissions, *new)))))

    await all_or_each(some, wanted)


async def revoke(work: Work, action: RevokeIngress) -> None:
    """Let sources in no more."""
    group = work.security_group(action.group)
    unwanted = tuple(_with_id(work, each) for each in action.permissions)

    async def once(some: Iterable[Permission]) -> None:
        await work.ec2(
            "revoke_security_group_ingress", GroupId=group.id, IpPermissions=permissions_to_api(some)
        )

    try:
        await once(unwanted)
    except NotFound:
        group = await _read(work, group)
        if present := _without(unwanted, _without(unwanted, group.permissions)):
            await once(present)
    work.changed(replace(group, permissions=_without(group.permissions, unwanted)))


async def delete(work: Work, action: DeleteSecurityGroup) -> None:
    """Have the group not be there, nor rules of ours that let it in; AWS is asked first whose it is."""
    items = await work.door.reading.security_groups({"group-id": action.id})
    if items:
        work.door.ownership.check(work.stack, action.id, security_group_from_api(items[0]).tags)
        await _require_unused(work, action.id)
        await _close_behind(work, action.id)
        await work.delete("delete_security_group", "ec2", GroupId=action.id)
    work.gone(action.id)


async def _require_unused(work: Work, id_: str) -> None:
    """Make sure that nothing sends from a group: only then nobody misses the rules that let it in.

    The interfaces of a load balancer are there for up to some minutes after it: Withheld, without alarm.
    """
    for item in await work.door.reading.interfaces_in(id_):
        whose = f"{item['NetworkInterfaceId']} ({item.get('Description') or 'without description'})"
        raise Withheld(f"{id_} goes when network interface {whose} is not in it any more", code=WAITING)


async def _close_behind(work: Work, id_: str) -> None:
    """Take away rules of ours that let the group in: as long as they name it, it cannot go."""
    groups = work.door.endpoint_groups
    work.door.network.forget_security_groups()
    found = await groups.read(await groups.that_admit([id_]), age_seconds=-1)
    for group in found.values():
        rules = [each for each in group.permissions if each.security_group == id_]
        await groups.revoke(group.id, rules, work.permit)


async def _read(work: Work, group: SecurityGroup) -> SecurityGroup:
    items = await work.door.reading.security_groups({"group-id": group.id})
    if not items:
        raise NotFound(f"{group.id}: no such security group", code="InvalidGroup.NotFound")
    return security_group_from_api(items[0])


def _with_id(work: Work, permission: Permission) -> Permission:
    if not permission.security_group:
        return permission
    return replace(permission, security_group=work.security_group_id(permission.security_group))


def _without(permissions: Iterable[Permission], others: Iterable[Permission]) -> tuple[Permission, ...]:
    """Those that the others do not let in too, whatever is said about them."""
    known = {replace(each, description="") for each in others}
    return tuple(each for each in permissions if replace(each, description="") not in known)
