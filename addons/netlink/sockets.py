"""A netlink socket. The kernel answers within the call: nothing waits."""

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count

from addons.netlink.messages import Answer, Message, decode_answers, encode_message
from addons.runtime.errors import AlreadyExists, Denied, Invalid, NotFound, OutsideError, Unavailable

ROUTE, NETFILTER = 0, 12  # families of netlink, include/uapi/linux/netlink.h

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_BUFFER_OCTETS = 1 << 15  # the kernel puts no more of a list into a datagram
_RECEIVE_BUFFER_FORCE = 33  # SO_RCVBUFFORCE: more than the limit for those without CAP_NET_ADMIN
_NOTIFICATIONS_OCTETS = 4 << 20  # what a burst of pods takes while the event loop is busy
_GET_INDEX = 0x8933  # SIOCGIFINDEX, include/uapi/linux/sockios.h; a socket of any family is asked
_INTERFACE = struct.Struct("=16si20x")  # struct ifreq
_TREE: dict[int, type[OutsideError]] = {
    errno.EPERM: Denied,
    errno.EACCES: Denied,
    errno.ENOENT: NotFound,
    errno.EADDRNOTAVAIL: NotFound,
    errno.ENODEV: NotFound,
    errno.ESRCH: NotFound,
    errno.ENETUNREACH: NotFound,
    errno.EEXIST: AlreadyExists,
    errno.EINVAL: Invalid,
    errno.EOPNOTSUPP: Invalid,
    errno.EINTR: Unavailable,
}


class NetlinkSocket:
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

    def subscribe(self, group: int) -> None:
        """Have the kernel's notifications to this multicast group sent here as well."""
        with suppress(PermissionError):
            self._socket.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _NOTIFICATIONS_OCTETS)
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def notifications(self) -> bytes:
        """Give everything that arrived since the last call. Raises `Unavailable` when some of it is lost."""
        return b"".join(self._receive("notifications"))

    def send(self, messages: Iterable[Message]) -> None:
        """Have the messages done, all in one datagram. Raises for the first one that is refused."""
        for refused in self.refusals(messages):
            raise refused

    def refusals(self, messages: Iterable[Message]) -> list[OutsideError]:
        """Have the messages done, all in one datagram; give an error for each one that is refused."""
        numbered = {next(self._numbers): message for message in messages}
        self._transmit(b"".join(encode_message(number, message) for number, message in numbered.items()))
        refused = [answer for answer in self._answers("requests") if answer.error]
        return [refusal(answer.error, self._subject(numbered, answer.number)) for answer in refused]

    @staticmethod
    def _subject(numbered: Mapping[int, Message], number: int) -> str:
        return numbered[number].subject if number in numbered else "an older request"

    def get(self, message: Message) -> bytes:
        """Ask for one thing; give the payload of the answer. Raises `NotFound`, or what else it is."""
        self._transmit(encode_message(next(self._numbers), message))
        for answer in self._answers(message.subject):
            if answer.error:
                raise refusal(answer.error, message.subject)
            return answer.payload
        raise Unavailable(f"{message.subject}: no answer")

    def index_of(self, name: str) -> int:
        """Give the index of the link of this name in the socket's namespace; 0 when there is none."""
        try:
            answer = fcntl.ioctl(self._socket.fileno(), _GET_INDEX, _INTERFACE.pack(name.encode(), 0))
        except OSError as error:
            if error.errno == errno.ENODEV:
                return 0
            raise refusal(error.errno or 0, f"link {name}") from error
        return int(_INTERFACE.unpack(answer)[1])

    def dump(self, message: Message) -> list[bytes]:
        """Ask for a list; give the payload of each element."""
        self._transmit(encode_message(next(self._numbers), message))
        found: list[bytes] = []
        while True:
            for answer in self._answers(message.subject):
                if answer.is_last:
                    return found
                if answer.error or answer.is_interrupted:
                    raise refusal(answer.error or errno.EINTR, message.subject)
                found.append(answer.payload)

    def _transmit(self, octets: bytes) -> None:
        try:
            self._socket.sendto(octets, (0, 0))
        except OSError as error:
            raise refusal(error.errno or 0, "requests") from error

    def _answers(self, subject: str) -> Iterator[Answer]:
        for datagram in self._receive(subject):
            yield from decode_answers(datagram)

    def _receive(self, subject: str) -> Iterator[bytes]:
        while True:
            try:
                yield self._socket.recv(_BUFFER_OCTETS)
            except BlockingIOError:
                return
            except OSError as error:
                raise refusal(error.errno or 0, subject) from error


def refusal(code: int, subject: str) -> OutsideError:
    """Give the error for an errno of the kernel; `subject` is what was asked for."""
    error = _TREE.get(code, Unavailable)
    name = errno.errorcode.get(code, str(code))
    return error(f"{subject}: {os.strerror(code).lower()}", code=name)
