"""Statements of rules: as `nft` writes them, and the expressions that the kernel runs. Pure.

A statement that matches loads a register and compares it; the packet leaves the rule at the first comparison
that fails. Numbers are those of include/uapi/linux/netfilter/nf_tables.h. `tests/netns` proves that `nft`
reads each statement back as its text.
"""

import struct
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal, NamedTuple

from addons.netlink.attributes import Attributes, number

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_VERDICT_REGISTER, _FIRST, _SECOND = 0, 1, 2  # registers 1 and 2 have 16 octets each
_EQUAL, _NOT_EQUAL = 0, 1
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_META_MARK, _META_IIFNAME, _META_OIFNAME, _META_NFPROTO, _META_L4PROTO = 3, 6, 7, 15, 16
_CT_MARK, _CT_DST_IP, _CT_DST_IP6 = 3, 0x14, 0x16
_FAMILIES = {4: 2, 6: 10}
_INTERFACE_NAME_OCTETS = 16

PortChoice = Literal["in order", "random", "fully-random"]
"""How the source port of a translated connection is chosen."""

_PORT_CHOICES: dict[PortChoice, int] = {"in order": 0, "random": 0x4, "fully-random": 0x10}


class Expression(NamedTuple):
    """One instruction: its name and its attributes."""

    name: str
    attributes: Attributes


class Statement(NamedTuple):
    """A part of a rule: the text in which `nft` lists it, and its instructions."""

    text: str
    expressions: tuple[Expression, ...]


def daddr(address: Address) -> Statement:
    """Packets to this address."""
    word, offset = ("ip", 16) if address.version == 4 else ("ip6", 24)
    load = _payload(_NETWORK_HEADER, offset, len(address.packed))
    return Statement(f"{word} daddr {address}", (*_family(address.version), load, _compare(address.packed)))


def saddr(network: Network) -> Statement:
    """Packets from an address of this network."""
    return _of_network("saddr", network, 12 if network.version == 4 else 8)


def daddr_in(network: Network) -> Statement:
    """Packets to an address of this network."""
    return _of_network("daddr", network, 16 if network.version == 4 else 24)


def ipv4() -> Statement:
    """Packets of IPv4."""
    return Statement("meta nfproto ipv4", _family(4))


def daddr_is_local() -> Statement:
    """Packets to an address of the node itself."""
    address_type, of_destination, local = 3, 1 << 1, 2
    question = ((1, number(_FIRST)), (2, number(address_type)), (3, number(of_destination)))
    load = Expression("fib", question)
    return Statement("fib daddr type local", (load, _compare(struct.pack("=I", local))))


def tcp_dport(port: int) -> Statement:
    """TCP packets to this port."""
    is_tcp = (_meta(_META_L4PROTO), _compare(b"\x06"))
    return Statement(
        f"tcp dport {port}", (*is_tcp, _payload(_TRANSPORT_HEADER, 2, 2), _compare(port.to_bytes(2)))
    )


def iifname(pattern: str) -> Statement:
    """Packets that came in by an interface of this name.

    As kube2iam and iptables write them: `eni+` is every name that begins with eni, `!eth0` every other name.
    """
    return _of_interface("iifname", _META_IIFNAME, pattern)


def oifname(pattern: str) -> Statement:
    """Packets that leave by an interface of this name; the pattern is written as for `iifname`."""
    return _of_interface("oifname", _META_OIFNAME, pattern)


def connection_has(mark: int) -> Statement:
    """Packets of connections that carry all bits of this mark."""
    bits = struct.pack("=I", mark)
    load = Expression("ct", ((1, number(_FIRST)), (2, number(_CT_MARK))))
    return Statement(f"ct mark & {mark:#010x} == {mark:#010x}", (load, _mask(bits), _compare(bits)))


def mark_connection(mark: int) -> Statement:
    """The connection carries these bits from now on, beside others that it has."""
    load = Expression("ct", ((1, number(_FIRST)), (2, number(_CT_MARK))))
    store = Expression("ct", ((2, number(_CT_MARK)), (4, number(_FIRST))))
    return Statement(f"ct mark set ct mark | {mark:#010x}", (load, _with_bits(mark), store))


def mark_packet(mark: int) -> Statement:
    """The packet carries these bits from now on, beside others that it has."""
    store = Expression("meta", ((2, number(_META_MARK)), (3, number(_FIRST))))
    return Statement(f"meta mark set meta mark | {mark:#010x}", (_meta(_META_MARK), _with_bits(mark), store))


def _of_network(side: str, network: Network, offset: int) -> Statement:
    word = "ip" if network.version == 4 else "ip6"
    load = _payload(_NETWORK_HEADER, offset, network.max_prefixlen // 8)
    mask, address = network.netmask.packed, network.network_address.packed
    written = network.network_address if network.prefixlen == network.max_prefixlen else network
    expressions = (*_family(network.version), load, _mask(mask), _compare(address))
    return Statement(f"{word} {side} {written}", expressions)


def _of_interface(word: str, key: int, pattern: str) -> Statement:
    name = pattern.removeprefix("!")
    operator = _NOT_EQUAL if pattern.startswith("!") else _EQUAL
    octets = name.encode()
    compared = octets[:-1] if name.endswith("+") else octets.ljust(_INTERFACE_NAME_OCTETS, b"\0")
    sign = "!= " if operator == _NOT_EQUAL else ""
    written = f"{name[:-1]}*" if name.endswith("+") else name
    return Statement(f'{word} {sign}"{written}"', (_meta(key), _compare(compared, operator)))


def reverse_path_fails() -> Statement:
    """Packets whose source is not reached by the interface they came in by."""
    interface_index, of_source_by_incoming_interface = 1, 1 << 0 | 1 << 3
    question = (
        (1, number(_FIRST)),
        (2, number(interface_index)),
        (3, number(of_source_by_incoming_interface)),
    )
    load = Expression("fib", question)
    return Statement("fib saddr . iif oif 0", (load, _compare(bytes(4))))


def original_daddr(address: Address) -> Statement:
    """Packets of a connection that was opened to this address, whatever it was translated to since."""
    word, family, key = ("ip", "ipv4", _CT_DST_IP) if address.version == 4 else ("ip6", "ipv6", _CT_DST_IP6)
    original = b"\0"
    load = Expression("ct", ((1, number(_FIRST)), (2, number(key)), (3, original)))
    return Statement(
        f"meta nfproto {family} ct original {word} daddr {address}",
        (*_family(address.version), load, _compare(address.packed)),
    )


def socket_cgroup(path: str, identity: int) -> Statement:
    """Packets of sockets that belong to this control group (of cgroup v2), or to one below it.

    `path` counts from the root of the hierarchy; `identity` is the inode number of its directory.
    """
    level, cgroup_v2 = path.count("/") + 1, 3
    load = Expression("socket", ((1, number(cgroup_v2)), (2, number(_FIRST)), (3, number(level))))
    return Statement(f'socket cgroupv2 level {level} "{path}"', (load, _compare(struct.pack("=Q", identity))))


def counter() -> Statement:
    """Packets are counted from here on."""
    return Statement("counter", (Expression("counter", ()),))


def dnat(address: Address, port: int) -> Statement:
    """The connection goes to this address and port instead."""
    word, written = ("ip", str(address)) if address.version == 4 else ("ip6", f"[{address}]")
    to_destination = 1
    attributes = (
        (1, number(to_destination)),
        (2, number(_FAMILIES[address.version])),
        (3, number(_FIRST)),
        (4, number(_FIRST)),
        (5, number(_SECOND)),
        (6, number(_SECOND)),
    )
    return Statement(
        f"dnat {word} to {written}:{port}",
        (
            _immediate(_FIRST, address.packed),
            _immediate(_SECOND, port.to_bytes(2)),
            Expression("nat", attributes),
        ),
    )


def snat(address: IPv4Address, ports: PortChoice = "in order") -> Statement:
    """The connection leaves with this address as its source; its port may have to change."""
    source, of_addresses = 0, 1
    attributes = (
        (1, number(source)),
        (2, number(_FAMILIES[4])),
        (3, number(_FIRST)),
        (4, number(_FIRST)),
        (7, number(of_addresses | _PORT_CHOICES[ports])),
    )
    word = "" if ports == "in order" else f" {ports}"
    return Statement(
        f"snat ip to {address}{word}", (_immediate(_FIRST, address.packed), Expression("nat", attributes))
    )


def accept() -> Statement:
    """The packet passes this chain; others may still drop it."""
    return Statement("accept", (_verdict(1),))


def drop() -> Statement:
    """The packet is gone; its sender waits."""
    return Statement("drop", (_verdict(0),))


def reject() -> Statement:
    """The packet is answered with a TCP reset: its sender knows at once."""
    tcp_reset = 1
    return Statement("reject with tcp reset", (Expression("reject", ((1, number(tcp_reset)),)),))


def _family(version: int) -> tuple[Expression, ...]:
    return (_meta(_META_NFPROTO), _compare(bytes([_FAMILIES[version]])))


def _meta(key: int) -> Expression:
    return Expression("meta", ((1, number(_FIRST)), (2, number(key))))


def _payload(base: int, offset: int, length: int) -> Expression:
    return Expression(
        "payload", ((1, number(_FIRST)), (2, number(base)), (3, number(offset)), (4, number(length)))
    )


def _with_bits(bits: int) -> Expression:
    return _mask(struct.pack("=I", bits ^ 0xFFFFFFFF), struct.pack("=I", bits))


def _mask(mask: bytes, flipped: bytes = b"") -> Expression:
    return Expression(
        "bitwise",
        (
            (1, number(_FIRST)),
            (2, number(_FIRST)),
            (3, number(len(mask))),
            (4, ((1, mask),)),
            (5, ((1, flipped or bytes(len(mask))),)),
        ),
    )


def _compare(value: bytes, operator: int = _EQUAL) -> Expression:
    return Expression("cmp", ((1, number(_FIRST)), (2, number(operator)), (3, ((1, value),))))


def _immediate(register: int, value: bytes) -> Expression:
    return Expression("immediate", ((1, number(register)), (2, ((1, value),))))


def _verdict(code: int) -> Expression:
    return Expression("immediate", ((1, number(_VERDICT_REGISTER)), (2, ((2, ((1, number(code)),)),))))
