"""A VPC with the metadata service of its node, and what its inhabitants can do to reach it."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from addons.sim.imds import Imds
from addons.sim.net import METADATA, METADATA_V6, Fabric, Namespace
from tests.support.processes import output_of

OTHER_PORT = 8775
SILENCE_SECONDS = 0.4
PATIENCE_SECONDS = 15.0
PEER_FIRST = "you are"

REFUSED = "refused"
SILENCE = "silence"


class Vpc:
    """The fabric, the node's metadata service, and the datagrams that reached its address."""

    def __init__(self, fabric: Fabric, imds: Imds) -> None:
        self.fabric = fabric
        self.imds = imds
        self.datagrams: list[tuple[str, bytes]] = []

    async def ask(
        self,
        inside: Namespace,
        address: str = METADATA,
        port: int = 80,
        *,
        path: str = "/latest/user-data",
        method: str = "GET",
        source: str = "",
        patience: float = PATIENCE_SECONDS,
    ) -> str:
        """Give the answer to a request, or `REFUSED`, or `SILENCE`."""
        dialling = inside.open_socket(_family(address))
        dialling.setblocking(False)
        try:
            if source:
                dialling.bind((source, 0))
            async with asyncio.timeout(patience):
                await _connect(dialling, (address, port))
                return await _say(dialling, f"{method} {path}")
        except ConnectionRefusedError:
            return REFUSED
        except (TimeoutError, ConnectionResetError):
            return SILENCE
        finally:
            dialling.close()

    async def hears_nothing(
        self, inside: Namespace, address: str, port: int = 80, *, source: str = ""
    ) -> bool:
        """Whether a GET is met by silence."""
        answer = await self.ask(inside, address, port, source=source, patience=SILENCE_SECONDS)
        return answer == SILENCE

    def send(self, inside: Namespace, address: str, port: int, *, source: str = "") -> None:
        """Send a datagram."""
        with inside.open_socket(_family(address), socket.SOCK_DGRAM) as sending:
            if source:
                sending.bind((source, 0))
            sending.sendto(b"datagram", (address, port))

    async def settle(self) -> None:
        """Let a datagram of the node's own arrive, which overtakes none that was sent before."""
        seen = len(self.datagrams)
        self.send(self.fabric.node, METADATA, OTHER_PORT)
        async with asyncio.timeout(10):
            while len(self.datagrams) == seen or self.datagrams[-1][0] != "10.77.0.10":
                await asyncio.sleep(0)
        self.datagrams.pop()

    def sees_the_node(self, answer: str, asked: str = "") -> bool:
        """Whether an answer holds anything of the node's own that was not in the question already."""
        return any(canary in answer and canary not in asked for canary in self.imds.instance.canaries)

    def nft(self, *arguments: str) -> str:
        """Run `nft` on the node."""
        return output_of(*self.fabric.node.command("nft", *arguments))


async def _connect(dialling: socket.socket, address: tuple[str, int]) -> None:
    """Connect; a new address of IPv6 gets its route a moment later, by a task of the kernel's.

    A try that was told so by a router leaves the socket aborted: the next one says that, and clears it.
    """
    while True:
        try:
            return await asyncio.get_running_loop().sock_connect(dialling, address)
        except OSError as error:
            if error.errno not in (errno.ENETUNREACH, errno.ECONNABORTED):
                raise
        await asyncio.sleep(0.01)


async def _say(connected: socket.socket, request: str) -> str:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connected, f"{request} HTTP/1.0\r\n\r\n".encode())
    answer = b""
    while chunk := await loop.sock_recv(connected, 65536):
        answer += chunk
    return answer.decode()


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@asynccontextmanager
async def vpc(imds: Imds | None = None) -> AsyncIterator[Vpc]:
    """Make the VPC; the metadata service answers on two ports of both its addresses, and hears datagrams."""
    imds = imds or Imds()
    with Fabric() as fabric:
        made = Vpc(fabric, imds)
        addresses = (METADATA, METADATA_V6) if fabric.has_ipv6 else (METADATA,)
        listeners = [fabric.ec2.listener(address, port) for address in addresses for port in (80, OTHER_PORT)]
        ears = [fabric.ec2.open_socket(_family(address), socket.SOCK_DGRAM) for address in addresses]
        loop = asyncio.get_running_loop()
        for ear, address in zip(ears, addresses, strict=True):
            ear.bind((address, OTHER_PORT))
            ear.setblocking(False)
            loop.add_reader(ear, _hear, ear, made.datagrams)
        await imds.start(*listeners)
        try:
            yield made
        finally:
            await imds.stop()
            for ear in ears:
                loop.remove_reader(ear)
                ear.close()


def _hear(ear: socket.socket, datagrams: list[tuple[str, bytes]]) -> None:
    data, peer = ear.recvfrom(2048)
    datagrams.append((peer[0], data))


@asynccontextmanager
async def stand_in(*listeners: socket.socket) -> AsyncIterator[None]:
    """A server that tells who asks, in the place of the daemon's."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"{PEER_FIRST} {writer.get_extra_info('peername')[0]}".encode())
        await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(serve, sock=listener) for listener in listeners]
    try:
        yield
    finally:
        for server in servers:
            server.close()
            await server.wait_closed()
