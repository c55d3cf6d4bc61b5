"""A thread that does one thing after the other for an event loop."""

import asyncio
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_Job = Callable[[], None]


class Worker(Executor):
    """Does what is asked for, in that order. Its thread begins with the first of it, and ends with it.

    The way to a thread pool's thread and back takes more than twice as long, and a pod would wait for it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._asked: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Have the thread call it, unless the future is cancelled before; gives what it returns or raises."""
        return asyncio.get_running_loop().run_in_executor(self, function)

    def submit(self, function: Callable[..., T], /, *args: Any, **more: Any) -> Any:
        """Do the same for the running loop: a future of its own, which it takes as it is."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._start()
        self._asked.put(lambda: _do(partial(function, *args, **more), future, loop))
        return future

    async def end(self) -> None:
        """Do what was asked for, and end."""
        if self._thread:
            await self.run(lambda: None)
            self._asked.put(None)
            self._thread.join()  # at once, as it has nothing left to do
            self._thread = None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=_work, args=(self._asked,), name=self._name, daemon=True)
            self._thread.start()
            weakref.finalize(self, self._asked.put, None)


def _work(asked: SimpleQueue[_Job | None]) -> None:
    while work := asked.get():
        work()
        del work


def _do(function: Callable[[], T], future: asyncio.Future[T], loop: asyncio.AbstractEventLoop) -> None:
    """Call it in this thread, and end the future in its loop; a closed one waits for nothing any more."""
    if future.cancelled():
        return
    end: Callable[[], None]
    try:
        end = partial(_succeed, future, function())
    except BaseException as error:
        end = partial(_fail, future, error)
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(end)


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
