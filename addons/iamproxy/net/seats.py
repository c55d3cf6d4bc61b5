"""The two seats of a node: pairs of addresses, one for each family, of which every daemon listens on another.

Two daemons live on a node while one replaces the other. Who listens on a seat's address has the seat; so the
kernel itself keeps the list, and a daemon that is killed gives its seat back by that.
"""

import errno
import socket
from ipaddress import IPv4Address, IPv6Address

from addons.iamproxy.net.expressions import Address
from addons.runtime.errors import Unavailable

Seat = tuple[Address, ...]

SEATS: tuple[Seat, Seat] = (
    (IPv4Address("169.254.170.10"), IPv6Address("fd6a:9b1e:47c3::10")),
    (IPv4Address("169.254.170.11"), IPv6Address("fd6a:9b1e:47c3::11")),
)
"""On the loopback interface, and the same on every node."""

_BACKLOG = 1024


def other(seat: Seat) -> Seat:
    """Give the seat that is not this one; a seat is known by its first address."""
    return SEATS[1] if seat[0] == SEATS[0][0] else SEATS[0]


def is_taken(seat: Seat, port: int) -> bool:
    """Whether somebody listens there; asking takes the seat from nobody. Raises Unavailable."""
    try:
        _bind(seat[0], port).close()
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):  # in use; or the address was taken away
            return error.errno == errno.EADDRINUSE
        raise Unavailable(f"cannot tell who listens on {seat[0]}:{port}: {error.strerror}") from error
    return False


def take(seat: Seat, port: int) -> list[socket.socket]:
    """Listen on every address of a seat; empty when somebody else does. Raises OSError."""
    taken: list[socket.socket] = []
    try:
        for address in seat:
            taken.append(_bind(address, port))
            taken[-1].listen(_BACKLOG)
    except OSError as error:
        for each in taken:
            each.close()
        if error.errno == errno.EADDRINUSE:
            return []
        raise
    return taken


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
