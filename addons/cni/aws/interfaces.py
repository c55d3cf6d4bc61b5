"""Calls of EC2 about one network interface, each as forgiving as the call may be."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from addons.cni.aws.calls import exhaustion_told, filters
from addons.cni.aws.described import Item
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Conflict, Invalid, NotFound, Unavailable
from addons.runtime.permit import Permit
from addons.runtime.waiting import persistently, until_there

_PAGE = 1000  # the most that there may be on one

_DETACH_TRIES = 14
"""With the pauses between them 46 s; detaching takes about 2 s, and far longer where the guest is stuck."""


async def find(aws: AwsSession, wanted: Mapping[str, str | list[str]]) -> list[Item]:
    """Give the interfaces that all of the filters let through. Raises OutsideError."""
    pages = aws.pages("ec2", "describe_network_interfaces", Filters=filters(wanted), MaxResults=_PAGE)
    return [item async for page in pages for item in page["NetworkInterfaces"]]


async def describe(aws: AwsSession, eni_id: str) -> Item | None:
    """Give an interface as EC2 has it; None when there is none. Raises OutsideError."""

    async def look() -> Item | None:
        reply = await aws.call("ec2", "describe_network_interfaces", NetworkInterfaceIds=[eni_id])
        return next(iter(reply["NetworkInterfaces"]), None)

    try:
        return await persistently(look, Unavailable, tries=4)
    except NotFound:
        return None


async def assign(
    aws: AwsSession, eni_id: str, permit: Permit, *, addresses: int = 0, prefixes: int = 0
) -> tuple[frozenset[IPv4Address], frozenset[IPv4Network]]:
    """Have EC2 choose more addresses or prefixes; give the new ones. Raises OutsideError."""
    wanted: dict[str, Any] = (
        {"Ipv4PrefixCount": prefixes} if prefixes else {"SecondaryPrivateIpAddressCount": addresses}
    )
    with exhaustion_told():
        reply = await aws.call(
            "ec2", "assign_private_ip_addresses", permit=permit, NetworkInterfaceId=eni_id, **wanted
        )
    return (
        frozenset(
            IPv4Address(each["PrivateIpAddress"]) for each in reply.get("AssignedPrivateIpAddresses", ())
        ),
        frozenset(IPv4Network(each["Ipv4Prefix"]) for each in reply.get("AssignedIpv4Prefixes", ())),
    )


async def release(
    aws: AwsSession, eni_id: str, permit: Permit, **what: Iterable[IPv4Address | IPv4Network]
) -> None:
    """Give `PrivateIpAddresses` or `Ipv4Prefixes` back to the subnet. Raises OutsideError."""
    named: dict[str, Any] = {name: sorted(map(str, values)) for name, values in what.items()}
    await aws.call("ec2", "unassign_private_ip_addresses", permit=permit, NetworkInterfaceId=eni_id, **named)


async def set_groups(aws: AwsSession, eni_id: str, groups: Iterable[str], permit: Permit) -> None:
    """Have an interface these security groups. Raises OutsideError."""
    await aws.call(
        "ec2",
        "modify_network_interface_attribute",
        permit=permit,
        NetworkInterfaceId=eni_id,
        Groups=list(groups),
    )


async def tag(aws: AwsSession, eni_id: str, tags: Mapping[str, str], permit: Permit) -> None:
    """Have an interface these tags, beside those that it has. Raises OutsideError."""
    items = [{"Key": key, "Value": value} for key, value in tags.items()]
    await aws.call("ec2", "create_tags", permit=permit, Resources=[eni_id], Tags=items)


async def delete_with_instance(aws: AwsSession, eni_id: str, attachment_id: str, permit: Permit) -> None:
    """Have an interface deleted when the instance is terminated. Raises OutsideError.

    An attachment that was just made may not be known yet.
    """

    async def set_flag() -> None:
        await aws.call(
            "ec2",
            "modify_network_interface_attribute",
            permit=permit,
            NetworkInterfaceId=eni_id,
            Attachment={"AttachmentId": attachment_id, "DeleteOnTermination": True},
        )

    await persistently(set_flag, NotFound, Conflict, Unavailable)


async def detach(aws: AwsSession, eni_id: str, attachment_id: str, permit: Permit) -> None:
    """Have an interface attached to nothing. Raises OutsideError; Unavailable when it takes too long."""

    async def begin() -> None:
        await aws.call("ec2", "detach_network_interface", permit=permit, AttachmentId=attachment_id)

    try:
        await persistently(begin, Conflict, Unavailable)
    except (NotFound, Invalid, Conflict):
        item = await describe(aws, eni_id)
        if item and _attachment_id(item) == attachment_id and item["Attachment"]["Status"] != "detaching":
            raise

    async def is_free() -> bool | None:
        item = await describe(aws, eni_id)
        return True if item is None or item["Status"] == "available" else None

    if not await until_there(is_free, tries=_DETACH_TRIES):
        raise Unavailable(f"{eni_id}: still being detached from the instance", code="StillDetaching")


async def delete(aws: AwsSession, eni_id: str, permit: Permit) -> None:
    """Have an interface not exist that is attached to nothing. Raises OutsideError.

    EC2 may believe it in use for a while after it was detached, and says so as InvalidParameterValue.
    """

    async def once() -> None:
        await aws.call("ec2", "delete_network_interface", permit=permit, NetworkInterfaceId=eni_id)

    try:
        await persistently(once, Conflict, Invalid, Unavailable)
    except NotFound:
        return


def _attachment_id(item: Item) -> str:
    found: str = item.get("Attachment", {}).get("AttachmentId", "")
    return found
