"""The VPC of the node: its blocks of addresses, and where each subnet sends what leaves it."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from ipaddress import IPv4Network

from addons.cni.aws.calls import filters
from addons.cni.aws.described import Item, vpc_cidrs_from_api
from addons.cni.model.routes import Route, RouteTarget
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Denied, NotFound

log = logging.getLogger(__name__)

_TARGETS: Sequence[tuple[str, RouteTarget]] = (
    ("local", "local"),
    ("igw-", "internet-gateway"),
    ("cagw-", "internet-gateway"),  # of a carrier; it, too, needs an address of its own
    ("nat-", "nat-gateway"),
    ("tgw-", "transit-gateway"),
    ("pcx-", "peering"),
    ("vgw-", "vpn-gateway"),
    ("vpce-", "endpoint"),
    ("eni-", "interface"),
)
"""What the id of a gateway begins with, and what it is then; any other is `other`."""

_NAMED_IN = (
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "CarrierGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
    "GatewayId",
)


class Vpc:
    """Reads one VPC. Nothing is kept: whoever asks decides how often."""

    def __init__(self, aws: AwsSession, vpc_id: str) -> None:
        self._aws = aws
        self._vpc_id = vpc_id

    async def cidrs(self) -> tuple[IPv4Network, ...]:
        """Its blocks of addresses, the first one first. Raises OutsideError."""
        reply = await self._aws.call("ec2", "describe_vpcs", VpcIds=[self._vpc_id])
        if not reply["Vpcs"]:
            raise NotFound(f"{self._vpc_id}: no such VPC", code="InvalidVpcID.NotFound")
        return vpc_cidrs_from_api(reply["Vpcs"][0])

    async def routes(self, subnet_ids: Collection[str]) -> Mapping[str, tuple[Route, ...]]:
        """The routes of IPv4 of each subnet: of its own table, or else of the VPC's main one.

        Raises OutsideError.
        """
        tables = await self._tables({"association.subnet-id": sorted(subnet_ids)})
        own = {subnet_id: table for table in tables for subnet_id in _subnets_of(table)}
        main: Sequence[Item] = ()
        if not own.keys() >= set(subnet_ids):
            main = await self._tables({"vpc-id": self._vpc_id, "association.main": "true"})
        lists = await self._prefix_lists([*tables, *main])
        empty: Item = {"Routes": ()}
        fallback = main[0] if main else empty
        return {subnet_id: tuple(_routes(own.get(subnet_id, fallback), lists)) for subnet_id in subnet_ids}

    async def _tables(self, wanted: Mapping[str, str | list[str]]) -> list[Item]:
        pages = self._aws.pages("ec2", "describe_route_tables", Filters=filters(wanted))
        return [table async for page in pages for table in page["RouteTables"]]

    async def _prefix_lists(self, tables: Iterable[Item]) -> Mapping[str, tuple[IPv4Network, ...]]:
        ids = {
            route["DestinationPrefixListId"]
            for table in tables
            for route in table["Routes"]
            if "DestinationPrefixListId" in route
        }
        return {list_id: await self._networks_of(list_id) for list_id in sorted(ids)}

    async def _networks_of(self, list_id: str) -> tuple[IPv4Network, ...]:
        """The networks of a prefix list; none when it is gone, or may not be read."""
        pages = self._aws.pages("ec2", "get_managed_prefix_list_entries", PrefixListId=list_id)
        try:
            entries = [entry["Cidr"] async for page in pages for entry in page["Entries"]]
        except (Denied, NotFound) as error:
            log.warning("%s: routes to this prefix list do not count: %s", list_id, error.message)
            return ()
        return tuple(IPv4Network(cidr) for cidr in entries if ":" not in cidr)


def _subnets_of(table: Item) -> list[str]:
    return [each["SubnetId"] for each in table.get("Associations", ()) if "SubnetId" in each]


def _routes(table: Item, lists: Mapping[str, tuple[IPv4Network, ...]]) -> Iterable[Route]:
    for route in table["Routes"]:
        target_id = next((route[name] for name in _NAMED_IN if route.get(name)), "")
        list_id = route.get("DestinationPrefixListId", "")
        cidr = route.get("DestinationCidrBlock")
        for destination in (IPv4Network(cidr),) if cidr else lists.get(list_id, ()):
            yield Route(
                destination=destination,
                target=next((kind for start, kind in _TARGETS if target_id.startswith(start)), "other"),
                target_id=target_id,
                is_blackhole=route.get("State") == "blackhole",
                prefix_list=list_id,
            )
