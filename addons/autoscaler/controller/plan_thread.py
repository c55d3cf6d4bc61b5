"""The one thread in which plans are made, so that the event loop never waits for one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class PlanThread:
    """Makes plans one after the other. The thread ends with the process."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "plan")

    async def run(self, plan: Callable[[], T]) -> T:
        """What the plan gives; others may work meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, plan)

    def close(self) -> None:
        """Let the thread end when it has nothing to do any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
