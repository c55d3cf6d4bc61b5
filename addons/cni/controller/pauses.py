"""Waiting for the first of several things, as all that looks again and again does."""

import asyncio
from contextlib import suppress


async def first_of(*events: asyncio.Event, seconds: float) -> None:
    """Return when one of them is set, or after some seconds."""
    waiting = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
