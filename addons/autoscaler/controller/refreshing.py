"""When groups are read from AWS: all of them now and then, those that are awaited often, one at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

log = logging.getLogger(__name__)

AWAITED_SECONDS = 5.0
"""Groups that AWS owes instances, or whose instances are no nodes yet, are read again after so long."""


class Refreshing:
    """Has `read(names)` called, None meaning all groups, and `changed` after each reading.

    `read` must not raise for what fails in AWS. `awaited` gives the groups on which something is to happen.
    """

    def __init__(
        self,
        read: Callable[[Collection[str] | None], Awaitable[None]],
        *,
        interval_seconds: float,
        awaited: Callable[[], Collection[str]],
        changed: Callable[[], None],
        awaited_seconds: float = AWAITED_SECONDS,
    ) -> None:
        self._read = read
        self._interval_seconds = interval_seconds
        self._awaited = awaited
        self._changed = changed
        self._awaited_seconds = min(awaited_seconds, interval_seconds)
        self._hurried: set[str] = set()
        self._hurry = asyncio.Event()

    def hurry(self, group: str) -> None:
        """Have a group read at once."""
        self._hurried.add(group)
        self._hurry.set()

    async def read_all(self) -> None:
        """Read all groups now."""
        self._hurried.clear()
        await self._read(None)
        self._changed()

    async def run(self, stopping: asyncio.Event) -> None:
        """Read until `stopping`; a reading of all that takes long holds up none of a few."""
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(self._all()), group.create_task(self._some())]
            await stopping.wait()
            for each in reading:
                each.cancel()

    async def _all(self) -> None:
        while True:
            await self.read_all()
            await asyncio.sleep(self._interval_seconds)

    async def _some(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._awaited_seconds):
                    await self._hurry.wait()
            self._hurry.clear()
            names, self._hurried = self._hurried | set(self._awaited()), set()
            if names:
                await self._read(sorted(names))
                self._changed()
