"""Waiting for the world to change, as long as there is permission to act."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from addons.runtime.errors import Withheld
from addons.runtime.permit import LEASE_ENDING, RETRY_SECONDS, STOPPING, Permit

T = TypeVar("T")


class Waiting:
    """The waits of one removal. Each raises Withheld once nothing may be sent any more."""

    def __init__(self, permit: Permit) -> None:
        self._permit = permit
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Have what waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Take a step as soon as it is permitted: caches become fresh again, a lost lease does not come
        back.
        """
        while True:
            self.check()
            try:
                return await step()
            except Withheld as error:
                if error.code in (STOPPING, LEASE_ENDING):
                    raise
            await self.until(lambda: False, RETRY_SECONDS)

    async def until(self, holds: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until something holds, looking whenever the node or its pods have changed; and whether there
        still is permission to act, every now and then.
        """
        loop = asyncio.get_running_loop()
        end = None if seconds is None else loop.time() + seconds
        while True:
            self.check()
            changed = self._changed
            if holds():
                return True
            if end is not None and loop.time() >= end:
                return False
            soon = loop.time() + RETRY_SECONDS
            try:
                async with asyncio.timeout_at(soon if end is None else min(end, soon)):
                    await changed.wait()
            except TimeoutError:
                continue

    def check(self) -> None:
        """Raise Withheld when nothing may be sent any more."""
        refusal = self._permit.refusal_to_send()
        if refusal and refusal.code in (STOPPING, LEASE_ENDING):
            raise refusal
