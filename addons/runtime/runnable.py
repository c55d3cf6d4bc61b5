"""The shape of every part of a daemon that runs for as long as the daemon does."""

import asyncio
from collections.abc import Awaitable, Callable

Runnable = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set, and returns soon afterwards."""
