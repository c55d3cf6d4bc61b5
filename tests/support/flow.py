"""A connection that lasts, to a server that gives back what it is told (`Echo`)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from addons.sim.fabric.echo import ECHO_PORT
from addons.sim.net import Namespace

PATIENCE_SECONDS = 10.0


@asynccontextmanager
async def flow(inside: Namespace, target: str) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """Connect; what is given says something, and gives the answer. Silence raises TimeoutError."""
    loop = asyncio.get_running_loop()
    with inside.open_socket() as connected:
        connected.setblocking(False)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await loop.sock_connect(connected, (target, ECHO_PORT))
            await loop.sock_recv(connected, 100)

        async def say(words: str) -> str:
            await loop.sock_sendall(connected, words.encode())
            async with asyncio.timeout(PATIENCE_SECONDS):
                return (await loop.sock_recv(connected, 100)).decode()

        yield say
