"""The two listeners of a node: pairs of addresses, one for each family. Each daemon listens on one pair.

Two daemons live on a node while one replaces the other. A listener is in use while a socket listens on its
addresses: the kernel itself keeps the list, and a daemon that is killed frees its listener by that.
"""

import errno
import socket
from ipaddress import IPv4Address, IPv6Address

from addons.netlink.expressions import Address
from addons.runtime.errors import Unavailable

Listener = tuple[Address, ...]

LISTENERS: tuple[Listener, Listener] = (
    (IPv4Address("169.254.170.10"), IPv6Address("fd6a:9b1e:47c3::10")),
    (IPv4Address("169.254.170.11"), IPv6Address("fd6a:9b1e:47c3::11")),
)
"""On the loopback interface, and the same on every node."""

_BACKLOG = 1024


def other(listener: Listener) -> Listener:
    """Give the listener that is not this one; a listener is known by its first address."""
    return LISTENERS[1] if listener[0] == LISTENERS[0][0] else LISTENERS[0]


def is_in_use(listener: Listener, port: int) -> bool:
    """Whether a socket listens there; nobody is kept from listening by the question. Raises Unavailable."""
    try:
        _bind(listener[0], port).close()
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):  # in use; or the address was taken away
            return error.errno == errno.EADDRINUSE
        message = f"cannot tell whether {listener[0]}:{port} is in use: {error.strerror}"
        raise Unavailable(message) from error
    return False


def listen(listener: Listener, port: int) -> list[socket.socket]:
    """Listen on every address of a listener; empty when it is in use. Raises OSError."""
    sockets: list[socket.socket] = []
    try:
        for address in listener:
            sockets.append(_bind(address, port))
            sockets[-1].listen(_BACKLOG)
    except OSError as error:
        for each in sockets:
            each.close()
        if error.errno == errno.EADDRINUSE:
            return []
        raise
    return sockets


def _bind(address: Address, port: int) -> socket.socket:
    """Bind a socket that does not listen yet: two such do not disturb each other, one that listens does."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setblocking(False)
        made.bind((str(address), port))
    except OSError:
        made.close()
        raise
    return made
