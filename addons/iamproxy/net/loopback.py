"""The listeners' addresses on the loopback interface: the same on every node, reached from this one only.

They are marked as deprecated, so that the kernel takes none of them as source of the node's own connections.
"""

import socket
import struct
from collections.abc import Iterable

from addons.netlink.attributes import decode, encode
from addons.netlink.expressions import Address
from addons.netlink.messages import ACKNOWLEDGE, CREATE, DUMP, REPLACE, Message
from addons.netlink.sockets import NetlinkSocket
from addons.runtime.errors import NotFound

_NEW_ADDRESS, _DELETE_ADDRESS, _GET_ADDRESS = 20, 21, 22
_ADDRESS, _LOCAL, _CACHE = 1, 2, 6
_HEADER = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_NO_DUPLICATE_DETECTION, _HOST_SCOPE = 0x02, 254
_DEPRECATED_FOR_GOOD = struct.pack("=IIII", 0, 0xFFFFFFFF, 0, 0)


def missing(netlink: NetlinkSocket, addresses: Iterable[Address]) -> list[Address]:
    """Give those of the addresses that the loopback interface does not have."""
    loopback = socket.if_nametoindex("lo")
    everywhere = netlink.dump(Message(_GET_ADDRESS, DUMP, _HEADER.pack(0, 0, 0, 0, 0), "addresses"))
    present = set()
    for octets in everywhere:
        *_, interface = _HEADER.unpack_from(octets)
        found = decode(octets[_HEADER.size :])
        if interface == loopback:
            present.add(found.get(_LOCAL) or found.get(_ADDRESS))
    return [address for address in addresses if address.packed not in present]


def add(netlink: NetlinkSocket, address: Address) -> None:
    """Put the address on the loopback interface."""
    flags = ACKNOWLEDGE | CREATE | REPLACE
    netlink.send([Message(_NEW_ADDRESS, flags, _describe(address), f"address {address}")])


def delete(netlink: NetlinkSocket, address: Address) -> None:
    """Take the address away; nothing to do when it is gone."""
    try:
        netlink.send([Message(_DELETE_ADDRESS, ACKNOWLEDGE, _describe(address), f"address {address}")])
    except NotFound:
        return


def _describe(address: Address) -> bytes:
    family, length = _FAMILIES[address.version], address.max_prefixlen
    header = _HEADER.pack(family, length, _NO_DUPLICATE_DETECTION, _HOST_SCOPE, socket.if_nametoindex("lo"))
    attributes = (
        (_LOCAL, address.packed),
        (_ADDRESS, address.packed),
        (_CACHE, _DEPRECATED_FOR_GOOD),
    )
    return header + encode(attributes)
