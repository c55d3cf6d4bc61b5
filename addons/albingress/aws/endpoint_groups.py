"""The security groups of nodes and pods: what they let in, and the rules in them that are ours."""

from collections.abc import Collection, Iterable, Mapping

from addons.albingress.aws.calls import chunks
from addons.albingress.aws.network import Network
from addons.albingress.aws.remembered import Remembered
from addons.albingress.aws.translate.permissions import permissions_to_api, security_group_from_api
from addons.albingress.model.elb import SecurityGroup
from addons.albingress.model.stack import Permission
from addons.albingress.names import SHARED_RULE_DESCRIPTION
from addons.runtime.aws import AwsSession
from addons.runtime.errors import AlreadyExists, Invalid, NotFound, Unavailable
from addons.runtime.permit import Permit
from addons.runtime.waiting import persistently

_MOST_VALUES = 200
_TRIES = 3


class EndpointGroups:
    """Reads security groups once, and then keeps them in step with what is changed here.

    Only rules with our description are added or taken away. All raise OutsideError.
    """

    def __init__(self, aws: AwsSession, network: Network) -> None:
        self._aws = aws
        self._network = network
        self._known: Remembered[str, SecurityGroup] = Remembered(float("inf"))

    async def read(
        self, ids: Collection[str], *, age_seconds: float = float("inf")
    ) -> Mapping[str, SecurityGroup]:
        """The security groups with these ids that are there, as they were at most so long ago.

        With an age below zero they are as AWS has them now.
        """
        unknown = sorted(
            id_ for id_ in ids if self._known.known(id_) is None or self._known.age(id_) > age_seconds
        )
        for part in chunks(unknown, _MOST_VALUES):
            filters = [{"Name": "group-id", "Values": part}]
            pages = self._aws.pages("ec2", "describe_security_groups", Filters=filters)
            items = [item async for page in pages for item in page["SecurityGroups"]]
            for id_ in part:
                self._known.drop(id_)
            for group in map(security_group_from_api, items):
                self._known.put(group.id, group)
        return {id_: found for id_ in sorted(ids) if (found := self._known.known(id_))}

    async def that_admit(self, sources: Iterable[str]) -> tuple[str, ...]:
        """The groups with rules of ours that let something in from these security groups."""
        wanted = set(sources)
        found = [
            group
            for group in await self._network.all_security_groups()
            if any(
                each.description == SHARED_RULE_DESCRIPTION and each.security_group in wanted
                for each in group.permissions
            )
        ]
        for group in found:
            self._known.put(group.id, group)
        return tuple(sorted(group.id for group in found))

    async def authorize(self, id_: str, permissions: Iterable[Permission], permit: Permit) -> None:
        """Let more in; what is let in already stays, whoever said so. Exhausted: the group is full."""
        wanted = _described(permissions)
        try:
            await self._change("authorize_security_group_ingress", id_, wanted, permit)
        except AlreadyExists:
            present = {_bare(each) for each in await self._read_one(id_)}
            if missing := [each for each in wanted if _bare(each) not in present]:
                await self._change("authorize_security_group_ingress", id_, missing, permit)
                wanted = tuple(missing)
            else:
                return
        self._put(id_, (*self._permissions(id_), *wanted))

    async def revoke(self, id_: str, permissions: Iterable[Permission], permit: Permit) -> None:
        """Let these in no more. AWS tells no rules apart by what is said of them, so it is asked first."""
        unwanted = {_bare(each) for each in permissions}
        there = await self._read_one(id_)
        ours = [
            each for each in there if _bare(each) in unwanted and each.description == SHARED_RULE_DESCRIPTION
        ]
        if not ours:
            return
        try:
            await self._change("revoke_security_group_ingress", id_, ours, permit)
        except NotFound:
            if set(ours) & set(await self._read_one(id_)):
                raise
            return
        self._put(id_, (each for each in there if each not in ours))

    async def _change(
        self, operation: str, id_: str, permissions: Collection[Permission], permit: Permit
    ) -> None:
        items = permissions_to_api(permissions)

        async def once() -> None:
            await self._aws.call("ec2", operation, permit=permit, GroupId=id_, IpPermissions=items)

        await persistently(once, Unavailable, tries=_TRIES)

    async def _read_one(self, id_: str) -> tuple[Permission, ...]:
        found = await self.read([id_], age_seconds=-1)
        if id_ not in found:
            raise NotFound(f"{id_}: no such security group", code="InvalidGroup.NotFound")
        return found[id_].permissions

    def _permissions(self, id_: str) -> tuple[Permission, ...]:
        group = self._known.known(id_)
        return group.permissions if group else ()

    def _put(self, id_: str, permissions: Iterable[Permission]) -> None:
        self._network.forget_security_groups()
        if group := self._known.known(id_):
            new = SecurityGroup(
                id=id_, name=group.name, permissions=tuple(sorted(set(permissions))), tags=group.tags
            )
            self._known.put(id_, new)


def _described(permissions: Iterable[Permission]) -> tuple[Permission, ...]:
    wanted = tuple(sorted(set(permissions)))
    for each in wanted:
        if each.description != SHARED_RULE_DESCRIPTION:
            raise Invalid(f"a rule for port {each.port} lacks our description", code="NotOurs")
    return wanted


def _bare(permission: Permission) -> tuple[object, ...]:
    """A permission without what is said about it."""
    return (
        permission.protocol,
        permission.port,
        permission.to_port,
        permission.cidr,
        permission.prefix_list,
        permission.security_group,
    )
