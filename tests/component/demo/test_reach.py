"""What blocks is done in a thread, and may ask servers of this process: an interrupt must not stop these."""

import asyncio

import pytest

from addons.demo.reach import in_thread


async def test_a_cancellation_waits_for_the_end_while_the_loop_answers() -> None:
    loop, begun, answer = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    done: list[bool] = []

    def ask() -> None:
        loop.call_soon_threadsafe(begun.set)
        done.append(asyncio.run_coroutine_threadsafe(answer.wait(), loop).result(5))

    task = asyncio.create_task(in_thread(ask))
    await begun.wait()
    task.cancel()
    loop.call_soon(answer.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]
