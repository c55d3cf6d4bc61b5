"""What EC2 answers, as our values."""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from addons.cni.model.enis import Eni, Subnet
from addons.cni.names import CREATED_TAG, INSTANCE_TAG, NO_MANAGE_TAG
from addons.runtime.clock import parse_rfc3339

Item = Mapping[str, Any]
"""A part of an answer."""

_STAYS = ("attaching", "attached")


def tags_of(item: Item, name: str = "TagSet") -> dict[str, str]:
    """The tags of anything; EC2 calls them TagSet at interfaces and Tags elsewhere."""
    return {tag["Key"]: tag.get("Value", "") for tag in item.get(name, ())}


def eni_from_api(item: Item, subnet_cidr: IPv4Network, *, manages_untagged: bool) -> Eni:
    """Read an interface that is attached.

    Not ours are those that say so by a tag, of other network cards, of special types (EFA, trunk, branch),
    that belong to a service, or are being detached; without `manages_untagged`, too, those without our tag.
    """
    attachment, tags = item["Attachment"], tags_of(item)
    addresses = {IPv4Address(address["PrivateIpAddress"]) for address in item["PrivateIpAddresses"]}
    primary = IPv4Address(item["PrivateIpAddress"])
    index, card = attachment["DeviceIndex"], attachment.get("NetworkCardIndex", 0)
    return Eni(
        eni_id=item["NetworkInterfaceId"],
        mac=item["MacAddress"].lower(),
        device_index=index,
        subnet_id=item["SubnetId"],
        subnet_cidr=subnet_cidr,
        primary_ip=primary,
        addresses=frozenset(addresses - {primary}),
        prefixes=frozenset(IPv4Network(prefix["Ipv4Prefix"]) for prefix in item.get("Ipv4Prefixes", ())),
        attachment_id=attachment["AttachmentId"],
        security_groups=tuple(sorted(group["GroupId"] for group in item.get("Groups", ()))),
        deletes_on_termination=attachment["DeleteOnTermination"],
        network_card=card,
        is_managed=card == 0 and _is_ours(item, tags, is_primary=index == 0, untagged_too=manages_untagged),
        created_at=created_at(tags),
        tags=tags,
    )


def _is_ours(item: Item, tags: Mapping[str, str], *, is_primary: bool, untagged_too: bool) -> bool:
    return (
        tags.get(NO_MANAGE_TAG) != "true"
        and item.get("InterfaceType", "interface") == "interface"
        and not item.get("RequesterManaged", False)
        and item["Attachment"]["Status"] in _STAYS
        and (is_primary or untagged_too or INSTANCE_TAG in tags)
    )


def created_at(tags: Mapping[str, str]) -> datetime | None:
    """When an interface was made, by its tag; None without one that can be read."""
    try:
        return parse_rfc3339(tags[CREATED_TAG])
    except (KeyError, ValueError):
        return None


def subnet_from_api(item: Item) -> Subnet:
    """Read a subnet."""
    return Subnet(
        subnet_id=item["SubnetId"],
        cidr=IPv4Network(item["CidrBlock"]),
        free=item["AvailableIpAddressCount"],
        vpc_id=item["VpcId"],
        availability_zone=item["AvailabilityZone"],
        tags=tags_of(item, "Tags"),
    )


def vpc_cidrs_from_api(item: Item) -> tuple[IPv4Network, ...]:
    """Every block of a VPC that is in force, the first one first."""
    associated = (
        each["CidrBlock"]
        for each in item.get("CidrBlockAssociationSet", ())
        if each["CidrBlockState"]["State"] == "associated"
    )
    blocks = dict.fromkeys((item["CidrBlock"], *sorted(associated)))
    return tuple(map(IPv4Network, blocks))
