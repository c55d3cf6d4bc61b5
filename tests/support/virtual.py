"""An event loop whose time jumps: an hour of waiting passes in no time, and always in the same order.

`loop.time()` stands still while anything can run or any socket is ready, and then goes straight to the next
timer. Sockets are real: a client and a server in the same loop find each other's data on loopback.
"""

import asyncio
import os
import selectors
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_DEADLOCK_SECONDS = 20.0  # real time without any timer or event after which nothing will ever happen
_EXCHANGES = (
    4  # packets that follow from one another without a program's doing: SYN, SYN-ACK, ACK, and one more
)


class _Loopback:
    """Tells when the kernel has delivered what was sent on loopback.

    On one CPU the kernel's queue of loopback packets is first in, first out. A datagram to ourselves that has
    arrived has therefore overtaken nothing: all that was sent before it has arrived as well.
    """

    def __init__(self) -> None:
        self._probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._probe.bind(("127.0.0.1", 0))
        self._probe.connect(self._probe.getsockname())
        self._probe.settimeout(_DEADLOCK_SECONDS)

    def settle(self) -> None:
        """Return when nothing is under way any more."""
        for _ in range(_EXCHANGES):
            self._probe.send(b".")
            self._probe.recv(1)

    def close(self) -> None:
        self._probe.close()


class _JumpingSelector(selectors.DefaultSelector):
    """Reports ready sockets as usual; instead of waiting for a timer it moves the time there."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.slack = 0.0
        self.may_jump: Callable[[], bool] = lambda: True
        self._loopback = _Loopback()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(_DEADLOCK_SECONDS)
            if not ready:
                raise RuntimeError("nothing can happen any more: no timer, no ready socket")
            return ready
        ready = super().select(0)
        if ready or timeout <= 0:
            return ready
        if not self.may_jump():
            return self._wait()
        self._loopback.settle()
        ready = super().select(0)
        if not ready:
            self.now += timeout + self.slack
        return ready

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait in real time for what a thread does."""
        ready = super().select(_DEADLOCK_SECONDS)
        if not ready:
            raise RuntimeError(f"a thread does not come to an end:\n{_others()}")
        return ready

    def close(self) -> None:
        self._loopback.close()
        super().close()


def _others() -> str:
    """What every other thread is about."""
    mine = threading.get_ident()
    frames = [frame for number, frame in sys._current_frames().items() if number != mine]
    return "\n".join("".join(traceback.format_stack(frame)) for frame in frames)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, which starts at zero. While it exists its thread keeps to one CPU."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._allowed = os.sched_getaffinity(0)
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        os.sched_setaffinity(0, {sorted(self._allowed)[worker % len(self._allowed)]})

    def close(self) -> None:
        if not self.is_closed():
            os.sched_setaffinity(0, self._allowed)
        super().close()

    def time(self) -> float:
        return self._jumping.now

    def run_in_executor(self, executor: object, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Do it here and now: time would not wait for a thread."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class ThreadedVirtualLoop(VirtualLoop):
    """The same with threads that run beside it: time stands still as long as one of them does anything.

    A thread that waits for the answer of a simulated service does nothing: the service lives in this loop,
    and what it waits for is virtual. `waiting` says how many such threads there are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiting: Callable[[], int] = lambda: 0
        self._busy = self._asleep = 0
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="virtual")
        self._jumping.slack = 1e-6  # or a deadline that is missed by a rounding error is awaited for ever
        self._jumping.may_jump = lambda: self._busy <= self.waiting() + self._asleep

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        self._busy += 1
        job = (executor or self._pool).submit(func, *args)
        future = asyncio.wrap_future(job, loop=self)  # tells the loop of the end before the line below does
        job.add_done_callback(self._end)
        return future

    def sleep_in_thread(self, seconds: float) -> None:
        """Sleep in a thread for so much of this loop's time."""
        asyncio.run_coroutine_threadsafe(self._sleep(seconds), self).result()

    async def _sleep(self, seconds: float) -> None:
        self._asleep += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._asleep -= 1

    def _end(self, _: Future[Any]) -> None:
        if not self.is_closed():
            self.call_soon_threadsafe(self._forget)

    def _forget(self) -> None:
        self._busy -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        super().close()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def virtual_now() -> datetime:
    """Wall time that goes with the running loop's virtual time."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())
