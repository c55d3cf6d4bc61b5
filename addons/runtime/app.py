"""The life of a daemon: run its parts until a signal, stop them in good order, and tell how it ended."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from addons.runtime.runnable import Runnable
from addons.runtime.settings import SettingError

log = logging.getLogger(__name__)

T = TypeVar("T")


@cache
def version() -> str:
    """Give the version of the distribution."""
    from importlib import metadata  # 25 ms that no start of a daemon should pay

    return metadata.version("aws-cluster-addons")


def run_to_exit_code(main: Coroutine[Any, Any, int | None]) -> int:
    """Run `main` on a new event loop; give its result, or 1 when it crashed, with the traceback in the log.

    A SettingError passes through, also one of a part that ran beside others: it is the user's, not ours.
    """
    try:
        return asyncio.run(main) or 0
    except Exception as error:
        if setting := _setting_error(error):
            raise setting from None
        log.critical("crashed: %s", error, exc_info=error)
        return 1


async def at_once() -> None:
    """Do nothing."""


async def run_until_stopped(
    *runnables: Runnable, grace: float = 20.0, before_stopping: Callable[[], Awaitable[None]] = at_once
) -> None:
    """Run every one of them until SIGTERM or SIGINT; end the daemon when one of them fails.

    After the signal all go on as before until `before_stopping` is done.

    All share one `stopping` event and return soon after it is set, so that the AWS call in
    flight finishes and its outcome is written down. Who has not returned `grace` seconds later
    is cancelled. One that fails, or returns unasked, takes the others down: the pod
    restarts whole rather than limp on without one of its parts.
    """
    signalled, stopping = asyncio.Event(), asyncio.Event()
    with stopped_by_signals(signalled):
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_guard(runnable, stopping), name=_name(runnable)) for runnable in runnables
            ]
            await signalled.wait()
            await before_stopping()
            stopping.set()
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                log.warning("cancelled: %s did not stop within %.0f s", task.get_name(), grace)
                task.cancel()


@contextmanager
def stopped_by_signals(signalled: asyncio.Event) -> Iterator[None]:
    """Let the first signal set `signalled`; a second one then ends the process at once, as by default."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def release() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    def stop(number: signal.Signals) -> None:
        log.info("stopping: received %s", number.name)
        release()
        for each in signals:
            signal.signal(each, signal.SIG_DFL)
        signalled.set()

    for number in signals:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        release()


async def end_within(seconds: float, work: Coroutine[Any, Any, T], stopping: asyncio.Event) -> T | None:
    """Do the work; give up on it (None) when it has not ended so many seconds after `stopping` was set."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((task,), timeout=seconds)
    finally:
        stopped.cancel()
        task.cancel()
        await asyncio.wait((task,))
    return None if task.cancelled() else task.result()


def _setting_error(error: BaseException) -> SettingError | None:
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_setting_error, error.exceptions)), None)
    return error if isinstance(error, SettingError) else None


async def _guard(runnable: Runnable, stopping: asyncio.Event) -> None:
    try:
        await runnable(stopping)
    except SettingError:
        raise
    except Exception as error:
        log.error("failed: %s: %s", _name(runnable), error)
        raise
    if not stopping.is_set():
        raise RuntimeError(f"{_name(runnable)} returned although nobody asked it to stop")


def _name(runnable: Runnable) -> str:
    return getattr(runnable, "__qualname__", repr(runnable))
