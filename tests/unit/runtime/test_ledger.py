"""What failed lately, and until when it rests: on virtual time."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from addons.runtime.errors import Throttled, Unavailable
from addons.runtime.ledger import Ledger
from addons.runtime.outcomes import Blocked
from tests.support.virtual import run_virtual

T = TypeVar("T")
AWAY = Unavailable("no answer")


def story(tell: Callable[[Ledger[str]], Coroutine[Any, Any, T]], longest: float = 60.0) -> T:
    return run_virtual(tell(Ledger(longest=longest, rng=random.Random(1))))


class TestRest:
    def test_rests_grow_up_to_the_longest(self) -> None:
        async def tell(ledger: Ledger[str]) -> list[float]:
            return [ledger.failed("a", AWAY) for _ in range(30)]

        pauses = story(tell)
        assert 1 <= pauses[0] <= 3 < pauses[2]
        assert max(pauses) == 60

    def test_every_key_has_its_own(self) -> None:
        async def tell(ledger: Ledger[str]) -> float:
            for _ in range(20):
                ledger.failed("a", AWAY)
            return ledger.failed("b", AWAY)

        assert story(tell) <= 3

    def test_a_success_starts_it_anew(self) -> None:
        async def tell(ledger: Ledger[str]) -> float:
            for _ in range(20):
                ledger.failed("a", AWAY)
            ledger.succeeded("a")
            return ledger.failed("a", AWAY)

        assert story(tell) <= 3

    def test_what_the_other_side_asked_for_is_kept(self) -> None:
        async def tell(ledger: Ledger[str]) -> float:
            return ledger.failed("a", Throttled("slow down", retry_after=120))

        assert story(tell) == 120

    def test_it_passes_with_time(self) -> None:
        async def tell(ledger: Ledger[str]) -> tuple[float, float]:
            seconds = ledger.failed("a", AWAY)
            await asyncio.sleep(seconds - 0.5)
            before = ledger.rest("a")
            await asyncio.sleep(0.5)
            return before, ledger.rest("a")

        before, after = story(tell)
        assert round(before, 6) == 0.5
        assert after == 0

    def test_what_never_failed_does_not_rest(self) -> None:
        async def tell(ledger: Ledger[str]) -> float:
            return ledger.rest("a")

        assert story(tell) == 0


class TestReading:
    def test_the_plan_reads_why_and_how_often_and_for_how_long(self) -> None:
        async def tell(ledger: Ledger[str]) -> tuple[dict[str, Blocked], float]:
            ledger.failed("a", AWAY)
            seconds = ledger.failed("a", Unavailable("still none"))
            return ledger.blocked(), seconds

        blocked, seconds = story(tell)
        assert blocked == {"a": Blocked(seconds, "still none", 2)}

    def test_an_error_is_shown_after_its_rest_until_the_next_success(self) -> None:
        async def tell(ledger: Ledger[str]) -> None:
            await asyncio.sleep(ledger.failed("a", AWAY))
            assert ledger.blocked() == {}
            assert ledger.errors == {"a": "no answer"}
            ledger.succeeded("a")
            assert ledger.errors == {}

        story(tell)

    def test_a_crash_is_written_down_like_a_failure(self) -> None:
        async def tell(ledger: Ledger[str]) -> None:
            assert ledger.crashed("a", "ValueError()") >= 1
            assert ledger.errors == {"a": "ValueError()"}

        story(tell)

    def test_what_is_gone_is_forgotten(self) -> None:
        async def tell(ledger: Ledger[str]) -> None:
            ledger.failed("a", AWAY)
            ledger.failed("b", AWAY)
            ledger.forget(lambda key: key == "a")
            assert list(ledger.errors) == ["b"]

        story(tell)
