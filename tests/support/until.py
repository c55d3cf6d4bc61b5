"""Waiting for what others do in their own time."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

SECONDS = 60.0
"""How long anything may take that a test waits for, on a busy machine."""


async def until(
    condition: Callable[[], object],
    what: str = "",
    *,
    seconds: float = SECONDS,
    pause: float = 0.02,
    unless: Callable[[], str] = lambda: "",
) -> Any:
    """Look until the condition holds, and give what it gives; it may be a coroutine function.

    The test fails when it does not within some `seconds`, or once it cannot any more: `unless` gives the
    reason then. The failure says `what` was waited for (else it shows the condition) and what was seen last.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        seen = condition()
        if inspect.isawaitable(seen):
            seen = await seen
        if seen:
            return seen
        why = unless() or (f"not within {seconds:.0f} s" if loop.time() > deadline else "")
        if why:
            raise AssertionError(f"{what or _source(condition)}: {why}; last seen: {seen!r}")
        await asyncio.sleep(pause)


def _source(condition: Callable[[], object]) -> str:
    try:
        return " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):
        return repr(condition)
