"""The work queue: each key once, never twice at the same time, delays and back-off on virtual time."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from addons.runtime.queue import QueueClosed, WorkQueue
from tests.support.virtual import run_virtual


def new_queue() -> WorkQueue[str]:
    return WorkQueue("test")


def now() -> float:
    return asyncio.get_running_loop().time()


class TestOrder:
    def test_keys_come_in_the_order_in_which_they_became_due(self) -> None:
        async def story() -> list[str]:
            queue = new_queue()
            for key in ("b", "a", "c"):
                queue.add(key)
            return [await queue.get() for _ in range(3)]

        assert run_virtual(story()) == ["b", "a", "c"]

    def test_a_key_waits_once_however_often_it_is_added(self) -> None:
        async def story() -> int:
            queue = new_queue()
            for _ in range(5):
                queue.add("a")
            return len(queue)

        assert run_virtual(story()) == 1

    def test_one_who_waits_gets_the_key_when_it_comes(self) -> None:
        async def story() -> str:
            queue = new_queue()
            waiting = asyncio.ensure_future(queue.get())
            await asyncio.sleep(5)
            queue.add("a")
            return await waiting

        assert run_virtual(story()) == "a"


class TestInFlight:
    def test_a_key_added_while_it_is_worked_on_is_due_again_afterwards(self) -> None:
        async def story() -> None:
            queue = new_queue()
            queue.add("a")
            await queue.get()
            queue.add("a")
            queue.add("a")
            assert len(queue) == 0
            queue.done("a")
            assert len(queue) == 1

        run_virtual(story())

    def test_a_key_not_added_meanwhile_is_not_due_again(self) -> None:
        async def story() -> None:
            queue = new_queue()
            queue.add("a")
            await queue.get()
            assert not queue.idle
            queue.done("a")
            assert queue.idle

        run_virtual(story())


class TestDelays:
    async def arrival(self, queue: WorkQueue[str]) -> float:
        await queue.get()
        return now()

    def test_a_delayed_key_is_due_when_its_time_has_come(self) -> None:
        async def story() -> float:
            queue = new_queue()
            queue.add_after("a", 30)
            assert len(queue) == 0
            return await self.arrival(queue)

        assert run_virtual(story()) == 30

    @pytest.mark.parametrize(("first", "second"), [(30, 10), (10, 30)])
    def test_of_several_times_the_earliest_counts_and_the_key_comes_once(
        self, first: float, second: float
    ) -> None:
        async def story() -> float:
            queue = new_queue()
            queue.add_after("a", first)
            queue.add_after("a", second)
            arrived = await self.arrival(queue)
            queue.done("a")
            await asyncio.sleep(60)
            assert queue.idle
            return arrived

        assert run_virtual(story()) == 10

    def test_who_takes_a_key_takes_care_of_its_delayed_wish_too(self) -> None:
        async def story() -> None:
            queue = new_queue()
            queue.add_after("a", 30)
            queue.add("a")
            await queue.get()
            queue.done("a")
            await asyncio.sleep(60)
            assert queue.idle

        run_virtual(story())

    def test_no_delay_is_now(self) -> None:
        async def story() -> int:
            queue = new_queue()
            queue.add_after("a", 0)
            return len(queue)

        assert run_virtual(story()) == 1


class TestClosing:
    def test_a_closed_queue_hands_out_nothing_and_keeps_its_keys(self) -> None:
        async def story() -> str:
            queue = new_queue()
            queue.add("a")
            queue.close()
            with pytest.raises(QueueClosed):
                await queue.get()
            queue.open()
            return await queue.get()

        assert run_virtual(story()) == "a"

    def test_all_who_wait_are_sent_away(self) -> None:
        async def story() -> list[str | BaseException]:
            queue = new_queue()
            waiting = asyncio.gather(*(queue.get() for _ in range(3)), return_exceptions=True)
            await asyncio.sleep(1)
            queue.close()
            return await waiting

        assert [type(end) for end in run_virtual(story())] == [QueueClosed] * 3


class TestMetrics:
    def sample(self, name: str) -> float | None:
        return REGISTRY.get_sample_value(name, {"queue": "measured"})

    def test_depth_age_and_wait_are_measured(self) -> None:
        async def story() -> None:
            queue: WorkQueue[str] = WorkQueue("measured")
            queue.add("a")
            await asyncio.sleep(7)
            assert self.sample("addons_queue_depth") == 1
            assert self.sample("addons_queue_age_seconds") == 7
            await queue.get()
            assert self.sample("addons_queue_depth") == 0
            assert self.sample("addons_queue_age_seconds") == 0
            assert self.sample("addons_queue_wait_seconds_sum") == 7

        run_virtual(story())
