"""Talk to the kernel's nftables over a netlink socket. The kernel answers within the call: nothing waits."""

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple

from addons.runtime.errors import AlreadyExists, Denied, Invalid, NotFound, OutsideError, Unavailable

ROUTE, NETFILTER = 0, 12  # families of netlink, include/uapi/linux/netlink.h
ACKNOWLEDGE, CREATE, REPLACE, APPEND, DUMP = 0x4, 0x400, 0x100, 0x800, 0x300

_REQUEST, _ERROR, _DONE, _INTERRUPTED = 0x1, 2, 3, 0x10
_HEADER = struct.Struct("=IHHII")
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_BUFFER_OCTETS = 1 << 17
_TREE: dict[int, type[OutsideError]] = {
    errno.EPERM: Denied,
    errno.EACCES: Denied,
    errno.ENOENT: NotFound,
    errno.EADDRNOTAVAIL: NotFound,
    errno.EEXIST: AlreadyExists,
    errno.EINVAL: Invalid,
    errno.EOPNOTSUPP: Invalid,
    errno.EINTR: Unavailable,
}


class Message(NamedTuple):
    """One request. `subject` says in words what it is about, for the error that names it."""

    type: int
    flags: int
    payload: bytes
    subject: str


class Netlink:
    """A socket of one family, in the network namespace in which it was made."""

    def __init__(self, family: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self._socket.setblocking(False)
        self._socket.bind((0, 0))
        self._numbers = count(1)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def fileno(self) -> int:
        """Give the descriptor, to wait for."""
        return self._socket.fileno()

    def join(self, group: int) -> None:
        """Hear what the kernel tells this group."""
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def heard(self) -> bytes:
        """Give everything that arrived since the last call. Raises `Unavailable` when some of it is lost."""
        return b"".join(self._receive("news"))

    def send(self, messages: Iterable[Message]) -> None:
        """Have the messages done, all in one datagram. Raises for the first one that is refused."""
        numbered = dict(zip(self._numbers, messages, strict=False))
        self._transmit(b"".join(_encode(number, message) for number, message in numbered.items()))
        for number, kind, _, payload in self._answers("requests"):
            code = -struct.unpack_from("=i", payload)[0] if kind == _ERROR else 0
            if code:
                subject = numbered[number].subject if number in numbered else "an older request"
                raise _refusal(code, subject)

    def dump(self, message: Message) -> list[bytes]:
        """Ask for a list; give the payload of each element."""
        self._transmit(_encode(next(self._numbers), message))
        found: list[bytes] = []
        while True:
            for _, kind, flags, payload in self._answers(message.subject):
                if kind == _DONE:
                    return found
                if kind == _ERROR or flags & _INTERRUPTED:
                    code = -struct.unpack_from("=i", payload)[0] if kind == _ERROR else errno.EINTR
                    raise _refusal(code, message.subject)
                found.append(payload)

    def _transmit(self, octets: bytes) -> None:
        try:
            self._socket.sendto(octets, (0, 0))
        except OSError as error:
            raise _refusal(error.errno or 0, "requests") from error

    def _answers(self, subject: str) -> Iterator[tuple[int, int, int, bytes]]:
        """Give number, type, flags and payload of every message that is there."""
        for datagram in self._receive(subject):
            offset = 0
            while offset + _HEADER.size <= len(datagram):
                length, kind, flags, number, _ = _HEADER.unpack_from(datagram, offset)
                yield number, kind, flags, datagram[offset + _HEADER.size : offset + length]
                offset += max(length + -length % 4, _HEADER.size)

    def _receive(self, subject: str) -> Iterator[bytes]:
        while True:
            try:
                yield self._socket.recv(_BUFFER_OCTETS)
            except BlockingIOError:
                return
            except OSError as error:
                raise _refusal(error.errno or 0, subject) from error


def _encode(number: int, message: Message) -> bytes:
    length = _HEADER.size + len(message.payload)
    return _HEADER.pack(length, message.type, message.flags | _REQUEST, number, 0) + message.payload


def _refusal(code: int, subject: str) -> OutsideError:
    error = _TREE.get(code, Unavailable)
    name = errno.errorcode.get(code, str(code))
    return error(f"{subject}: {os.strerror(code).lower()}", code=name)
