"""The shape of every part of a daemon."""

import asyncio
from collections.abc import Awaitable, Callable

Service = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set, and returns soon afterwards."""
