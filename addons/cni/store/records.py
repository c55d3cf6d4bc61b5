"""The lines of the journal: what happened to an address or a container, one fact a line. Pure.

A line is the CRC-32 of its text in eight hex digits, a space, the text as JSON, and a newline: a line that a
crash cut short, or that a disk spoiled, is told from one that was written.
"""

import zlib
from collections.abc import Iterable
from datetime import datetime
from ipaddress import IPv4Address

import msgspec
from msgspec import Struct

from addons.cni.model.assignments import Assignment, SandboxKey


class Assigned(Struct, frozen=True, tag_field="do", tag="assign"):
    """A sandbox got an address."""

    assignment: Assignment


class Released(Struct, frozen=True, tag_field="do", tag="release"):
    """A sandbox gave its address back, which rests until a time."""

    key: SandboxKey
    ip: IPv4Address
    until: datetime | None = None


class Rested(Struct, frozen=True, tag_field="do", tag="rest"):
    """An address without an owner rests until a time."""

    ip: IPv4Address
    until: datetime


class Ended(Struct, frozen=True, tag_field="do", tag="end"):
    """A container was deleted that held nothing; an ADD that comes late is refused until a time."""

    container_id: str
    until: datetime


class Quarantined(Struct, frozen=True, tag_field="do", tag="quarantine"):
    """An address is not to be handed out, and why."""

    ip: IPv4Address
    because: str


class Cleared(Struct, frozen=True, tag_field="do", tag="clear"):
    """An address may be handed out again, or is gone from the node."""

    ip: IPv4Address


class Damaged(Struct, frozen=True, tag_field="do", tag="damaged"):
    """Facts were lost, and how, in words; what pods have must be learnt from the kernel."""

    words: tuple[str, ...]


class Recovered(Struct, frozen=True, tag_field="do", tag="recovered"):
    """What pods had without the journal's knowing is in it now."""


Record = Assigned | Released | Rested | Ended | Quarantined | Cleared | Damaged | Recovered


class BadLine(Struct, frozen=True):
    """A line that cannot be read: its number, from one, and why."""

    number: int
    why: str


class Lines(Struct, frozen=True):
    """What a journal says: its records, and what cannot be read.

    `torn` counts unreadable lines at the end, as a crash leaves them: nobody was told that they were written.
    Those of `bad` lie before lines that can be read: the file was damaged.
    """

    records: tuple[Record, ...] = ()
    bad: tuple[BadLine, ...] = ()
    torn: int = 0


def _to_text(value: object) -> str:
    if isinstance(value, IPv4Address):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} in a record")


def _from_text(kind: type, value: object) -> IPv4Address:
    if kind is IPv4Address:
        return IPv4Address(value)
    raise NotImplementedError(f"{kind.__name__} in a record")


_encoder = msgspec.json.Encoder(enc_hook=_to_text)
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record, dec_hook=_from_text)


def encode(record: Record) -> bytes:
    """Give the line of a record."""
    text = _encoder.encode(record)
    return b"%08x %b\n" % (zlib.crc32(text), text)


def read_lines(data: bytes) -> Lines:
    """Read a journal, however it ends."""
    records: list[Record] = []
    unreadable: list[BadLine] = []
    last_good = 0
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        try:
            records.append(_decode(line))
            last_good = number
        except ValueError as error:
            unreadable.append(BadLine(number, str(error)))
    bad = tuple(each for each in unreadable if each.number < last_good)
    return Lines(tuple(records), bad, len(unreadable) - len(bad))


def encode_all(records: Iterable[Record]) -> bytes:
    """Give the lines of records."""
    return b"".join(map(encode, records))


def _decode(line: bytes) -> Record:
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n"):
        raise ValueError("it does not end")
    if checksum != b"%08x" % zlib.crc32(text):
        raise ValueError("its checksum is wrong")
    return _decoder.decode(text)
