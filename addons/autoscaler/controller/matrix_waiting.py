"""What a run waits for is told while it waits: which stacks, for how long, and what AWS says of them."""

import asyncio
from collections.abc import Callable
from typing import Final

from addons.autoscaler.aws.stacks import Stacks
from addons.autoscaler.model.matrix import Stack
from addons.runtime.errors import OutsideError

EVERY_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 5.0
_ASKED_ABOUT: Final = 3
"""So many of the stacks that have waited longest are asked about each time: two reads for each."""


class Waiting:
    """The stacks that are waited for now. A line about each goes to `tell` every 30 seconds."""

    def __init__(self, stacks: Stacks, tell: Callable[[str], None]) -> None:
        self._stacks = stacks
        self._tell = tell
        self._since: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._seen: dict[str, Stack] = {}

    def saw(self, stack: Stack) -> None:
        """A stack is waited for still."""
        now = asyncio.get_running_loop().time()
        self._since.setdefault(stack.name, now)
        self._told.setdefault(stack.name, now)
        self._seen[stack.name] = stack

    def over(self, name: str) -> None:
        """A stack is waited for no more."""
        for known in (self._since, self._told, self._seen):
            known.pop(name, None)

    async def tell_of_them(self) -> None:
        """Tell of them until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for number, name in enumerate(tuple(self._since)):
                await self._tell_of(name, is_asked=number < _ASKED_ABOUT)

    async def _tell_of(self, name: str, *, is_asked: bool) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told.get(name, now) < EVERY_SECONDS:
            return
        stack, since = self._seen[name], self._since[name]
        self._told[name] = now
        why = await self._why(stack) if is_asked else ""
        if name in self._seen:
            told = f"waiting: {name}: {stack.status} for {_in_words(now - since)}"
            self._tell(f"{told}: {why}" if why else told)

    async def _why(self, stack: Stack) -> str:
        """What AWS says of it; nothing where it does not answer, as that ends no run."""
        try:
            return await self._stacks.newest(stack)
        except OutsideError:
            return ""


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds // 60:.0f} min"
