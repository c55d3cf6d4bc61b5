"""HTTP from inside a network namespace: what somebody there gets who dials an address."""

import asyncio
import re
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import unescape
from typing import TypeVar

import aiohttp
from aiohttp.typedefs import StrOrURL

from addons.sim.net import Namespace

T = TypeVar("T")
_SILENCE_SECONDS = 1.0
_PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """What came back; a `status` of 0 is no answer at all, and `text` says what happened instead."""

    status: int
    text: str

    @property
    def words(self) -> str:
        """The status, and the reason that stands on an error page."""
        said = _PARAGRAPH.search(self.text)
        return " ".join(filter(None, (str(self.status or self.text), said and unescape(said[1]))))


def connector(inside: Namespace | None, source: str = "") -> aiohttp.TCPConnector:
    """Connect from a namespace (None: the present one), with the address `source` when it is given."""
    if inside is None:
        return aiohttp.TCPConnector()

    def open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
        opened = inside.open_socket(address[0], address[1])
        if source:
            opened.bind((source, 0))
        return opened

    return aiohttp.TCPConnector(socket_factory=open_socket)


async def get(inside: Namespace, url: StrOrURL, *, source: str = "") -> Answer:
    """Ask once, as somebody inside; after a second without an answer it is silence."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE_SECONDS, sock_read=5)
    async with aiohttp.ClientSession(connector=connector(inside, source), timeout=timeout) as session:
        try:
            async with session.get(url) as reply:
                return Answer(reply.status, await reply.text())
        except aiohttp.ClientConnectorError as error:
            is_refused = isinstance(error.os_error, ConnectionRefusedError)
            return Answer(0, "connection refused" if is_refused else str(error))
        except TimeoutError:
            return Answer(0, "silence")


async def in_thread(function: Callable[[], T]) -> T:
    """Give what a function comes to that blocks; it runs to its end in a thread of its own.

    So it does when this is cancelled, and the loop goes on meanwhile: the function may ask servers in it.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        running = asyncio.get_running_loop().run_in_executor(thread, function)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise
