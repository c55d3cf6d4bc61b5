"""The shape of every part of a daemon that runs for as long as the daemon does."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Runnable = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Works until the event is set, and returns soon afterwards."""
