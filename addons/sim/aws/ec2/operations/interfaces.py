"""CreateNetworkInterface and all that happens to an interface until DeleteNetworkInterface."""

from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any

from addons.sim.aws.ec2.errors import conflicting, invalid, missing
from addons.sim.aws.ec2.interfaces import Wish
from addons.sim.aws.ec2.model import Tags
from addons.sim.aws.ec2.operations.shapes import interface_shape
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.ec2.tagging import check_tags

Call = dict[str, Any]


def create_network_interface(ec2: Ec2, call: Call) -> Call:
    """Make an interface."""
    primary, wish = read_wish(call)
    interface = ec2.interfaces.create(
        call["SubnetId"],
        wish,
        primary=primary,
        groups=tuple(call.get("Groups", ())),
        description=call.get("Description", ""),
        tags=read_tags(call, "network-interface"),
    )
    shape = interface_shape(ec2.account, interface) | {"Status": "pending"}
    token = call.get("ClientToken")
    return {"NetworkInterface": shape, "ClientToken": token}


def attach_network_interface(ec2: Ec2, call: Call) -> Call:
    """Tie an interface to an instance."""
    card = call.get("NetworkCardIndex", 0)
    attachment = ec2.attachments.attach(
        call["NetworkInterfaceId"], call["InstanceId"], call["DeviceIndex"], card_index=card
    )
    return {"AttachmentId": attachment.id, "NetworkCardIndex": card}


def detach_network_interface(ec2: Ec2, call: Call) -> Call:
    """Untie an interface."""
    ec2.attachments.detach(call["AttachmentId"], force=call.get("Force", False))
    return {}


def delete_network_interface(ec2: Ec2, call: Call) -> Call:
    """Delete an interface."""
    ec2.interfaces.delete(call["NetworkInterfaceId"])
    return {}


_ATTRIBUTES = ("Attachment", "Description", "Groups", "SourceDestCheck")


def modify_network_interface_attribute(ec2: Ec2, call: Call) -> Call:
    """Set one attribute."""
    given = [name for name in _ATTRIBUTES if name in call]
    if len(given) != 1:
        raise conflicting(f"Exactly one attribute must be specified, not {len(given)}")
    id_, value = call["NetworkInterfaceId"], call[given[0]]
    if given == ["Attachment"]:
        for name in ("AttachmentId", "DeleteOnTermination"):
            if name not in value:
                raise missing(f"Attachment.{name}")
        ec2.attachments.set_delete_on_termination(id_, value["AttachmentId"], value["DeleteOnTermination"])
    elif given == ["Groups"]:
        ec2.interfaces.modify(id_, groups=tuple(value))
    elif given == ["Description"]:
        ec2.interfaces.modify(id_, description=value.get("Value", ""))
    else:
        ec2.interfaces.modify(id_, source_dest_check=value.get("Value", True))
    return {}


def assign_private_ip_addresses(ec2: Ec2, call: Call) -> Call:
    """Give an interface more addresses; the new ones are the answer."""
    id_ = call["NetworkInterfaceId"]
    wish = Wish(
        count=call.get("SecondaryPrivateIpAddressCount", 0),
        addresses=tuple(map(read_address, call.get("PrivateIpAddresses", ()))),
        prefix_count=call.get("Ipv4PrefixCount", 0),
        prefixes=tuple(map(read_prefix, call.get("Ipv4Prefixes", ()))),
    )
    addresses, prefixes = ec2.interfaces.assign(id_, wish, may_move=call.get("AllowReassignment", False))
    return {
        "NetworkInterfaceId": id_,
        "AssignedPrivateIpAddresses": [{"PrivateIpAddress": address} for address in addresses],
        "AssignedIpv4Prefixes": [{"Ipv4Prefix": prefix} for prefix in prefixes],
    }


def unassign_private_ip_addresses(ec2: Ec2, call: Call) -> Call:
    """Take addresses from an interface."""
    addresses = map(read_address, call.get("PrivateIpAddresses", ()))
    prefixes = map(read_prefix, call.get("Ipv4Prefixes", ()))
    ec2.interfaces.unassign(call["NetworkInterfaceId"], addresses, prefixes)
    return {}


def read_wish(call: Call) -> tuple[IPv4Address | None, Wish]:
    """Read the primary address, None to have one chosen, and the others, as a new interface names them."""
    listed = call.get("PrivateIpAddresses", ())
    primaries = [each["PrivateIpAddress"] for each in listed if each.get("Primary")]
    if "PrivateIpAddress" in call:
        primaries.append(call["PrivateIpAddress"])
    if len(primaries) > 1:
        raise conflicting("Only one primary private IP address can be specified")
    wish = Wish(
        count=call.get("SecondaryPrivateIpAddressCount", 0),
        addresses=tuple(read_address(each["PrivateIpAddress"]) for each in listed if not each.get("Primary")),
        prefix_count=call.get("Ipv4PrefixCount", 0),
        prefixes=tuple(read_prefix(each["Ipv4Prefix"]) for each in call.get("Ipv4Prefixes", ())),
    )
    return (read_address(primaries[0]) if primaries else None), wish


def read_tags(call: Call, kind: str) -> Tags:
    """Read the tags that a call asks for, for one kind of resource."""
    specified = [each for each in call.get("TagSpecifications", ()) if each.get("ResourceType") == kind]
    tags = {tag["Key"]: tag.get("Value", "") for each in specified for tag in each.get("Tags", ())}
    check_tags(tags)
    return tags


def read_address(text: str) -> IPv4Address:
    """Read an address."""
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise invalid(f"invalid value for parameter address: {text}") from None


def read_prefix(text: str) -> IPv4Network:
    """Read a block of addresses."""
    try:
        return IPv4Network(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise invalid(f"Value ({text}) for parameter ipv4Prefix is invalid.") from None
