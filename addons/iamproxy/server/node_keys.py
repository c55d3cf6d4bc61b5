"""The few keys of the node's own metadata that pods may read, kept for a minute."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from addons.runtime.errors import OutsideError

Fetch = Callable[[str], Awaitable[str | None]]
"""Reads one key below `meta-data/`; gives None when the node has no such key, raises OutsideError."""

Values = Mapping[str, str | None]
"""Keys of the node's metadata -> what it has there; None for nothing."""

_FRESH_SECONDS = 60.0
_FIRST_SECONDS = 5.0


class _Held(Struct, frozen=True):
    """What the node's metadata has under a key, and the loop's time when it was read."""

    text: str | None
    read_at: float


class NodeKeys:
    """Reads keys of the node's metadata, each at most once in a minute however many ask.

    `first` are read before anybody asks. Pods that ask give a second, in which a new daemon may have much to
    do; `has_looked` says that this is over, whether the node has answered or not.
    """

    def __init__(self, fetch: Fetch, first: Sequence[str] = ()) -> None:
        self._fetch = fetch
        self._first = first
        self.has_looked = False
        self._held: dict[str, _Held] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Read the first ones, and return when `stopping`."""
        await self.get(self._first, _FIRST_SECONDS)
        self.has_looked = True
        await stopping.wait()

    def find(self, keys: Sequence[str]) -> Values | None:
        """The values of some keys if all are held and fresh."""
        if all(map(self._is_fresh, keys)):
            return {key: self._held[key].text for key in keys}
        return None

    async def get(self, keys: Sequence[str], seconds: float) -> Values | None:
        """The values of some keys, read if need be; old ones when that fails, None where one is missing."""
        readings = [self._begin_to_read(key) for key in keys if not self._is_fresh(key)]
        if readings:
            await asyncio.wait(readings, timeout=seconds)
        if all(key in self._held for key in keys):
            return {key: self._held[key].text for key in keys}
        return None

    def _is_fresh(self, key: str) -> bool:
        held = self._held.get(key)
        return held is not None and asyncio.get_running_loop().time() - held.read_at < _FRESH_SECONDS

    def _begin_to_read(self, key: str) -> asyncio.Task[None]:
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._read(key))
            reading.add_done_callback(lambda _: self._reading.pop(key))
        return reading

    async def _read(self, key: str) -> None:
        try:
            text = await self._fetch(key)
        except OutsideError:
            return
        self._held[key] = _Held(text, asyncio.get_running_loop().time())
