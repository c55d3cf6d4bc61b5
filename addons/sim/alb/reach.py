"""Where a target really listens: instances by their primary address, and whatever a test maps."""

import socket
from collections.abc import Callable

import aiohttp
from aiohttp import AddrInfoType

from addons.sim.aws.elbv2.account import Account

Reach = Callable[[str, int], tuple[str, int]]


def reach_by_address(account: Account) -> Reach:
    """Give the way that leads to the address of a target itself, that of an instance for its id."""

    def reach(id_: str, port: int) -> tuple[str, int]:
        interfaces = account.ec2.account.interfaces_of(id_)
        return (str(interfaces[0].addresses[0]) if interfaces else id_), port

    return reach


def connector_in(open_socket: Callable[[int, int], socket.socket]) -> aiohttp.TCPConnector:
    """Give connections whose sockets somebody else opens, e.g. `Namespace.open_socket` in a namespace."""

    def make(about: AddrInfoType) -> socket.socket:
        return open_socket(about[0], about[1])

    return aiohttp.TCPConnector(limit=0, socket_factory=make)
