"""A thread that works for an event loop: in order, and without keeping anybody from ending."""

import asyncio
import gc
import subprocess
import sys
import threading

import pytest

from addons.cni.worker import Worker

ABANDONED = """
import asyncio, threading
from addons.cni.worker import Worker

async def main():
    Worker("test").run(threading.Event().wait)

asyncio.run(main())
"""


class TestWorker:
    async def test_it_does_one_thing_after_the_other_in_a_thread_of_its_own(self) -> None:
        worker, done = Worker("test"), list[int]()
        await asyncio.gather(*(worker.run(lambda n=n: done.append(n)) for n in range(100)))  # type: ignore[misc]
        assert done == list(range(100))
        threads = {await worker.run(threading.get_ident) for _ in range(3)}
        assert len(threads) == 1
        assert threading.get_ident() not in threads
        await worker.end()

    async def test_an_error_is_raised_where_it_is_waited_for_and_the_next_thing_is_done(self) -> None:
        worker = Worker("test")
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 / 0)
        assert await worker.run(lambda: 1) == 1
        await worker.end()

    async def test_what_nobody_waits_for_any_more_is_not_begun(self) -> None:
        worker, may_go_on, done = Worker("test"), threading.Event(), list[str]()
        first = worker.run(may_go_on.wait)
        second = worker.run(lambda: done.append("second"))
        second.cancel()
        may_go_on.set()
        await first
        await worker.run(lambda: done.append("third"))
        assert done == ["third"]
        await worker.end()

    async def test_it_does_what_was_asked_for_before_it_ends(self) -> None:
        worker, done = Worker("test"), list[int]()
        worker.run(lambda: done.append(1))
        await worker.end()
        assert done == [1]
        await worker.end()

    async def test_its_thread_ends_when_nobody_has_it_any_more(self) -> None:
        worker = Worker("test")
        thread = await worker.run(threading.current_thread)
        del worker
        gc.collect()
        await asyncio.to_thread(thread.join, 60)
        assert not thread.is_alive()

    def test_a_thread_that_waits_for_ever_keeps_no_process_from_ending(self) -> None:
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", ABANDONED], capture_output=True, timeout=60
        )
        assert (ended.returncode, ended.stderr) == (0, b"")
