"""An event loop whose time jumps: an hour of waiting passes in no time, and always in the same order.

`loop.time()` stands still while anything can run or any socket is ready, and then goes straight to the next
timer. Sockets are real: a client and a server in the same loop find each other's data on loopback at once.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_GRACE_SECONDS = 0.0005  # real time that loopback gets to deliver what was written
_DEADLOCK_SECONDS = 20.0  # real time without any timer or event after which nothing will ever happen


class _JumpingSelector(selectors.DefaultSelector):
    """Reports ready sockets as usual; instead of waiting for a timer it moves the time there."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(_DEADLOCK_SECONDS)
            if not ready:
                raise RuntimeError("nothing can happen any more: no timer, no ready socket")
            return ready
        ready = super().select(0)
        if ready or timeout <= 0:
            return ready
        ready = super().select(_GRACE_SECONDS)
        if not ready:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, which starts at zero."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def virtual_now() -> datetime:
    """Wall time that goes with the running loop's virtual time."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())
