"""A request as it was parsed, with the little of it that an answer can depend on."""

import ipaddress
from collections.abc import Mapping

from msgspec import Struct

HOST = b"host"
TOKEN = b"x-aws-ec2-metadata-token"
TTL = b"x-aws-ec2-metadata-token-ttl-seconds"
FORWARDED = b"x-forwarded-for"
EXPECT = b"expect"

READ_HEADERS = frozenset({HOST, TOKEN, TTL, FORWARDED, EXPECT})
"""The headers that count, in lower case; all others are forgotten as they are read."""


class Peer(Struct, frozen=True):
    """Both ends of a connection: the pod's address, and the `Host` values that mean our end."""

    ip: str
    hosts: frozenset[bytes]


class Request(Struct):
    """One request; `repeated` names a header that counts and came twice."""

    peer: Peer
    method: bytes
    target: bytes
    headers: Mapping[bytes, bytes]
    version: str = "1.1"
    keep_alive: bool = True
    repeated: bytes = b""


def plain_ip(address: str) -> str:
    """Write an address in its one form: an IPv4 address that arrived at an IPv6 socket is an IPv4 address."""
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)


def hosts_of(address: str, port: int) -> frozenset[bytes]:
    """The values of `Host`, in lower case, by which an address (or name) and port may be meant."""
    host = f"[{address}]" if ":" in address else address
    return frozenset({host.encode(), f"{host}:{port}".encode()})
