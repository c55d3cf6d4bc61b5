"""What somebody in a network namespace gets who asks: by HTTP, by a connection that lasts, by ICMP."""

import asyncio
import itertools
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from addons.sim.fabric.echo import ECHO_PORT
from addons.sim.net import Namespace

SILENT_AFTER_SECONDS = 2.0

_IP_MTU_DISCOVER, _IP_PMTUDISC_DO = 10, 2
_sequence = itertools.count(1)


async def seen_by(inside: Namespace, target: str, *, source: str = "", port: int = 80) -> str:
    """The address that a server (`Echo`) sees of one that asks it by HTTP; "" when there is silence."""
    asking = inside.open_socket()
    asking.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        if source:
            asking.bind((source, 0))
        async with asyncio.timeout(SILENT_AFTER_SECONDS):
            await loop.sock_connect(asking, (target, port))
            await loop.sock_sendall(asking, b"GET / HTTP/1.0\r\n\r\n")
            answer = await loop.sock_recv(asking, 4096)
        return answer.decode().rpartition("\r\n")[2]
    except (OSError, TimeoutError):
        return ""
    finally:
        asking.close()


async def seen_datagram(inside: Namespace, target: str) -> str:
    """The address that a server sees of one who sends it a datagram."""
    with inside.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(SILENT_AFTER_SECONDS):
            await loop.sock_sendto(asking, b"who am I?", (target, ECHO_PORT))
            return (await loop.sock_recv(asking, 4096)).decode()


class Flow:
    """A TCP connection to an `Echo` that lasts; `seen` is the address that the server has seen of it."""

    def __init__(self, connection: socket.socket, seen: str) -> None:
        self.seen = seen
        self._connection = connection
        self._beats = itertools.count(1)

    async def beat(self) -> bool:
        """Say something new; whether exactly that came back in time."""
        loop = asyncio.get_running_loop()
        said = f"beat {next(self._beats)}\n".encode()
        try:
            async with asyncio.timeout(SILENT_AFTER_SECONDS):
                await loop.sock_sendall(self._connection, said)
                return await loop.sock_recv(self._connection, 4096) == said
        except (OSError, TimeoutError):
            return False


@asynccontextmanager
async def flow(inside: Namespace, target: str) -> AsyncIterator[Flow]:
    """Connect to port 7 of a server, and stay connected."""
    loop = asyncio.get_running_loop()
    with inside.open_socket() as connection:
        connection.setblocking(False)
        async with asyncio.timeout(10):
            await loop.sock_connect(connection, (target, ECHO_PORT))
            greeting = await loop.sock_recv(connection, 4096)
        yield Flow(connection, greeting.decode().strip())


def pings(inside: Namespace, target: str, *, source: str = "0.0.0.0", size: int = 64) -> bool:
    """Whether a target answers a message of ICMP of some bytes, which nobody may split."""
    with inside.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)) as asking:
        asking.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DO)
        asking.settimeout(SILENT_AFTER_SECONDS)
        asking.bind((source, 0))
        body = struct.pack("!HH", os.getpid() & 0xFFFF, next(_sequence)) + bytes(size - 8)
        try:
            asking.sendto(struct.pack("!BBH", 8, 0, _checksum(b"\x08\x00" + body)) + body, (target, 0))
            while True:
                packet, (peer, _) = asking.recvfrom(65536)
                if peer == target and packet[20] == 0 and packet[24:] == body:
                    return True
        except OSError:
            return False


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
