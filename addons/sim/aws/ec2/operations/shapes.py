"""How records look in answers."""

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Any

from addons.sim.aws.ec2.account import OWNER, REGION, Account
from addons.sim.aws.ec2.model import (
    GroupRule,
    Instance,
    Interface,
    RouteTable,
    SecurityGroup,
    Subnet,
    Tags,
    Vpc,
)

Shape = dict[str, Any]

_STATE_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48}
_TARGET_FIELDS = {
    "igw": "GatewayId",
    "vgw": "GatewayId",
    "nat": "NatGatewayId",
    "tgw": "TransitGatewayId",
    "pcx": "VpcPeeringConnectionId",
    "eni": "NetworkInterfaceId",
    "local": "GatewayId",
}

_TO_ANYWHERE = GroupRule("", "-1", -1, -1, "0.0.0.0/0")


def tag_items(tags: Tags) -> list[Shape]:
    """Give tags."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def address_items(addresses: Iterable[IPv4Address]) -> list[Shape]:
    """Give the addresses of an interface, the primary one first."""
    return [
        {"Primary": not number, "PrivateDnsName": dns_name(address), "PrivateIpAddress": address}
        for number, address in enumerate(addresses)
    ]


def dns_name(address: IPv4Address) -> str:
    """Give the private name of an address."""
    return f"ip-{str(address).replace('.', '-')}.{REGION}.compute.internal"


def _group_items(account: Account, ids: Iterable[str]) -> list[Shape]:
    return [{"GroupId": id_, "GroupName": account.security_groups[id_].name} for id_ in ids]


def interface_shape(account: Account, eni: Interface) -> Shape:
    """Give a NetworkInterface."""
    return _about_interface(account, eni) | {
        "Attachment": _attachment_shape(eni),
        "AvailabilityZone": eni.zone,
        "RequesterId": eni.requester or None,
        "RequesterManaged": bool(eni.requester),
        "TagSet": tag_items(eni.tags),
    }


def _about_interface(account: Account, eni: Interface) -> Shape:
    return {
        "Description": eni.description,
        "Groups": _group_items(account, eni.groups),
        "InterfaceType": "interface",
        "Ipv6Addresses": [],
        "MacAddress": eni.mac,
        "NetworkInterfaceId": eni.id,
        "OwnerId": OWNER,
        "PrivateDnsName": dns_name(eni.addresses[0]),
        "PrivateIpAddress": eni.addresses[0],
        "PrivateIpAddresses": address_items(eni.addresses),
        "Ipv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in eni.prefixes] or None,
        "SourceDestCheck": eni.source_dest_check,
        "Status": eni.status,
        "SubnetId": eni.subnet_id,
        "VpcId": eni.vpc_id,
    }


def _attachment_shape(eni: Interface) -> Shape | None:
    tie = eni.attachment
    if tie is None:
        return None
    return _about_attachment(eni) | {"InstanceId": tie.instance_id, "InstanceOwnerId": OWNER}


def _about_attachment(eni: Interface) -> Shape:
    tie = eni.attachment
    assert tie is not None
    return {
        "AttachTime": tie.since,
        "AttachmentId": tie.id,
        "DeleteOnTermination": tie.delete_on_termination,
        "DeviceIndex": tie.device_index,
        "NetworkCardIndex": tie.card_index,
        "Status": tie.status,
    }


def instance_shape(account: Account, instance: Instance, interfaces: list[Interface]) -> Shape:
    """Give an Instance with the interfaces that are tied to it."""
    primary = next((eni for eni in interfaces if eni.attachment and not eni.attachment.device_index), None)
    shape = {
        "AmiLaunchIndex": 0,
        "Architecture": "x86_64",
        "ImageId": instance.image_id,
        "InstanceId": instance.id,
        "InstanceLifecycle": "spot" if instance.is_spot else None,
        "InstanceType": instance.type,
        "LaunchTime": instance.launched_at,
        "NetworkInterfaces": [
            _about_interface(account, eni) | {"Attachment": _about_attachment(eni)} for eni in interfaces
        ],
        "Placement": {"AvailabilityZone": instance.zone, "Tenancy": "default"},
        "State": state_shape(instance),
        "Tags": tag_items(instance.tags),
    }
    if primary is None:
        return shape
    return shape | {
        "PrivateDnsName": dns_name(primary.addresses[0]),
        "PrivateIpAddress": primary.addresses[0],
        "SecurityGroups": _group_items(account, primary.groups),
        "SourceDestCheck": primary.source_dest_check,
        "SubnetId": instance.subnet_id,
        "VpcId": instance.vpc_id,
    }


def state_shape(instance: Instance) -> Shape:
    """Give an InstanceState."""
    return {"Code": _STATE_CODES[instance.state], "Name": instance.state}


def zone_id(zone: str) -> str:
    """Give the id of a zone, which means the same in every account."""
    return f"euc1-az{ord(zone[-1]) - 95}"


def subnet_shape(account: Account, subnet: Subnet) -> Shape:
    """Give a Subnet with the addresses that are left."""
    return {
        "AvailabilityZone": subnet.zone,
        "AvailabilityZoneId": zone_id(subnet.zone),
        "AvailableIpAddressCount": account.spaces[subnet.id].free,
        "CidrBlock": subnet.cidr,
        "AssignIpv6AddressOnCreation": False,
        "DefaultForAz": False,
        "Ipv6CidrBlockAssociationSet": _ipv6_items(subnet),
        "MapPublicIpOnLaunch": False,
        "OwnerId": OWNER,
        "State": "available",
        "SubnetId": subnet.id,
        "SubnetArn": f"arn:aws:ec2:{REGION}:{OWNER}:subnet/{subnet.id}",
        "Tags": tag_items(subnet.tags),
        "VpcId": subnet.vpc_id,
    }


def _ipv6_items(thing: Subnet | Vpc) -> list[Shape]:
    if thing.ipv6_cidr is None:
        return []
    kind, _, digits = thing.id.partition("-")
    item: Shape = {
        "AssociationId": f"{kind}-cidr-assoc-{digits[:17]}",
        "Ipv6CidrBlock": thing.ipv6_cidr,
        "Ipv6CidrBlockState": {"State": "associated"},
    }
    return [item]


def vpc_shape(vpc: Vpc) -> Shape:
    """Give a Vpc with all its blocks."""
    blocks = [
        {
            "AssociationId": f"vpc-cidr-assoc-{vpc.id.removeprefix('vpc-')[:15]}{number:02x}",
            "CidrBlock": cidr,
            "CidrBlockState": {"State": "associated"},
        }
        for number, cidr in enumerate(vpc.cidrs)
    ]
    return {
        "CidrBlock": vpc.cidrs[0],
        "CidrBlockAssociationSet": blocks,
        "DhcpOptionsId": "dopt-0123456789abcdef0",
        "InstanceTenancy": "default",
        "Ipv6CidrBlockAssociationSet": _ipv6_items(vpc),
        "IsDefault": False,
        "OwnerId": OWNER,
        "State": "available",
        "Tags": tag_items(vpc.tags),
        "VpcId": vpc.id,
    }


def route_table_shape(table: RouteTable) -> Shape:
    """Give a RouteTable with routes and associations."""
    return {
        "Associations": [_association(table, subnet) for subnet in _associated(table)],
        "OwnerId": OWNER,
        "PropagatingVgws": [],
        "RouteTableId": table.id,
        "Routes": [_route(destination, target) for destination, target in table.routes.items()],
        "Tags": tag_items(table.tags),
        "VpcId": table.vpc_id,
    }


def _associated(table: RouteTable) -> list[str]:
    return [*([""] if table.is_main else []), *table.subnets]


def association_id(table: RouteTable, subnet_id: str) -> str:
    """Give the id of the tie of a table and a subnet, "" for that of a main table."""
    return f"rtbassoc-{(subnet_id or table.id).rpartition('-')[2]}"


def _association(table: RouteTable, subnet_id: str) -> Shape:
    return {
        "Main": not subnet_id,
        "RouteTableAssociationId": association_id(table, subnet_id),
        "RouteTableId": table.id,
        "SubnetId": subnet_id or None,
        "AssociationState": {"State": "associated"},
    }


def _route(destination: str, target: str) -> Shape:
    kind = "DestinationPrefixListId" if destination.startswith("pl-") else "DestinationCidrBlock"
    return {
        kind: destination,
        _TARGET_FIELDS[target.partition("-")[0]]: target,
        "Origin": "CreateRouteTable" if target == "local" else "CreateRoute",
        "State": "active",
    }


def permission_items(rules: Iterable[GroupRule]) -> list[Shape]:
    """Give IpPermissions: the sources of one protocol and range of ports together."""
    found: dict[tuple[str, int, int], Shape] = {}
    for rule in rules:
        empty: Shape = {"IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
        ports = {"FromPort": rule.from_port, "ToPort": rule.to_port} if rule.protocol != "-1" else {}
        key = (rule.protocol, rule.from_port, rule.to_port)
        item = found.setdefault(key, {"IpProtocol": rule.protocol, **ports, **empty})
        kind, name = source_kind(rule.source)
        owner = {"UserId": OWNER} if kind == "UserIdGroupPairs" else {}
        item[kind].append({name: rule.source, "Description": rule.description or None, **owner})
    return list(found.values())


def source_kind(source: str) -> tuple[str, str]:
    """Give the list of IpPermissions where a source belongs, and its name there."""
    if source.startswith("sg-"):
        return "UserIdGroupPairs", "GroupId"
    if source.startswith("pl-"):
        return "PrefixListIds", "PrefixListId"
    return ("Ipv6Ranges", "CidrIpv6") if ":" in source else ("IpRanges", "CidrIp")


def group_rule_shape(group: SecurityGroup, rule: GroupRule) -> Shape:
    """Give a SecurityGroupRule."""
    kind, name = source_kind(rule.source)
    reference = {"GroupId": rule.source, "UserId": OWNER}
    name = "CidrIpv4" if name == "CidrIp" else name
    source = {"ReferencedGroupInfo": reference} if kind == "UserIdGroupPairs" else {name: rule.source}
    return {
        "Description": rule.description or None,
        "FromPort": rule.from_port,
        "GroupId": group.id,
        "GroupOwnerId": OWNER,
        "IpProtocol": rule.protocol,
        "IsEgress": False,
        "SecurityGroupRuleId": rule.id,
        "ToPort": rule.to_port,
        **source,
    }


def security_group_shape(group: SecurityGroup) -> Shape:
    """Give a SecurityGroup."""
    return {
        "Description": group.description,
        "GroupId": group.id,
        "GroupName": group.name,
        "IpPermissions": permission_items(group.rules),
        "IpPermissionsEgress": permission_items([_TO_ANYWHERE]),
        "SecurityGroupArn": f"arn:aws:ec2:{REGION}:{OWNER}:security-group/{group.id}",
        "OwnerId": OWNER,
        "Tags": tag_items(group.tags),
        "VpcId": group.vpc_id,
    }
