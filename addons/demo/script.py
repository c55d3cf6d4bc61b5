"""Stories and how they are played: for each step what was expected, what came, and how long it took."""

import asyncio
import sys
import textwrap
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, Protocol, TypeVar

from addons.demo.cluster import Cluster
from addons.demo.world import World
from addons.runtime.errors import OutsideError

_wrap = textwrap.TextWrapper(96, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False).wrap


class Unmet(Exception):
    """The expectation of a step was not met; the text says what came instead."""


_FAULTS = (Unmet, RuntimeError, OutsideError, OSError)
"""What a step may end with that tells of the world, not of the story."""


class LeftOut(Exception):
    """A story cannot be played here; the text says why, as in "it needs root"."""


class Logged(Protocol):
    """Who has written a log."""

    @property
    def name(self) -> str:
        """What it is called."""

    def tail(self, lines: int = 15) -> str:
        """Give the end of the log."""


class Scene(Protocol):
    """What the steps of a story share."""

    @property
    def daemon(self) -> Logged:
        """The daemon that the story, or its present step, is about."""

    def directions(self) -> str:
        """Say in shell words how to look around when the story has been played."""


T = TypeVar("T")
S = TypeVar("S", bound=Scene)


@dataclass(frozen=True)
class Step(Generic[S]):
    """One sentence of a story: `play` returns in words what came, a line each, or raises Unmet."""

    title: str
    expected: str
    play: Callable[[S], Awaitable[str]]


@dataclass(frozen=True)
class Story(Generic[S]):
    """What one daemon shows. `open` sets the scene for the steps, and removes it; it may raise LeftOut."""

    name: str
    promise: str
    setting: str
    steps: tuple[Step[S], ...]
    open: Callable[[World, Cluster], AbstractAsyncContextManager[S]]


@dataclass(frozen=True)
class Played:
    """How a step went."""

    story: str
    title: str
    result: Literal["pass", "FAIL", "not reached", "left out"]
    got: str = ""
    seconds: float = 0.0


def _to_nobody(_: str) -> None:
    """Outside of a step nobody watches."""


_tell: ContextVar[Callable[[str], None]] = ContextVar("_tell", default=_to_nobody)
"""Prints a line while a step is played."""
_SILENT_SECONDS = 3.0


def _in_words(view: object) -> str:
    """What is seen, as people read it."""
    if isinstance(view, Mapping):
        return ", ".join(f"{name}: {_in_words(each)}" for name, each in view.items()) or "nothing yet"
    if isinstance(view, list | tuple | set | frozenset):
        return ", ".join(sorted(map(_in_words, view))) or "nothing yet"
    return str(view)


async def until(
    look: Callable[[], Awaitable[T]],
    met: Callable[[T], bool],
    seconds: float = 15.0,
    *,
    words: Callable[[T], str] = _in_words,
) -> T:
    """Look again and again until `met`; raises Unmet with the last view after `seconds`, in `words`.

    Who watches is told every three seconds how far it is.
    """
    clock = asyncio.get_running_loop().time
    start = told = clock()
    while True:
        view = await look()
        if met(view):
            return view
        if clock() > start + seconds:
            raise Unmet(f"{words(view)} (after {seconds:.0f} s)")
        if clock() > told + _SILENT_SECONDS:
            told = clock()
            _tell.get()(f"{words(view)} (for {told - start:.0f} s)")
        await asyncio.sleep(0.1)


class Output:
    """Prints the steps of stories that are played at once, each under its heading."""

    def __init__(self) -> None:
        self._heading = ""

    def begin(self, heading: str, title: str) -> None:
        """Print the first line of a step."""
        print(f"\n[{heading}] {title}")
        self._heading = heading

    def field(self, heading: str, name: str, text: str) -> None:
        """Print something of a step; its heading once more when another step has printed since."""
        if heading != self._heading:
            self.begin(heading, "...")
        _print_field(name, text)


async def play(story: Story[S], scene: S, output: Output) -> list[Played]:
    """Play the steps in order, each printed as it ends; a failed one ends the story, which builds on it."""
    played: list[Played] = []
    for number, step in enumerate(story.steps, 1):
        heading = f"{story.name} {number}/{len(story.steps)}"
        output.begin(heading, step.title)
        output.field(heading, "expected", step.expected)
        _tell.set(partial(output.field, heading, "waits"))
        result = await _play(story.name, step, scene)
        output.field(heading, "got", result.got)
        failed = "" if result.result == "pass" else "   FAILED"
        output.field(heading, "took", f"{result.seconds:.1f} s{failed}")
        played.append(result)
        if failed:
            print(f"\nthe end of {scene.daemon.name}'s log:\n{scene.daemon.tail()}")
            break
    return played + [Played(story.name, step.title, "not reached") for step in story.steps[len(played) :]]


def introduce(story: Story[Any]) -> None:
    """Say what the story is about, and who is in it."""
    print(f"\n{story.name}: {story.promise}")
    _print_field("setting", story.setting)


def leave_out(story: Story[Any], reason: LeftOut) -> list[Played]:
    """Say that its steps are not played, and why."""
    _print_field("LEFT OUT", str(reason))
    return [Played(story.name, step.title, "left out", str(reason)) for step in story.steps]


def print_table(played: Sequence[Played]) -> None:
    """Sum up: a line per step, those that were not played too."""
    wide, wider = max(len(step.story) for step in played), max(len(step.title) for step in played)
    print(f"\n{'story':<{wide}}  {'step':<{wider}}  result       took")
    for step in played:
        took = f"{step.seconds:4.1f} s" if step.result in ("pass", "FAIL") else ""
        print(f"{step.story:<{wide}}  {step.title:<{wider}}  {step.result:<11}  {took}".rstrip())
    counts = Counter(step.result for step in played)
    summary = f"{counts['pass']} passed, {counts['FAIL']} failed"
    others = [f"{counts[word]} {word}" for word in ("not reached", "left out") if counts[word]]
    print("\n" + ", ".join([summary, *others]))
    for story, reason in dict.fromkeys(
        (step.story, step.got) for step in played if step.result == "left out"
    ):
        print(f"{story} is left out: {reason}")
    sys.stdout.flush()


async def _play(story: str, step: Step[S], scene: S) -> Played:
    clock = asyncio.get_running_loop().time
    start = clock()
    result: Literal["pass", "FAIL"] = "pass"
    try:
        got = await step.play(scene)
    except _FAULTS as error:
        got, result = str(error) or repr(error), "FAIL"
    except ExceptionGroup as errors:
        ours, others = errors.split(_FAULTS)
        if others:
            raise
        got, result = ", ".join(map(str, _each(ours))), "FAIL"
    return Played(story, step.title, result, got, clock() - start)


def _each(error: Exception | None) -> Iterator[Exception]:
    """The errors of a group, and of the groups in it."""
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _each(inner)
    elif error:
        yield error


def _print_field(name: str, text: str) -> None:
    lines = [line for part in text.splitlines() for line in _wrap(part)] or [""]
    for label, line in zip([name] + [""] * len(lines), lines, strict=False):
        print(f"      {label:<9} {line}")
    sys.stdout.flush()
