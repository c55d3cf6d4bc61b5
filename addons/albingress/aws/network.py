"""The network of the cluster: its VPC, subnets, and security groups by the names that annotations use."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from addons.albingress.aws.remembered import Remembered
from addons.albingress.aws.translate.balancers import pairs_from_api
from addons.albingress.aws.translate.permissions import security_group_from_api
from addons.albingress.model.elb import SecurityGroup
from addons.albingress.model.network import Subnet, Vpc
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Invalid, NotFound, Throttled
from addons.runtime.imds import PassingMetadata
from addons.runtime.waiting import persistently

Item = Mapping[str, Any]

_VPC_SECONDS = 600.0
_SUBNET_SECONDS = 30.0
_GROUP_SECONDS = 60.0
_ALL_GROUPS_SECONDS = 30.0
_MOST_VALUES = 200
_NAME = "tag:Name"


class Network:
    """Reads the VPC: the one of `vpc_id`, else the one with `tags`, else that of this machine.

    Answers are remembered for a while, and nothing is read before somebody asks. All raise OutsideError.
    """

    def __init__(
        self,
        aws: AwsSession,
        *,
        vpc_id: str = "",
        tags: Mapping[str, str] | None = None,
        metadata: PassingMetadata | None = None,
    ) -> None:
        self._aws = aws
        self._vpc_id = vpc_id
        self._tags = dict(tags or {})
        self._metadata = metadata
        self._vpcs: Remembered[str, Vpc] = Remembered(_VPC_SECONDS)
        self._subnets: Remembered[bool, tuple[Subnet, ...]] = Remembered(_SUBNET_SECONDS)
        self._zones: Remembered[str, Mapping[str, str]] = Remembered(float("inf"))
        self._all_groups: Remembered[str, tuple[SecurityGroup, ...]] = Remembered(_ALL_GROUPS_SECONDS)
        self._groups: Remembered[tuple[str, ...], Mapping[str, tuple[str, ...]]] = Remembered(_GROUP_SECONDS)

    async def vpc_id(self) -> str:
        """The id of the VPC, looked for until it is found and then never again. NotFound: there is none."""
        if not self._vpc_id:
            self._vpc_id = await (self._tagged_vpc() if self._tags else self._own_vpc())
        return self._vpc_id

    async def vpc(self) -> Vpc:
        """The VPC with its ranges of addresses."""
        vpc_id = await self.vpc_id()
        return await self._vpcs.get(vpc_id, lambda: self._read_vpc(vpc_id))

    async def read_vpc(self) -> Vpc:
        """The VPC with its ranges as they are now."""
        vpc_id = await self.vpc_id()
        found = await self._read_vpc(vpc_id)
        self._vpcs.put(vpc_id, found)
        return found

    def vpc_age(self) -> float:
        """Seconds since the VPC was read last."""
        return self._vpcs.age(self._vpc_id)

    def known_vpc(self) -> Vpc | None:
        """The VPC as it was read last; None before that."""
        return self._vpcs.latest(self._vpc_id)

    async def subnets(self, *, with_routes: bool = False) -> tuple[Subnet, ...]:
        """The subnets of the VPC, by id; whether they are public is told `with_routes` only."""
        return await self._subnets.get(with_routes, lambda: self._read_subnets(with_routes=with_routes))

    async def security_groups(self, texts: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """The ids of the VPC's security groups by id or by their tag Name; none for one that is not there."""
        if not texts:
            return {}
        wanted = tuple(sorted(set(texts)))
        return await self._groups.get(wanted, lambda: self._find_groups(wanted))

    async def all_security_groups(self) -> tuple[SecurityGroup, ...]:
        """Every security group of the VPC with what it lets in."""
        return await self._all_groups.get("", self._read_groups)

    def forget_security_groups(self) -> None:
        """Have all security groups read again: one of them has changed."""
        self._all_groups.forget()

    def forget(self) -> None:
        """Have everything but the id of the VPC read again."""
        for kept in (self._vpcs, self._subnets, self._groups, self._all_groups):
            kept.forget()

    async def _own_vpc(self) -> str:
        if self._metadata is None:
            raise Invalid("the VPC is not known: set --aws-vpc-id or --aws-vpc-tags", code="VpcUnknown")
        mac = await self._metadata.read("mac")
        found = await self._metadata.read(f"network/interfaces/macs/{mac}/vpc-id") if mac else None
        if not found:
            message = "the VPC is not known: the metadata service does not have it, set --aws-vpc-id"
            raise NotFound(message, code="VpcUnknown")
        return found

    async def _tagged_vpc(self) -> str:
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in sorted(self._tags.items())]
        found = (await self._aws.call("ec2", "describe_vpcs", Filters=filters))["Vpcs"]
        if len(found) != 1:
            raise NotFound(f"--aws-vpc-tags: {len(found)} VPCs have these tags, not one", code="VpcUnknown")
        return str(found[0]["VpcId"])

    async def _read_vpc(self, vpc_id: str) -> Vpc:
        found = (await self._aws.call("ec2", "describe_vpcs", VpcIds=[vpc_id]))["Vpcs"]
        if not found:
            raise NotFound(f"{vpc_id}: no such VPC", code="InvalidVpcID.NotFound")
        item = found[0]
        return Vpc(
            id=vpc_id,
            cidrs=tuple(dict.fromkeys((item["CidrBlock"], *_blocks(item, "Cidr")))),
            ipv6_cidrs=tuple(_blocks(item, "Ipv6Cidr")),
        )

    async def _read_subnets(self, *, with_routes: bool) -> tuple[Subnet, ...]:
        items = await self._list("describe_subnets", "Subnets")
        zones = await self._zones.get("all", self._zone_types)
        found = [_subnet(item, zones) for item in items if item.get("State", "available") == "available"]
        if with_routes:
            public = await self._public()
            found = [replace(each, is_public=public.get(each.id, public[""])) for each in found]
        return tuple(sorted(found, key=lambda subnet: subnet.id))

    async def _public(self) -> Mapping[str, bool]:
        """Whether a subnet's own route table leads to an internet gateway; at "" that of the main one."""
        found = {"": False}
        for table in await self._list("describe_route_tables", "RouteTables"):
            leads_out = any((route.get("GatewayId") or "").startswith("igw-") for route in table["Routes"])
            for association in table.get("Associations") or ():
                found["" if association.get("Main") else association.get("SubnetId") or "-"] = leads_out
        return found

    async def _zone_types(self) -> Mapping[str, str]:
        reply = await self._aws.call("ec2", "describe_availability_zones")
        return {zone["ZoneName"]: zone.get("ZoneType", "") for zone in reply["AvailabilityZones"]}

    async def _read_groups(self) -> tuple[SecurityGroup, ...]:
        items = await persistently(
            partial(self._list, "describe_security_groups", "SecurityGroups"), Throttled
        )
        return tuple(map(security_group_from_api, items))

    async def _find_groups(self, texts: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
        ids = [text for text in texts if text.startswith("sg-")]
        names = [text for text in texts if not text.startswith("sg-")]
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, values in (("group-id", ids), (_NAME, names)):
            for item in await self._list("describe_security_groups", "SecurityGroups", {name: values}):
                said = dict(pairs_from_api(item.get("Tags"))).get("Name", "")
                found[item["GroupId"] if name == "group-id" else said].append(item["GroupId"])
        return {text: tuple(sorted(found[text])) for text in texts}

    async def _list(
        self, operation: str, field: str, wanted: Mapping[str, list[str]] | None = None
    ) -> list[Item]:
        """What there is of one kind in the VPC; nothing where one of no values is wanted."""
        if wanted and not all(wanted.values()):
            return []
        filters = [{"Name": "vpc-id", "Values": [await self.vpc_id()]}]
        filters += [
            {"Name": name, "Values": values[:_MOST_VALUES]} for name, values in (wanted or {}).items()
        ]
        return [
            item async for page in self._aws.pages("ec2", operation, Filters=filters) for item in page[field]
        ]


def _blocks(item: Item, kind: str) -> list[str]:
    """The ranges of a VPC or subnet that are in force, sorted."""
    associated = item.get(f"{kind}BlockAssociationSet") or ()
    return sorted(
        each[f"{kind}Block"]
        for each in associated
        if (each.get(f"{kind}BlockState") or {}).get("State") == "associated"
    )


def _subnet(item: Item, zones: Mapping[str, str]) -> Subnet:
    return Subnet(
        id=item["SubnetId"],
        zone=item["AvailabilityZone"],
        zone_type=zones.get(item["AvailabilityZone"]) or "availability-zone",
        free_addresses=item.get("AvailableIpAddressCount", 0),
        has_ipv6=bool(_blocks(item, "Ipv6Cidr")),
        outpost=item.get("OutpostArn") or "",
        tags=pairs_from_api(item.get("Tags")),
    )
