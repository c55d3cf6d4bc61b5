"""Waiting for a condition: what it gives, and what a failure says."""

import pytest

from tests.support.until import until
from tests.support.virtual import run_virtual


async def test_it_gives_what_the_condition_gives() -> None:
    answers = iter(([], [], ["there"]))
    assert await until(lambda: next(answers), pause=0) == ["there"]


async def test_a_coroutine_function_is_a_condition() -> None:
    async def look() -> str:
        return "there"

    assert await until(look) == "there"


def test_what_does_not_come_is_named_with_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match=r"the light: not within 60 s; last seen: \[\]"):
        run_virtual(until(list, "the light"))


def test_without_words_the_condition_speaks_for_itself() -> None:
    with pytest.raises(AssertionError, match=r"until\(lambda: 1 > 2\).*: not within 60 s; last seen: False"):
        run_virtual(until(lambda: 1 > 2))


async def test_what_cannot_come_any_more_fails_at_once() -> None:
    with pytest.raises(AssertionError, match="the light: it is off"):
        await until(lambda: False, "the light", unless=lambda: "it is off")
