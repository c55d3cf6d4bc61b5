"""Which pod was given which address, as our cni tells it on its socket."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec

from addons.iamproxy.model.assignments import Assignment
from addons.runtime.errors import OutsideError, Unavailable

log = logging.getLogger(__name__)

_READ_SECONDS = 2.0
_SHORTLY = 0.002
_USUALLY = 0.5
_LONGEST_AGE = 30.0
"""Seconds for which the network lets a freed address rest: a reading this old names no wrong pod yet."""


class Assignments:
    """Which pod was given which address, read again and again from the socket of our cni.

    `on_read` is told whether something has changed. Without a socket nothing is read, and the addresses that
    the API server tells are used.
    """

    def __init__(self, socket: str, *, on_read: Callable[[bool], None]) -> None:
        self._socket = Path(socket) if socket else None
        self._on_read = on_read
        self._hurry = asyncio.Event()
        self._is_used = bool(self._socket and self._socket.is_socket())
        self.found: tuple[Assignment, ...] | None = None
        """What was read last; None where there is no such socket."""
        self.read_at = float("-inf")
        """The loop's time when the last reading began that succeeded."""
        self.error = ""

    def hurry(self) -> None:
        """Read at once: a request waits for it."""
        self._hurry.set()

    def not_ready(self) -> str:
        """Why the assignments cannot be trusted, in words; empty when they can, or are not used."""
        age = asyncio.get_running_loop().time() - self.read_at
        if not self._is_used or age <= _LONGEST_AGE:
            return ""
        if self.found is None:
            return f"assignments not read yet: {self.error}".removesuffix(": ")
        return f"assignments not read for {age:.0f} s: {self.error}"

    async def run(self, stopping: asyncio.Event) -> None:
        """Read until `stopping`."""
        if self._socket is None:
            await stopping.wait()
            return
        connector = aiohttp.UnixConnector(str(self._socket), limit=1)
        async with asyncio.TaskGroup() as group, aiohttp.ClientSession(connector=connector) as session:
            reading = group.create_task(self._read_on(session))
            await stopping.wait()
            reading.cancel()

    async def _read_on(self, session: aiohttp.ClientSession) -> None:
        while True:
            self._hurry.clear()
            self._is_used = self._is_used or bool(self._socket and self._socket.is_socket())
            if self._is_used:
                await self._read(session)
            await self._rest()

    async def _rest(self) -> None:
        await asyncio.sleep(_SHORTLY)
        try:
            async with asyncio.timeout(_USUALLY):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _read(self, session: aiohttp.ClientSession) -> None:
        started = asyncio.get_running_loop().time()
        try:
            found = await _ask(session)
        except OutsideError as error:
            if not self.error:
                log.warning("assignments of the cni cannot be read: %s", error)
            self.error = error.message
            return
        changed, self.found, self.read_at, self.error = found != self.found, found, started, ""
        self._on_read(changed)


async def _ask(session: aiohttp.ClientSession) -> tuple[Assignment, ...]:
    try:
        timeout = aiohttp.ClientTimeout(total=_READ_SECONDS)
        async with session.get("http://cni/v1/assignments", timeout=timeout) as reply:
            if reply.status != 200:
                raise Unavailable(f"it answered with status {reply.status}", status=reply.status)
            return msgspec.json.decode(await reply.read(), type=tuple[Assignment, ...])
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error
    except msgspec.MsgspecError as error:
        raise Unavailable(f"it answered what cannot be read: {error}") from error
