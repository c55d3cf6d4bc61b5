"""Links, addresses, routes, neighbours and rules of IPv4, as messages of rtnetlink. Pure.

Numbers are those of include/uapi/linux/{rtnetlink,if_link,if_addr,neighbour,fib_rules,veth}.h. What is packed
here is packed for speed: tests hold each message to that of pyroute2, octet by octet.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from addons.netlink.attributes import Attributes, Value, decode, encode, text
from addons.netlink.messages import ACKNOWLEDGE, CREATE, DUMP, EXCLUSIVE, REPLACE, Message

LINKS_CHANGED, RULES_CHANGED = 1, 8
"""Multicast groups that are notified of links, and of rules of IPv4 (RTNLGRP_LINK, RTNLGRP_IPV4_RULE)."""

NEW_LINK, DELETE_LINK, NEW_RULE, DELETE_RULE = 16, 17, 32, 33
"""Types of messages; notifications have the same."""

UNIVERSE, LINK = 0, 253
"""Scopes of routes: by a gateway, or to what is on the link itself."""

_GET_LINK, _NEW_ADDRESS, _NEW_ROUTE, _GET_ROUTE = 18, 20, 24, 26
_NEW_NEIGHBOUR, _GET_NEIGHBOUR, _SET_NEIGHBOUR_TABLE, _GET_NAMESPACE_NUMBER = 28, 30, 67, 90
_AS_IN_TABLE = 0x2000  # RTM_F_FIB_MATCH
_INET, _UNICAST, _TO_TABLE, _PERMANENT, _PROXY = 2, 1, 1, 0x80, 0x08
_UP, _RUNNING = 0x1, 0x40
_MAIN = 254
_COMPATIBLE = 252  # the octet for tables beyond 255: the attribute counts

_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, which flags change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ROUTE = struct.Struct(
    "=BBBBBBBBI"
)  # family, lengths, tos, table, protocol, scope, type, flags; also of rules
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # family, index, state, flags, type
_NUMBER = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class Link:
    """A link as the kernel describes it.

    `is_running`: it is up, and so is the other end of the pair. `peer_index` is that of the other end, in its
    namespace; the kernel's number of that namespace is `peer_namespace`, if it is another. `downs`: how often
    the other end went down; a new pair has 1.
    """

    index: int
    name: str
    alias: str
    mac: bytes
    mtu: int
    is_up: bool
    is_running: bool
    peer_index: int
    group: int = 0
    downs: int = 0
    peer_namespace: int | None = None


def new_pair(name: str, peer: str, *, namespace: int, mtu: int, macs: tuple[bytes, bytes]) -> Message:
    """Make a pair of links; the peer is born in the namespace of that descriptor.

    The link is up, its peer is not: the kernel refuses that, as there is no pair yet when it makes the peer.
    `macs` are that of the link here, and that of the peer. Both have one queue: left to itself the kernel
    makes one for each processor, and takes all but one away before the pair is used (1.2 ms with 64 of them).
    """
    mac, peer_mac = macs
    up = _LINK.pack(0, 0, 0, _UP, _UP)
    alike: Attributes = ((4, _NUMBER.pack(mtu)), (31, _NUMBER.pack(1)), (32, _NUMBER.pack(1)))
    other_end = bytes(_LINK.size) + encode(
        ((3, text(peer)), (1, peer_mac), *alike, (28, _NUMBER.pack(namespace)))
    )
    kind = encode(((1, text("veth")), (2, encode(((1, other_end),)))))
    attributes = ((3, text(name)), (1, mac), *alike, (18, kind))
    return _new(NEW_LINK, up + encode(attributes), f"link {name}")


def set_alias(index: int, alias: str) -> Message:
    """Have the link this alias."""
    payload = _LINK.pack(0, 0, index, 0, 0) + encode(((20, text(alias)),))
    return Message(NEW_LINK, ACKNOWLEDGE, payload, f"alias {alias!r}")


def set_up(index: int) -> Message:
    """Have the link up."""
    payload = _LINK.pack(0, 0, index, _UP, _UP)
    return Message(NEW_LINK, ACKNOWLEDGE, payload, f"link {index} up")


def set_group(index: int, group: int) -> Message:
    """Put the link into a group, of which it has one."""
    payload = _LINK.pack(0, 0, index, 0, 0) + encode(((27, _NUMBER.pack(group)),))
    return Message(NEW_LINK, ACKNOWLEDGE, payload, f"group of link {index}")


def delete_group(group: int) -> Message:
    """Remove all links of a group. Refused as not there when there is none."""
    payload = _LINK.pack(0, 0, 0, 0, 0) + encode(((27, _NUMBER.pack(group)),))
    return Message(DELETE_LINK, ACKNOWLEDGE, payload, f"links of group {group}")


def set_mtu(index: int, mtu: int) -> Message:
    """Have the link take packets of this size."""
    payload = _LINK.pack(0, 0, index, 0, 0) + encode(((4, _NUMBER.pack(mtu)),))
    return Message(NEW_LINK, ACKNOWLEDGE, payload, f"MTU of link {index}")


def delete_link(index: int) -> Message:
    """Remove the link, and with it the other end of a pair."""
    return Message(DELETE_LINK, ACKNOWLEDGE, _LINK.pack(0, 0, index, 0, 0), f"link {index}")


def get_link(index: int) -> Message:
    """Ask for one link."""
    return Message(_GET_LINK, 0, _LINK.pack(0, 0, index, 0, 0), f"link {index}")


def get_namespace_number(namespace: int) -> Message:
    """Ask which number the kernel has for the namespace of that descriptor, as seen from the socket's own."""
    payload = bytes(4) + encode(((3, _NUMBER.pack(namespace)),))
    return Message(_GET_NAMESPACE_NUMBER, 0, payload, "number of a namespace")


def read_namespace_number(payload: bytes) -> int:
    """Read the answer to it; a namespace that has no number yet is nobody's peer."""
    return _number(decode(payload[4:]), 1)


LINKS = Message(_GET_LINK, DUMP, _LINK.pack(0, 0, 0, 0, 0), "links")
"""Ask for all links."""


def new_address(index: int, address: IPv4Address) -> Message:
    """Have the link this address, for itself alone: a /32. It may be there already."""
    header = _ADDRESS.pack(_INET, 32, 0, UNIVERSE, index)
    octets = encode(((1, address.packed), (2, address.packed)))
    return Message(_NEW_ADDRESS, ACKNOWLEDGE | CREATE | REPLACE, header + octets, f"address {address}")


def new_route(
    network: IPv4Network,
    index: int,
    *,
    protocol: int,
    table: int,
    gateway: IPv4Address | None = None,
    metric: int = 0,
) -> Message:
    """Have packets to the network leave by the link, in the place of another route to it of that metric."""
    scope = LINK if gateway is None else UNIVERSE
    header = _ROUTE.pack(_INET, network.prefixlen, 0, 0, _octet(table), protocol, scope, _UNICAST, 0)
    attributes: list[tuple[int, Value]] = []
    if network.prefixlen:
        attributes.append((1, network.network_address.packed))
    if gateway:
        attributes.append((5, gateway.packed))
    if metric:
        attributes.append((6, _NUMBER.pack(metric)))
    attributes += [(4, _NUMBER.pack(index)), (15, _NUMBER.pack(table))]
    payload = header + encode(tuple(attributes))
    return Message(_NEW_ROUTE, ACKNOWLEDGE | CREATE | REPLACE, payload, f"route {network} in table {table}")


def match(address: IPv4Address) -> Message:
    """Ask for the route by which packets to the address go; see `matched_length`."""
    header = _ROUTE.pack(_INET, 32, 0, 0, _MAIN, 0, 0, 0, _AS_IN_TABLE)
    return Message(_GET_ROUTE, 0, header + encode(((1, address.packed),)), f"route to {address}")


def matched_length(payload: bytes) -> int:
    """Read the answer to `match`: 32 for a route of that address alone."""
    _, length, *_ = _ROUTE.unpack_from(payload)
    return int(length)


def new_neighbour(index: int, address: IPv4Address, mac: bytes) -> Message:
    """Have the address that hardware address, whatever was known before; nobody is asked for it."""
    header = _NEIGHBOUR.pack(_INET, index, _PERMANENT, 0, 0)
    payload = header + encode(((1, address.packed), (2, mac)))
    return Message(_NEW_NEIGHBOUR, ACKNOWLEDGE | CREATE | REPLACE, payload, f"neighbour {address}")


def new_proxy(index: int, address: IPv4Address) -> Message:
    """Have the link answer who asks for the hardware address of this address, as if it had it."""
    header = _NEIGHBOUR.pack(_INET, index, _PERMANENT, _PROXY, 0)
    payload = header + encode(((1, address.packed),))
    return Message(_NEW_NEIGHBOUR, ACKNOWLEDGE | CREATE | REPLACE, payload, f"proxy for {address}")


PROXIES = Message(_GET_NEIGHBOUR, DUMP, _NEIGHBOUR.pack(_INET, 0, 0, _PROXY, 0), "proxies")
"""Ask which addresses links answer for."""


def read_proxy(payload: bytes) -> tuple[int, IPv4Address]:
    """Read an answer to `PROXIES`: the index of a link, and an address that it answers for."""
    _, index, *_ = _NEIGHBOUR.unpack_from(payload)
    return index, IPv4Address(decode(payload[_NEIGHBOUR.size :])[1])


def answer_at_once(index: int) -> Message:
    """Have the link answer for others without the usual delay of up to 0.8 s (`proxy_delay`)."""
    parameters = encode(((1, _NUMBER.pack(index)), (13, bytes(8))))
    payload = bytes([_INET, 0, 0, 0]) + encode(((1, text("arp_cache")), (6, parameters)))
    return Message(_SET_NEIGHBOUR_TABLE, ACKNOWLEDGE, payload, f"delay of answers of link {index}")


def rule_from(address: IPv4Address, *, priority: int, table: int, protocol: int) -> Message:
    """Have packets from the address go by the table. The kernel refuses a rule that is there already."""
    return _rule((2, address.packed), (0, 32), priority, (table, protocol))


def rule_to(address: IPv4Address, *, priority: int, table: int, protocol: int) -> Message:
    """Have packets to the address go by the table. The kernel refuses a rule that is there already."""
    return _rule((1, address.packed), (32, 0), priority, (table, protocol))


def without(rule: Message) -> Message:
    """Take a rule away again: one of those that are alike."""
    return rule._replace(type=DELETE_RULE, flags=ACKNOWLEDGE)


def read_link(payload: bytes) -> Link:
    """Read the answer to a question for a link, or the notification of one."""
    _, _, index, flags, _ = _LINK.unpack_from(payload)
    found = decode(payload[_LINK.size :])
    return Link(
        index=index,
        name=_text(found, 3),
        alias=_text(found, 20),
        mac=found.get(1, b""),
        mtu=_number(found, 4),
        is_up=bool(flags & _UP),
        is_running=bool(flags & _RUNNING),
        peer_index=_number(found, 5),
        group=_number(found, 27),
        downs=_number(found, 48),
        peer_namespace=_number(found, 37) if 37 in found else None,
    )


def is_running(payload: bytes) -> bool:
    """Read the same, but for whether it runs only."""
    _, _, _, flags, _ = _LINK.unpack_from(payload)
    return bool(flags & _RUNNING)


def read_index(payload: bytes) -> int:
    """Read the same, but for its index only: of which link it is."""
    _, _, index, _, _ = _LINK.unpack_from(payload)
    return int(index)


def read_rule(payload: bytes) -> tuple[int, bool]:
    """Read the notification of a rule: its priority, and whether it is for one address alone."""
    _, destination, source, *_ = _ROUTE.unpack_from(payload)
    return _number(decode(payload[_ROUTE.size :]), 6), 32 in (destination, source)


def _rule(
    selector: tuple[int, bytes], lengths: tuple[int, int], priority: int, target: tuple[int, int]
) -> Message:
    table, protocol = target
    header = _ROUTE.pack(_INET, *lengths, 0, _octet(table), 0, 0, _TO_TABLE, 0)
    attributes: Attributes = (
        (6, _NUMBER.pack(priority)),
        selector,
        (15, _NUMBER.pack(table)),
        (21, bytes([protocol])),
    )
    subject = f"rule {priority} of {IPv4Address(selector[1])}"
    return _new(NEW_RULE, header + encode(attributes), subject)


def _new(kind: int, payload: bytes, subject: str) -> Message:
    return Message(kind, ACKNOWLEDGE | CREATE | EXCLUSIVE, payload, subject)


def _octet(table: int) -> int:
    return table if table < 256 else _COMPATIBLE


def _text(found: dict[int, bytes], number: int) -> str:
    return found.get(number, b"").rstrip(b"\0").decode(errors="replace")


def _number(found: dict[int, bytes], number: int) -> int:
    return int(_NUMBER.unpack(found[number])[0]) if number in found else 0
