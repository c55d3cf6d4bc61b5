"""How long a refusal that passes by itself is nothing to make an Event of."""

import asyncio
from collections.abc import Hashable
from typing import Final

from addons.runtime.errors import OutsideError, Throttled

SECONDS: Final = 60.0
"""Who waits for longer than that because AWS is asked too often is told."""


class Patience:
    """Remembers since when AWS has answered nothing but that it is asked too often, by what was asked for."""

    def __init__(self) -> None:
        self._since: dict[Hashable, float] = {}

    def is_over(self, which: Hashable, error: OutsideError | None) -> bool:
        """Take note of an answer; whether it has been this one for too long."""
        if not isinstance(error, Throttled):
            self._since.pop(which, None)
            return False
        now = asyncio.get_running_loop().time()
        return now - self._since.setdefault(which, now) >= SECONDS

    def forget(self, which: Hashable) -> None:
        """Nobody asks for this any more."""
        self._since.pop(which, None)
