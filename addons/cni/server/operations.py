"""What the socket has done for container runtimes, and by whom."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from addons.cni.model.requests import CniRequest

View = Callable[[Mapping[str, str]], Any]
"""Answers a GET by its query, with data for JSON, or None.

Raises ValueError for a bad query, and Unavailable while the answer would not be the truth.
"""


class Operations(Protocol):
    """The verbs of the specification; each raises CniError."""

    async def add(self, request: CniRequest, gone: asyncio.Future[None]) -> dict[str, Any]:
        """Give a sandbox an address and a network; nobody waits for it any more once `gone` is done."""
        ...

    async def delete(self, request: CniRequest) -> None:
        """Take back what a sandbox has; nothing to do is success."""
        ...

    async def check(self, request: CniRequest) -> None:
        """Return if all is as it was made."""
        ...

    async def collect(self, request: CniRequest) -> None:
        """Take back what belongs to no valid attachment (GC)."""
        ...

    def status(self) -> None:
        """Return if an ADD could be served."""
        ...
