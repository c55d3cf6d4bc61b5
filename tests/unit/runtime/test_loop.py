"""The loop of a controller, on virtual time."""

import asyncio
import logging
import random
from itertools import pairwise

import pytest
from prometheus_client import REGISTRY

from addons.runtime.errors import Throttled, Unavailable
from addons.runtime.ledger import Ledger
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.permit import Permit
from tests.support.virtual import run_virtual


class Passes:
    """A reconcile function that notes when it was called, takes `seconds`, and ends as told, one by one."""

    def __init__(self, *ends: Result | Exception, seconds: float = 0.0) -> None:
        self.started: list[tuple[float, str]] = []
        self.at_once = 0
        self._running = 0
        self._ends = list(ends)
        self._seconds = seconds

    async def __call__(self, key: str, permit: Permit) -> Result:
        self.started.append((asyncio.get_running_loop().time(), key))
        self._running += 1
        self.at_once = max(self.at_once, self._running)
        await asyncio.sleep(self._seconds)
        self._running -= 1
        end = self._ends.pop(0) if self._ends else Result()
        if isinstance(end, Exception):
            raise end
        return end

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.started]


def figure(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def play(loop: ReconcileLoop[str], *wakes: tuple[float, str], seconds: float = 1000.0) -> None:
    """Run the loop for so long, and wake the keys at their times."""

    async def story() -> None:
        stopping = asyncio.Event()
        for at, key in wakes:
            asyncio.get_running_loop().call_later(at, loop.wake, key)
        asyncio.get_running_loop().call_later(seconds, stopping.set)
        await loop.run(Permit(stopping))

    run_virtual(story())


class TestFailingKeys:
    def test_they_are_counted_until_they_succeed(self) -> None:
        async def story() -> list[float | None]:
            passes = Passes(Unavailable("away"), Result(), Unavailable("away"), Result(), Result())
            loop = ReconcileLoop("failing", passes)
            counts = []
            for key in ("a", "b", "b", "a", "b"):
                await loop.run_once([key], Permit(asyncio.Event()))
                counts.append(figure("addons_reconcile_failing_keys", loop="failing"))
            return counts

        assert run_virtual(story()) == [1, 1, 2, 1, 0]

    def test_a_replica_that_was_stopped_has_none(self) -> None:
        passes = Passes(*[Unavailable("away")] * 100)
        play(ReconcileLoop("stopped", passes), (1, "a"), seconds=10)
        assert passes.started
        assert figure("addons_reconcile_failing_keys", loop="stopped") == 0


class TestWaking:
    def test_a_woken_key_is_reconciled(self) -> None:
        passes = Passes()
        play(ReconcileLoop("test", passes), (1, "a"), (2, "b"))
        assert passes.started == [(1, "a"), (2, "b")]

    def test_a_burst_makes_one_pass_after_the_time_to_coalesce(self) -> None:
        passes = Passes()
        play(ReconcileLoop("test", passes, coalesce_seconds=5), (1, "a"), (2, "a"), (5, "a"))
        assert passes.started == [(6, "a")]

    def test_a_key_woken_during_its_pass_gets_another_one_afterwards(self) -> None:
        passes = Passes(seconds=10)
        play(ReconcileLoop("test", passes, workers=2), (1, "a"), (2, "a"), (3, "a"))
        assert passes.started == [(1, "a"), (11, "a")]
        assert passes.at_once == 1

    def test_different_keys_run_at_once_as_far_as_there_are_workers(self) -> None:
        passes = Passes(seconds=10)
        play(ReconcileLoop("test", passes, workers=2), (1, "a"), (2, "b"), (3, "c"))
        assert passes.started == [(1, "a"), (2, "b"), (11, "c")]
        assert passes.at_once == 2

    def test_a_pass_says_when_to_come_again(self) -> None:
        passes = Passes(Result(again_in=60), Result(again_in=0))
        play(ReconcileLoop("test", passes), (1, "a"))
        assert passes.times == [1, 61, 61]

    def test_an_explicit_time_is_not_coalesced(self) -> None:
        passes = Passes()

        async def story() -> None:
            loop = ReconcileLoop("test", passes, coalesce_seconds=5)
            stopping = asyncio.Event()
            loop.wake("a", after=0)
            asyncio.get_running_loop().call_later(1, stopping.set)
            await loop.run(Permit(stopping))

        run_virtual(story())
        assert passes.times == [0]


class TestFailing:
    def test_a_failed_key_comes_again_with_growing_pauses_until_it_succeeds(self) -> None:
        passes = Passes(*(Unavailable("no answer") for _ in range(8)))
        ledger: Ledger[str] = Ledger(rng=random.Random(1))
        play(ReconcileLoop("test", passes, ledger=ledger), (0, "a"), seconds=10_000)
        pauses = [later - earlier for earlier, later in pairwise(passes.times)]
        assert len(pauses) == 8
        assert min(pauses) >= 1
        assert max(pauses) > 3

    def test_a_failed_key_rests_although_it_is_woken(self) -> None:
        passes = Passes(Throttled("slow down", retry_after=77), seconds=10)
        play(ReconcileLoop("test", passes), (0, "a"), (5, "a"), (20, "a"))
        assert passes.times == [0, 87]

    def test_no_rest_is_longer_than_25_seconds_so_that_work_goes_on_within_30(self) -> None:
        passes = Passes(*(Unavailable("no answer") for _ in range(50)))
        play(ReconcileLoop("test", passes), (0, "a"), seconds=10_000)
        pauses = [later - earlier for earlier, later in pairwise(passes.times)]
        assert round(max(pauses), 6) == 25

    def test_passes_are_counted_by_their_outcome(self) -> None:
        play(ReconcileLoop("counted", Passes(Unavailable("no"), ValueError("broken"))), (0, "a"))
        assert figure("addons_reconcile_total", loop="counted", outcome="failed") == 2
        assert figure("addons_reconcile_total", loop="counted", outcome="ok") == 1

    def test_a_failing_key_does_not_stop_its_neighbours(self) -> None:
        passes = Passes(ValueError("broken"))
        play(ReconcileLoop("test", passes), (0, "a"), (0, "b"), seconds=0.5)
        assert [key for _, key in passes.started] == ["a", "b"]

    def test_a_pause_that_was_asked_for_is_kept(self) -> None:
        passes = Passes(Throttled("slow down", retry_after=77))
        play(ReconcileLoop("test", passes), (0, "a"))
        assert passes.times == [0, 77]

    def test_errors_are_there_to_be_shown_until_the_key_succeeds(self) -> None:
        loop = ReconcileLoop("test", Passes(Unavailable("no answer")))
        shown = []

        async def story() -> None:
            stopping = asyncio.Event()
            loop.wake("a")
            asyncio.get_running_loop().call_later(0.5, lambda: shown.append(dict(loop.errors)))
            asyncio.get_running_loop().call_later(100, stopping.set)
            await loop.run(Permit(stopping))

        run_virtual(story())
        assert shown == [{"a": "no answer"}]
        assert loop.errors == {}

    def test_a_key_that_is_gone_leaves_nothing_behind(self) -> None:
        loop = ReconcileLoop("test", Passes(Unavailable("no answer")))
        play(loop, (0, "a"), seconds=0.5)
        loop.forget("a")
        assert loop.errors == {}

    def test_an_outside_error_is_one_line_and_a_bug_a_traceback(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        play(ReconcileLoop("test", Passes(Unavailable("no answer"))), (0, "a"), seconds=0.5)
        assert [record.exc_info for record in caplog.records] == [None]
        assert caplog.messages[0].startswith("failed: a: no answer; again in ")
        caplog.clear()
        play(ReconcileLoop("test", Passes(ValueError("broken"))), (0, "a"), seconds=0.5)
        assert caplog.records[0].levelno == logging.ERROR
        assert caplog.records[0].exc_info is not None


class TestStopping:
    def test_passes_under_way_are_finished_and_no_new_ones_begun(self) -> None:
        ended = []

        async def reconcile(key: str, permit: Permit) -> Result:
            await asyncio.sleep(10)
            ended.append(key)
            return Result()

        play(ReconcileLoop("test", reconcile), (1, "a"), (1, "b"), seconds=5)
        assert ended == ["a"]

    def test_what_was_left_is_done_by_the_next_run(self) -> None:
        passes = Passes(seconds=10)
        loop = ReconcileLoop("test", passes)

        async def story() -> None:
            for seconds in (5, 100):
                stopping = asyncio.Event()
                loop.wake("a")
                loop.wake("b")
                asyncio.get_running_loop().call_later(seconds, stopping.set)
                await loop.run(Permit(stopping))

        run_virtual(story())
        assert [key for _, key in passes.started] == ["a", "b", "a"]
