"""Plays steps one by one, and prints for each what was expected, what came, and how long it took."""

import asyncio
import sys
import textwrap
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from addons.runtime.errors import OutsideError

T = TypeVar("T")


class Unmet(Exception):
    """The expectation of a step was not met; the text says what came instead."""


@dataclass(frozen=True)
class Step:
    """One sentence of the story: `play` returns in words what came, or raises Unmet."""

    title: str
    expected: str
    play: Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Played:
    """How a step went."""

    step: Step
    passed: bool
    got: str
    seconds: float


async def until(look: Callable[[], Awaitable[T]], met: Callable[[T], bool], seconds: float = 15.0) -> T:
    """Look again and again until `met`; raises Unmet with the last view after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        view = await look()
        if met(view):
            return view
        if asyncio.get_running_loop().time() > deadline:
            raise Unmet(f"{view} (after {seconds:.0f} s)")
        await asyncio.sleep(0.1)


async def play(steps: Sequence[Step]) -> list[Played]:
    """Play the steps in order, each printed as it ends; a failed one ends the story, which builds on it."""
    played = []
    for number, step in enumerate(steps, 1):
        print(f"\n[{number}/{len(steps)}] {step.title}")
        _print_field("expected", step.expected)
        result = await _play(step)
        _print_field("got", result.got)
        _print_field("took", f"{result.seconds:.1f} s" + ("" if result.passed else "   FAILED"))
        played.append(result)
        if not result.passed:
            break
    return played


def print_table(steps: Sequence[Step], played: Sequence[Played]) -> None:
    """Sum up: a line per step, those that were not reached too."""
    width = max(len(step.title) for step in steps)
    print(f"\n{'step':<{width}}  result  took")
    for result in played:
        word = "pass" if result.passed else "FAIL"
        print(f"{result.step.title:<{width}}  {word:<6}  {result.seconds:4.1f} s")
    for step in steps[len(played) :]:
        print(f"{step.title:<{width}}  not reached")
    passed = sum(result.passed for result in played)
    print(f"\n{passed} passed, {len(steps) - passed} failed", flush=True)


async def _play(step: Step) -> Played:
    clock = asyncio.get_running_loop().time
    start = clock()
    try:
        got, passed = await step.play(), True
    except (Unmet, RuntimeError, OutsideError, OSError) as error:
        got, passed = str(error) or repr(error), False
    return Played(step, passed, got, clock() - start)


def _print_field(name: str, text: str) -> None:
    first, *rest = textwrap.wrap(text, 96) or [""]
    print(f"      {name:<9} {first}")
    for line in rest:
        print(f"      {'':<9} {line}")
    sys.stdout.flush()
