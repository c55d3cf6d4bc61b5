"""Netlink messages: the header that every request and every answer begins with. Pure."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

ACKNOWLEDGE, CREATE, REPLACE, EXCLUSIVE, APPEND, DUMP = 0x4, 0x400, 0x100, 0x200, 0x800, 0x300
"""Flags of requests, include/uapi/linux/netlink.h."""

_REQUEST, _ERROR, _DONE, _INTERRUPTED = 0x1, 2, 3, 0x10
_HEADER = struct.Struct("=IHHII")


class Message(NamedTuple):
    """One request. `subject` says in words what it is about, for the error that names it."""

    type: int
    flags: int
    payload: bytes
    subject: str


class Answer(NamedTuple):
    """One message of the kernel; `number` is that of the request it answers."""

    number: int
    type: int
    flags: int
    payload: bytes

    @property
    def is_last(self) -> bool:
        """Whether a list ends here."""
        return self.type == _DONE

    @property
    def is_interrupted(self) -> bool:
        """Whether the list was changed while the kernel wrote it, and may lack something."""
        return bool(self.flags & _INTERRUPTED)

    @property
    def error(self) -> int:
        """The errno of a request that was refused; 0 for everything else, an acknowledgement among it."""
        return -int(struct.unpack_from("=i", self.payload)[0]) if self.type == _ERROR else 0


def encode_message(number: int, message: Message) -> bytes:
    """Give the octets of a request."""
    length = _HEADER.size + len(message.payload)
    return _HEADER.pack(length, message.type, message.flags | _REQUEST, number, 0) + message.payload


def decode_answers(datagram: bytes) -> Iterator[Answer]:
    """Give every message of a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(datagram):
        length, kind, flags, number, _ = _HEADER.unpack_from(datagram, offset)
        yield Answer(number, kind, flags, datagram[offset + _HEADER.size : offset + length])
        offset += max(length + -length % 4, _HEADER.size)
