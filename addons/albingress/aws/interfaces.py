"""Which security group stands before a node or a pod, and so takes the rules that let requests in."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from msgspec import Struct

from addons.albingress.aws.calls import chunks
from addons.albingress.aws.network import Network
from addons.albingress.aws.remembered import Remembered
from addons.albingress.aws.translate.balancers import pairs_from_api
from addons.albingress.names import TAG_KUBERNETES_CLUSTER
from addons.runtime.aws import AwsSession

Item = Mapping[str, Any]

_SECONDS = 600.0
_AGAIN_SECONDS = 5.0
_MOST_VALUES = 200
_PAGE = 1000
_IPV4 = "addresses.private-ip-address"
_IPV6 = "ipv6-addresses.ipv6-address"


class RuleGroups(Struct, frozen=True):
    """By target: the id of the security group that takes the rules, or in words why none does."""

    groups: Mapping[str, str]
    unknown: Mapping[str, str]


class _Interface(Struct, frozen=True):
    """An interface with what it answers to; `is_first` is that of an instance itself."""

    id: str
    groups: tuple[str, ...]
    addresses: frozenset[str]
    prefixes: tuple[IPv4Network | IPv6Network, ...]
    is_first: bool

    def has(self, address: str) -> bool:
        """Whether an address is one of its own, or of a block of its own."""
        return address in self.addresses or any(ip_address(address) in block for block in self.prefixes)


class Interfaces:
    """Finds the interfaces of nodes and pods, many with one call, and remembers them for a while."""

    def __init__(self, aws: AwsSession, network: Network, *, cluster: str) -> None:
        self._aws = aws
        self._network = network
        self._cluster_tag = f"{TAG_KUBERNETES_CLUSTER}{cluster}"
        self._nodes: Remembered[str, tuple[_Interface, ...]] = Remembered(_SECONDS)
        self._asked: Remembered[str, bool] = Remembered(_AGAIN_SECONDS)
        self._addresses: Remembered[str, _Interface] = Remembered(_SECONDS)
        self._is_tagged: Remembered[str, bool] = Remembered(_SECONDS)
        self._one_by_one = asyncio.Lock()

    async def rule_groups(self, targets: Mapping[str, str]) -> RuleGroups:
        """The security groups of targets, which are instances, or addresses with the instance they are on.

        The instance of an address is "" where it is not known. Of an interface with several groups it is the
        one with the tag kubernetes.io/cluster/<name>. Addresses outside of the VPC are left out. Raises
        OutsideError.
        """
        placed = {
            target: target if target.startswith("i-") else node
            for target, node in targets.items()
            if not self._is_outside(target)
        }
        async with self._one_by_one:
            await self._read_nodes(node for target, node in placed.items() if not self._find(target, node))
            lost = [target for target, node in placed.items() if not self._find(target, node)]
            await self._read_addresses(target for target in lost if not target.startswith("i-"))
            found = {target: self._find(target, node) for target, node in placed.items()}
            await self._read_tags(each.groups for each in found.values() if each and len(each.groups) > 1)
            if not all(found.values()):
                await self._network.vpc()
        groups, unknown = dict[str, str](), dict[str, str]()
        for target, interface in found.items():
            if not interface and self._is_outside(target):
                continue
            chosen = self._chosen(interface) if interface else ()
            if len(chosen) == 1:
                groups[target] = chosen[0]
            else:
                unknown[target] = self._why_not(interface, chosen)
        return RuleGroups(groups, unknown)

    def forget(self) -> None:
        """Have everything read again."""
        for kept in (self._nodes, self._addresses, self._asked, self._is_tagged):
            kept.forget()

    def _is_outside(self, target: str) -> bool:
        """Whether a target is known to be outside of the VPC."""
        vpc = self._network.known_vpc()
        return vpc is not None and not target.startswith("i-") and not vpc.has(target)

    def _find(self, target: str, node: str) -> _Interface | None:
        of_node = self._nodes.known(node) or ()
        if target == node:
            return next((each for each in of_node if each.is_first), None)
        found = (each for each in of_node if each.has(target))
        return next(found, None) or self._addresses.known(target)

    async def _read_nodes(self, nodes: Iterable[str]) -> None:
        """Read the interfaces of instances, but of those that were read just now."""
        wanted = sorted({node for node in nodes if node and not self._asked.known(node)})
        for part in chunks(wanted, _MOST_VALUES):
            found: dict[str, list[_Interface]] = {node: [] for node in part}
            for item in await self._list("attachment.instance-id", part):
                found[item["Attachment"]["InstanceId"]].append(_interface(item))
            for node, interfaces in found.items():
                self._nodes.put(node, tuple(interfaces))
                self._asked.put(node, answer=True)

    async def _read_addresses(self, addresses: Iterable[str]) -> None:
        """Read the interfaces that have addresses of their own, but of those that were asked for just now."""
        wanted = sorted({each for each in addresses if not self._asked.known(each)})
        for is_ipv6, name in ((False, _IPV4), (True, _IPV6)):
            some = [each for each in wanted if (":" in each) == is_ipv6]
            for part in chunks(some, _MOST_VALUES):
                interfaces = [_interface(item) for item in await self._list(name, part)]
                for address in part:
                    self._asked.put(address, answer=True)
                    for each in interfaces:
                        if each.has(address):
                            self._addresses.put(address, each)

    async def _read_tags(self, groups: Iterable[Collection[str]]) -> None:
        """Learn which security groups have the tag of the cluster."""
        wanted = sorted({id_ for ids in groups for id_ in ids if self._is_tagged.known(id_) is None})
        for part in chunks(wanted, _MOST_VALUES):
            filters = [{"Name": "group-id", "Values": part}]
            pages = self._aws.pages("ec2", "describe_security_groups", Filters=filters)
            tags = {
                item["GroupId"]: item.get("Tags") async for page in pages for item in page["SecurityGroups"]
            }
            for id_ in part:
                self._is_tagged.put(id_, self._cluster_tag in dict(pairs_from_api(tags.get(id_))))

    async def _list(self, name: str, values: Collection[str]) -> list[Item]:
        filters = [
            {"Name": "vpc-id", "Values": [await self._network.vpc_id()]},
            {"Name": name, "Values": list(values)},
        ]
        pages = self._aws.pages("ec2", "describe_network_interfaces", Filters=filters, MaxResults=_PAGE)
        return [item async for page in pages for item in page["NetworkInterfaces"]]

    def _chosen(self, interface: _Interface) -> tuple[str, ...]:
        if len(interface.groups) == 1:
            return interface.groups
        return tuple(id_ for id_ in interface.groups if self._is_tagged.known(id_))

    def _why_not(self, interface: _Interface | None, chosen: Collection[str]) -> str:
        if interface is None:
            return "no interface of the VPC has it, so no security group is opened for it"
        return (
            f"{len(chosen)} of the {len(interface.groups)} security groups of {interface.id} have "
            f"the tag {self._cluster_tag}, and one must have it to be opened"
        )


def _interface(item: Item) -> _Interface:
    addresses = {each["PrivateIpAddress"] for each in item.get("PrivateIpAddresses") or ()}
    addresses |= {each["Ipv6Address"] for each in item.get("Ipv6Addresses") or ()}
    blocks = [each["Ipv4Prefix"] for each in item.get("Ipv4Prefixes") or ()]
    blocks += [each["Ipv6Prefix"] for each in item.get("Ipv6Prefixes") or ()]
    attachment = item.get("Attachment") or {}
    return _Interface(
        id=item["NetworkInterfaceId"],
        groups=tuple(sorted(group["GroupId"] for group in item.get("Groups") or ())),
        addresses=frozenset(addresses),
        prefixes=tuple(map(ip_network, blocks)),
        is_first=attachment.get("DeviceIndex") == 0 and not attachment.get("NetworkCardIndex"),
    )
