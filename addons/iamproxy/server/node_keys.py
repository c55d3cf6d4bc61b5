"""The few keys of the node's own metadata that pods may read, kept for a minute."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

from addons.runtime.errors import OutsideError

Fetch = Callable[[str], Awaitable[str | None]]
"""Reads one key below `meta-data/`; gives None when the node has no such key, raises OutsideError."""

_FRESH_SECONDS = 60.0


class NodeValue(Struct, frozen=True):
    """What the node's metadata has under a key, and the loop's time when it was read; None for nothing."""

    text: str | None
    read_at: float


class NodeKeys:
    """Reads keys of the node's metadata, each at most once in a minute however many ask."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._held: dict[str, NodeValue] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}

    def find(self, key: str) -> NodeValue | None:
        """The value of a key if it is held and fresh."""
        held = self._held.get(key)
        is_fresh = held and asyncio.get_running_loop().time() - held.read_at < _FRESH_SECONDS
        return held if is_fresh else None

    async def get(self, key: str, seconds: float) -> NodeValue | None:
        """The value of a key, read if need be; an old one when that fails, None without one."""
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._read(key))
            reading.add_done_callback(lambda _: self._reading.pop(key))
        await asyncio.wait([reading], timeout=seconds)
        return self._held.get(key)

    async def _read(self, key: str) -> None:
        try:
            text = await self._fetch(key)
        except OutsideError:
            return
        self._held[key] = NodeValue(text, asyncio.get_running_loop().time())
