"""The operations that show what there is."""

from collections.abc import Callable, Mapping
from typing import Any

from addons.sim.aws.ec2.account import OWNER, REGION, Account
from addons.sim.aws.ec2.errors import invalid
from addons.sim.aws.ec2.filters import Values, choose, narrow, page
from addons.sim.aws.ec2.instance_types import description, descriptions
from addons.sim.aws.ec2.model import Attachment, Instance, Interface, RouteTable, SecurityGroup, Subnet, Vpc
from addons.sim.aws.ec2.operations import shapes
from addons.sim.aws.ec2.state import Ec2

Call = dict[str, Any]


def _of_attachment(value: Callable[[Attachment], object]) -> Values[Interface]:
    return lambda eni: [value(eni.attachment)] if eni.attachment else []


_INTERFACE: Mapping[str, Values[Interface]] = {
    "addresses.primary": lambda eni: [not number for number in range(len(eni.addresses))],
    "addresses.private-ip-address": lambda eni: eni.addresses,
    "attachment.attach-time": _of_attachment(lambda tie: f"{tie.since:%Y-%m-%dT%H:%M:%S.000Z}"),
    "attachment.attachment-id": _of_attachment(lambda tie: tie.id),
    "attachment.delete-on-termination": _of_attachment(lambda tie: tie.delete_on_termination),
    "attachment.device-index": _of_attachment(lambda tie: tie.device_index),
    "attachment.instance-id": _of_attachment(lambda tie: tie.instance_id),
    "attachment.instance-owner-id": _of_attachment(lambda _: OWNER),
    "attachment.network-card-index": _of_attachment(lambda tie: tie.card_index),
    "attachment.status": lambda eni: [eni.attachment.status if eni.attachment else "detached"],
    "availability-zone": lambda eni: [eni.zone],
    "description": lambda eni: [eni.description],
    "group-id": lambda eni: eni.groups,
    "interface-type": lambda _: ["interface"],
    "mac-address": lambda eni: [eni.mac],
    "network-interface-id": lambda eni: [eni.id],
    "owner-id": lambda _: [OWNER],
    "private-dns-name": lambda eni: [shapes.dns_name(eni.addresses[0])],
    "private-ip-address": lambda eni: eni.addresses[:1],
    "requester-id": lambda eni: [eni.requester] if eni.requester else [],
    "requester-managed": lambda eni: [bool(eni.requester)],
    "source-dest-check": lambda eni: [eni.source_dest_check],
    "status": lambda eni: [eni.status],
    "subnet-id": lambda eni: [eni.subnet_id],
    "vpc-id": lambda eni: [eni.vpc_id],
}


def describe_network_interfaces(ec2: Ec2, call: Call) -> Call:
    """Show interfaces."""
    ids = call.get("NetworkInterfaceIds", ())
    there = ec2.account.interfaces.before(ec2.knobs.describe_lag_seconds)
    found = choose(there, "eni", ids, call.get("Filters", ()), _INTERFACE)
    shown, following = page(found, call, lambda eni: eni.id, ids=ids)
    items = [shapes.interface_shape(ec2.account, eni) for eni in shown]
    return {"NetworkInterfaces": items, "NextToken": following}


def _instance_filters(tied: Mapping[str, list[Interface]]) -> Mapping[str, Values[Instance]]:
    def interfaces(instance: Instance) -> list[Interface]:
        return tied.get(instance.id, [])

    return {
        "availability-zone": lambda instance: [instance.zone],
        "instance-id": lambda instance: [instance.id],
        "instance-lifecycle": lambda instance: ["spot"] if instance.is_spot else [],
        "instance-state-name": lambda instance: [instance.state],
        "instance-type": lambda instance: [instance.type],
        "network-interface.addresses.private-ip-address": lambda each: [
            address for eni in interfaces(each) for address in eni.addresses
        ],
        "network-interface.network-interface-id": lambda each: [eni.id for eni in interfaces(each)],
        "private-dns-name": lambda each: [shapes.dns_name(eni.addresses[0]) for eni in interfaces(each)[:1]],
        "private-ip-address": lambda each: [eni.addresses[0] for eni in interfaces(each)[:1]],
        "subnet-id": lambda instance: [instance.subnet_id],
        "vpc-id": lambda instance: [instance.vpc_id],
    }


def describe_instances(ec2: Ec2, call: Call) -> Call:
    """Show instances, each in a reservation of its own."""
    ids, lag = call.get("InstanceIds", ()), ec2.knobs.describe_lag_seconds
    there, tied = ec2.account.instances.before(lag), ec2.account.tied_interfaces(lag_seconds=lag)
    found = choose(there, "i", ids, call.get("Filters", ()), _instance_filters(tied))
    shown, following = page(found, call, lambda instance: instance.id, ids=ids)
    reservations = [
        {
            "ReservationId": f"r-{instance.id.removeprefix('i-')}",
            "OwnerId": OWNER,
            "Instances": [shapes.instance_shape(ec2.account, instance, tied.get(instance.id, []))],
        }
        for instance in shown
    ]
    return {"Reservations": reservations, "NextToken": following}


_TYPE: Mapping[str, Values[dict[str, Any]]] = {
    "bare-metal": lambda about: [about["BareMetal"]],
    "current-generation": lambda about: [about["CurrentGeneration"]],
    "hypervisor": lambda about: [about["Hypervisor"]] if "Hypervisor" in about else [],
    "instance-type": lambda about: [about["InstanceType"]],
    "processor-info.supported-architecture": lambda about: about["ProcessorInfo"]["SupportedArchitectures"],
}


def describe_instance_types(ec2: Ec2, call: Call) -> Call:
    """Show what types can do."""
    types = call.get("InstanceTypes", ())
    there = [description(type_) for type_ in types] if types else list(descriptions().values())
    found = narrow(there, call.get("Filters", ()), _TYPE)
    shown, following = page(found, call, lambda about: str(about["InstanceType"]), ids=types, largest=100)
    return {"InstanceTypes": shown, "NextToken": following}


def _subnet_filters(account: Account) -> Mapping[str, Values[Subnet]]:
    return {
        "availability-zone": lambda subnet: [subnet.zone],
        "availability-zone-id": lambda subnet: [shapes.zone_id(subnet.zone)],
        "available-ip-address-count": lambda subnet: [account.spaces[subnet.id].free],
        "cidr-block": lambda subnet: [subnet.cidr],
        "ipv6-cidr-block-association.ipv6-cidr-block": lambda each: (
            [each.ipv6_cidr] if each.ipv6_cidr else []
        ),
        "ipv6-cidr-block-association.state": lambda each: ["associated"] if each.ipv6_cidr else [],
        "state": lambda _: ["available"],
        "subnet-id": lambda subnet: [subnet.id],
        "vpc-id": lambda subnet: [subnet.vpc_id],
    }


def describe_subnets(ec2: Ec2, call: Call) -> Call:
    """Show subnets with the addresses that are left."""
    ids, filterable = call.get("SubnetIds", ()), _subnet_filters(ec2.account)
    found = choose(ec2.account.subnets, "subnet", ids, call.get("Filters", ()), filterable)
    shown, following = page(found, call, lambda subnet: subnet.id, ids=ids)
    return {
        "Subnets": [shapes.subnet_shape(ec2.account, subnet) for subnet in shown],
        "NextToken": following,
    }


_VPC: Mapping[str, Values[Vpc]] = {
    "cidr": lambda vpc: vpc.cidrs[:1],
    "cidr-block-association.cidr-block": lambda vpc: vpc.cidrs,
    "state": lambda _: ["available"],
    "vpc-id": lambda vpc: [vpc.id],
}


def describe_vpcs(ec2: Ec2, call: Call) -> Call:
    """Show VPCs with their blocks of addresses."""
    ids = call.get("VpcIds", ())
    found = choose(ec2.account.vpcs, "vpc", ids, call.get("Filters", ()), _VPC)
    shown, following = page(found, call, lambda vpc: vpc.id, ids=ids)
    return {"Vpcs": list(map(shapes.vpc_shape, shown)), "NextToken": following}


_ROUTE_TABLE: Mapping[str, Values[RouteTable]] = {
    "association.main": lambda table: [*([True] if table.is_main else []), *[False for _ in table.subnets]],
    "association.route-table-association-id": lambda table: [
        shapes.association_id(table, subnet) for subnet in table.subnets
    ],
    "association.route-table-id": lambda table: [table.id] if table.is_main or table.subnets else [],
    "association.subnet-id": lambda table: table.subnets,
    "route-table-id": lambda table: [table.id],
    "vpc-id": lambda table: [table.vpc_id],
}


def describe_route_tables(ec2: Ec2, call: Call) -> Call:
    """Show route tables."""
    ids = call.get("RouteTableIds", ())
    found = choose(ec2.account.route_tables, "rtb", ids, call.get("Filters", ()), _ROUTE_TABLE)
    shown, following = page(found, call, lambda table: table.id, ids=ids, largest=100)
    return {"RouteTables": list(map(shapes.route_table_shape, shown)), "NextToken": following}


_GROUP: Mapping[str, Values[SecurityGroup]] = {
    "description": lambda group: [group.description],
    "group-id": lambda group: [group.id],
    "group-name": lambda group: [group.name],
    "ip-permission.cidr": lambda group: [rule.source for rule in group.rules],
    "ip-permission.from-port": lambda group: [rule.from_port for rule in group.rules],
    "ip-permission.group-id": lambda group: [rule.source for rule in group.rules],
    "ip-permission.protocol": lambda group: [rule.protocol for rule in group.rules],
    "ip-permission.to-port": lambda group: [rule.to_port for rule in group.rules],
    "vpc-id": lambda group: [group.vpc_id],
}


def describe_security_groups(ec2: Ec2, call: Call) -> Call:
    """Show security groups."""
    ids = call.get("GroupIds", ())
    found = choose(ec2.account.security_groups, "sg", ids, call.get("Filters", ()), _GROUP)
    shown, following = page(found, call, lambda group: group.id, ids=ids)
    return {"SecurityGroups": list(map(shapes.security_group_shape, shown)), "NextToken": following}


def describe_availability_zones(ec2: Ec2, call: Call) -> Call:
    """Show the zones in which subnets are."""
    names = sorted({subnet.zone for subnet in ec2.account.subnets.values()})
    wanted = call.get("ZoneNames", names)
    if absent := [name for name in wanted if name not in names]:
        raise invalid(f"Invalid availability zone: [{absent[0]}]")
    ids = call.get("ZoneIds", ())
    items = [zone for zone in map(_zone_shape, wanted) if not ids or zone["ZoneId"] in ids]
    return {"AvailabilityZones": narrow(items, call.get("Filters", ()), _ZONE)}


def _zone_shape(name: str) -> Call:
    return {
        "ZoneName": name,
        "ZoneId": shapes.zone_id(name),
        "ZoneType": "availability-zone",
        "State": "available",
        "RegionName": REGION,
        "OptInStatus": "opt-in-not-required",
    }


_ZONE: Mapping[str, Values[Call]] = {
    "opt-in-status": lambda zone: [zone["OptInStatus"]],
    "region-name": lambda zone: [zone["RegionName"]],
    "state": lambda zone: [zone["State"]],
    "zone-id": lambda zone: [zone["ZoneId"]],
    "zone-name": lambda zone: [zone["ZoneName"]],
    "zone-type": lambda zone: [zone["ZoneType"]],
}
