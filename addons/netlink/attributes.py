"""Netlink attributes: the type-length-value tree in which the kernel is asked and answers. Pure."""

import struct
from collections.abc import Iterator
from typing import TypeAlias

Attributes: TypeAlias = "tuple[tuple[int, Value], ...]"
Value: TypeAlias = "bytes | Attributes"

_HEADER = struct.Struct("=HH")
_NESTED = 0x8000
_TYPE = 0x3FFF  # without the flags "nested" and "network byte order"


def encode(attributes: Attributes) -> bytes:
    """Give the octets of a list of attributes; a tuple as value becomes a nested list."""
    return b"".join(_encode_one(number, value) for number, value in attributes)


def _encode_one(number: int, value: Value) -> bytes:
    flags, payload = (0, value) if isinstance(value, bytes) else (_NESTED, encode(value))
    padding = -len(payload) % 4
    return _HEADER.pack(_HEADER.size + len(payload), number | flags) + payload + bytes(padding)


def decode(octets: bytes) -> dict[int, bytes]:
    """Give the attributes of one level by number; of several with one number the last."""
    return dict(entries(octets))


def entries(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the attributes of one level in their order: lists have many of one number."""
    offset = 0
    while offset + _HEADER.size <= len(octets):
        length, number = _HEADER.unpack_from(octets, offset)
        if length < _HEADER.size:
            return
        yield number & _TYPE, octets[offset + _HEADER.size : offset + length]
        offset += length + -length % 4


def holds(wanted: Attributes, observed: bytes) -> bool:
    """Whether everything wanted is there. The kernel adds attributes of its own, e.g. defaults and counts."""
    found = decode(observed)
    return all(number in found and _matches(value, found[number]) for number, value in wanted)


def _matches(wanted: Value, observed: bytes) -> bool:
    return observed == wanted if isinstance(wanted, bytes) else holds(wanted, observed)


def text(value: str) -> bytes:
    """Give a name as the kernel has it: ended by a zero octet."""
    return value.encode() + b"\0"


def number(value: int) -> bytes:
    """Give a number of 32 bits in network byte order, as nftables has all of its own."""
    return struct.pack(">i" if value < 0 else ">I", value)
