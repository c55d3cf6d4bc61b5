"""The security groups of nodes and pods: which one counts for a target, and what it lets in."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final

from msgspec import Struct

from addons.albingress.aws.calls import chunks
from addons.albingress.aws.network import Network
from addons.albingress.aws.translate.permissions import permissions_to_api, security_group_from_api
from addons.albingress.model.elb import SecurityGroup
from addons.albingress.model.network import Vpc
from addons.albingress.model.stack import Permission
from addons.albingress.names import SHARED_RULE_DESCRIPTION, TAG_KUBERNETES_CLUSTER
from addons.runtime.aws import AwsSession
from addons.runtime.errors import AlreadyExists, NotFound
from addons.runtime.permit import Permit

Item = Mapping[str, Any]

_MOST_VALUES: Final = 200
"""Of one filter."""


class _Interface(Struct, frozen=True, kw_only=True):
    """A network interface: addresses and prefixes that belong to it, and its security groups."""

    instance: str
    is_primary: bool
    addresses: frozenset[str]
    prefixes: tuple[str, ...]
    groups: tuple[str, ...]

    def has(self, target: str) -> bool:
        """Whether the interface is a target's: of an instance the primary one."""
        if target.startswith("i-"):
            return self.is_primary and self.instance == target
        if target in self.addresses:
            return True
        return any(ip_address(target) in ip_network(prefix) for prefix in self.prefixes)


class EndpointGroups:
    """Reads and changes the security groups of targets. All raise OutsideError."""

    def __init__(self, aws: AwsSession, network: Network, *, cluster: str) -> None:
        self._aws = aws
        self._network = network
        self._tag = f"{TAG_KUBERNETES_CLUSTER}{cluster}"

    async def groups_of(self, hosts: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """The security group of each target, and why that of some cannot be told.

        `hosts` has the instance that a target is on, "" where it is not known: then its interface is found by
        the address. Prefixes of an interface are found by its instance alone. What is outside of the VPC has
        no group and is left out of both.
        """
        vpc = await self._network.vpc()
        interfaces = await self._interfaces(hosts)
        # Pods with security groups of their own have interfaces that are attached to no instance.
        elsewhere = {each: "" for each, host in hosts.items() if host and not _found(each, interfaces)}
        interfaces += await self._interfaces(elsewhere)
        groups = {each for one in interfaces for each in one.groups}
        marked = {each.id for each in await self._described(groups) if self._tag in dict(each.tags)}
        found: dict[str, str] = {}
        lost: dict[str, str] = {}
        for target in hosts:
            its = _found(target, interfaces)
            if not its:
                if target.startswith("i-") or _is_inside(target, vpc):
                    lost[target] = "no network interface has it"
                continue
            chosen = its if len(its) == 1 else tuple(each for each in its if each in marked)
            if len(chosen) == 1:
                found[target] = chosen[0]
            else:
                said = f"{len(chosen)} of {', '.join(its)} are tagged {self._tag}, one should be"
                lost[target] = said
        return found, lost

    async def that_admit(self, sources: Iterable[str]) -> tuple[str, ...]:
        """The groups of the VPC with rules of ours that let something in from these security groups."""
        wanted = sorted(set(sources))
        items = await self._groups("ip-permission.group-id", wanted) if wanted else []
        found = map(security_group_from_api, items)
        return tuple(sorted(each.id for each in found if any(map(_is_ours, each.permissions))))

    async def permissions(self, group: str) -> tuple[Permission, ...]:
        """What a security group lets in now; nothing where it is gone."""
        return tuple(each for found in await self._described({group}) for each in found.permissions)

    async def authorize(self, group: str, permissions: Iterable[Permission], permit: Permit) -> None:
        """Have a group let these in, one by one where some are there already. Exhausted: it is full."""
        wanted = tuple(permissions)
        try:
            await self._change("authorize_security_group_ingress", group, wanted, permit)
        except AlreadyExists:
            if len(wanted) == 1:
                return
            for each in wanted:
                await self.authorize(group, (each,), permit)

    async def revoke(self, group: str, permissions: Iterable[Permission], permit: Permit) -> None:
        """Have a group let these in no more."""
        wanted = tuple(permissions)
        try:
            await self._change("revoke_security_group_ingress", group, wanted, permit)
        except NotFound:
            for each in wanted if len(wanted) > 1 else ():
                await self.revoke(group, (each,), permit)

    async def _change(
        self, operation: str, group: str, permissions: tuple[Permission, ...], permit: Permit
    ) -> None:
        items = permissions_to_api(permissions)
        await self._aws.call("ec2", operation, permit=permit, GroupId=group, IpPermissions=items)

    async def _interfaces(self, hosts: Mapping[str, str]) -> list[_Interface]:
        instances = {target if target.startswith("i-") else host for target, host in hosts.items()} - {""}
        unhosted = [target for target, host in hosts.items() if not host and not target.startswith("i-")]
        four = [target for target in unhosted if ":" not in target]
        six = [target for target in unhosted if ":" in target]
        return [
            found
            for name, values in (
                ("attachment.instance-id", sorted(instances)),
                ("addresses.private-ip-address", four),
                ("ipv6-addresses.ipv6-address", six),
            )
            for part in chunks(values, _MOST_VALUES)
            for found in map(_interface, await self._list("describe_network_interfaces", name, part))
        ]

    async def _described(self, ids: Iterable[str]) -> list[SecurityGroup]:
        return [
            security_group_from_api(item)
            for part in chunks(sorted(ids), _MOST_VALUES)
            for item in await self._groups("group-id", part)
        ]

    async def _groups(self, name: str, values: Iterable[str]) -> list[Item]:
        return await self._list("describe_security_groups", name, values)

    async def _list(self, operation: str, name: str, values: Iterable[str]) -> list[Item]:
        field = {
            "describe_network_interfaces": "NetworkInterfaces",
            "describe_security_groups": "SecurityGroups",
        }[operation]
        vpc_id = await self._network.vpc_id()
        filters = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": name, "Values": list(values)}]
        return [
            item async for page in self._aws.pages("ec2", operation, Filters=filters) for item in page[field]
        ]


def _found(target: str, interfaces: Iterable[_Interface]) -> tuple[str, ...]:
    """The security groups of a target's interface; none where there is no such interface."""
    return next((each.groups for each in interfaces if each.has(target)), ())


def _interface(item: Item) -> _Interface:
    attachment = item.get("Attachment") or {}
    return _Interface(
        instance=attachment.get("InstanceId") or "",
        is_primary=attachment.get("DeviceIndex") == 0,
        addresses=frozenset(_addresses(item)),
        prefixes=tuple(
            each[name]
            for part, name in (("Ipv4Prefixes", "Ipv4Prefix"), ("Ipv6Prefixes", "Ipv6Prefix"))
            for each in item.get(part) or ()
        ),
        groups=tuple(each["GroupId"] for each in item.get("Groups") or ()),
    )


def _addresses(item: Item) -> Iterator[str]:
    yield from (each["PrivateIpAddress"] for each in item.get("PrivateIpAddresses") or ())
    yield from (each["Ipv6Address"] for each in item.get("Ipv6Addresses") or ())


def _is_inside(target: str, vpc: Vpc) -> bool:
    return any(ip_address(target) in ip_network(cidr) for cidr in (*vpc.cidrs, *vpc.ipv6_cidrs))


def _is_ours(permission: Permission) -> bool:
    return permission.description == SHARED_RULE_DESCRIPTION
