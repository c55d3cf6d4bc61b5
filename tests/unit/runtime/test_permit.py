"""Permission to act: what it is made of, and what becomes of actions when it ends."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from math import inf

import pytest

from addons.runtime.errors import Invalid, Withheld
from addons.runtime.outcomes import ObjectRef, Outcome, Skip
from addons.runtime.permit import Permit, apply_each
from tests.support.virtual import START

OBJECT = ObjectRef("Service", "default", "web")


@dataclass(frozen=True)
class Change:
    key: str
    ref: ObjectRef | None = OBJECT


def permit(*, left: float = inf, stale: str = "", stopped: bool = False) -> Permit:
    stopping = asyncio.Event()
    if stopped:
        stopping.set()
    return Permit(stopping, lease_left=lambda: left, stale=lambda: stale)


class TestPermit:
    def test_by_default_everything_is_permitted(self) -> None:
        assert Permit(asyncio.Event()).refusal(1000) is None

    @pytest.mark.parametrize(
        ("given", "code", "message"),
        [
            (permit(stopped=True), "Stopping", "not begun: told to stop"),
            (permit(left=4.9), "LeaseEnding", "not begun: the lease lasts for 4.9 s only"),
            (permit(left=0), "LeaseEnding", "not begun: the lease lasts for 0.0 s only"),
            (
                permit(stale="pods not heard of for 181 s"),
                "CachesStale",
                "not begun on what may be out of date: pods not heard of for 181 s",
            ),
        ],
    )
    def test_a_refusal_has_a_reason(self, given: Permit, code: str, message: str) -> None:
        refusal = given.refusal()
        assert refusal is not None
        assert (refusal.code, refusal.message) == (code, message)

    def test_the_lease_has_to_last_for_the_whole_action(self) -> None:
        assert permit(left=10).refusal(9.9) is None
        assert permit(left=10).refusal(10) is not None

    def test_what_was_begun_is_sent_as_long_as_the_lease_lasts(self) -> None:
        assert permit(left=0.1, stale="pods").refusal_to_send() is None
        assert permit(left=0).refusal_to_send() is not None
        assert permit(stopped=True).refusal_to_send() is not None


async def collect(
    names: str, given: Permit, errors: dict[str, Exception] | None = None, stop_after: str = ""
) -> tuple[list[str], list[Outcome[Change] | Skip]]:
    """Apply actions, each with one change for each letter; what was done, and what was told."""
    done: list[str] = []

    async def do(action: str) -> list[Outcome[Change]]:
        done.append(action)
        if action == stop_after:
            given.stopping.set()
        return [Outcome(Change(letter), (errors or {}).get(letter)) for letter in action]  # type: ignore[arg-type]

    told = [
        item
        async for item in apply_each(
            names.split(), do, given, changes=lambda a: [Change(c) for c in a], now=lambda: START
        )
    ]
    return done, told


def skip(key: str, reason: str, message: str, seconds: float | None = 2) -> Skip:
    return Skip(key, OBJECT, reason, message, None if seconds is None else START + timedelta(seconds=seconds))


class TestApplyEach:
    async def test_one_after_the_other_is_done_and_told(self) -> None:
        done, told = await collect("ab c", permit())
        assert done == ["ab", "c"]
        assert told == [Outcome(Change("a")), Outcome(Change("b")), Outcome(Change("c"))]

    async def test_a_failure_does_not_keep_the_others(self) -> None:
        error = Invalid("no")
        done, told = await collect("a b", permit(), {"a": error})
        assert done == ["a", "b"]
        assert told == [Outcome(Change("a"), error), Outcome(Change("b"))]

    async def test_a_stop_ends_it_after_the_action_under_way_and_the_rest_is_told(self) -> None:
        done, told = await collect("a b cd", permit(), stop_after="a")
        assert done == ["a"]
        message = "not begun: told to stop"
        assert told == [Outcome(Change("a")), *(skip(key, "Stopping", message, None) for key in "bcd")]

    async def test_without_permission_nothing_is_begun(self) -> None:
        done, told = await collect("a b", permit(left=3))
        assert done == []
        message = "not begun: the lease lasts for 3.0 s only"
        assert told == [skip("a", "LeaseEnding", message), skip("b", "LeaseEnding", message)]

    async def test_what_was_refused_at_the_wire_is_a_skip_and_ends_it(self) -> None:
        refused = Withheld("not begun: the lease lasts for 0.0 s only", code="LeaseEnding")
        done, told = await collect("ab c", permit(), {"b": refused})
        assert done == ["ab"]
        assert told == [
            Outcome(Change("a")),
            skip("b", "LeaseEnding", refused.message),
            skip("c", "LeaseEnding", refused.message),
        ]

    async def test_what_is_left_is_counted_in_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        await collect("a b cd", permit(), stop_after="a")
        assert caplog.messages == ["3 changes left: not begun: told to stop"]
