"""Patterns of roles: globs, and regular expressions that cannot be made to take long.

Whoever may edit a namespace writes these patterns, and the daemon of every node reads them. Python's own
matcher takes exponential time for some; here an expression becomes a set of states that walks over the text
once, in time proportional to both.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Format = Literal["glob", "regexp"]

_LONGEST = 512
_MOST_STATES = 4000
_MOST_REPEATS = 100
_DEEPEST = 20


class BadPattern(ValueError):
    """A pattern cannot be read, or would cost too much."""


@lru_cache(2048)
def glob_matches(pattern: str, text: str) -> bool:
    """Whether `pattern`, in which `*` stands for anything, matches the whole of `text`."""
    first, *pieces = pattern.split("*")
    if not pieces:
        return text == first
    *middle, last = pieces
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    place, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


@lru_cache(2048)
def regexp_matches(pattern: str, text: str) -> bool:
    """Whether `pattern` matches the whole of `text`; raises BadPattern.

    Literals, `.`, classes, groups, `|`, `* + ? {m,n}`; `^` at the start and `$` at the end say nothing new.
    """
    return _compiled(pattern).matches(text)


@dataclass(slots=True)
class _State:
    """Goes on to `then` for a character that `accepts`; without it goes on to all of `then` for nothing."""

    accepts: re.Pattern[str] | None = None
    then: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Machine:
    states: list[_State]
    start: int
    end: int

    def matches(self, text: str) -> bool:
        """Walk over the text, in all the states at once that it may have led to."""
        current = self._closure([self.start])
        for character in text:
            onward = [
                target
                for number in current
                if (accepts := self.states[number].accepts) and accepts.match(character)
                for target in self.states[number].then
            ]
            current = self._closure(onward)
            if not current:
                return False
        return self.end in current

    def _closure(self, numbers: Iterable[int]) -> set[int]:
        reached: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number not in reached:
                reached.add(number)
                if self.states[number].accepts is None:
                    waiting += self.states[number].then
        return reached


@lru_cache(512)
def _compiled(pattern: str) -> _Machine:
    if len(pattern) > _LONGEST:
        raise BadPattern(f"longer than {_LONGEST} characters")
    return _Compiler(pattern.removeprefix("^")).compile()


_TOKEN = re.compile(
    r"""(?P<class>\[\^?\]?(?:\\.|[^\[\]\\])*\]|\\[dwsDWS])
      | (?P<escaped>\\[^A-Za-z0-9])
      | (?P<group>\((?:\?:)?(?!\?))
      | (?P<repeat>[*+?]|\{\d+(?:,\d*)?\})
      | (?P<special>[|)$])
      | (?P<plain>[^\\\[\](){}*+?|^$])
    """,
    re.VERBOSE | re.DOTALL,
)

_SET_OPERATION = re.compile(r"--|&&|~~|\|\|")
"""Which Python announces to read differently one day."""

_Fragment = tuple[int, int]
"""The first and the last state of a part of the expression."""


class _Compiler:
    """Reads an expression from left to right; every method reads one construct and gives its states."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = 0
        self._depth = 0
        self._states: list[_State] = []

    def compile(self) -> _Machine:
        start, end = self._alternatives()
        if self._place < len(self._pattern):
            raise self._unreadable()
        return _Machine(self._states, start, end)

    def _alternatives(self) -> _Fragment:
        start, end = self._state(), self._state()
        while True:
            first, last = self._sequence()
            self._join(start, first)
            self._join(last, end)
            if not self._takes("|"):
                return start, end

    def _sequence(self) -> _Fragment:
        start = last = self._state()
        while self._next() not in ("", "|", ")"):
            if self._pattern[self._place :] == "$":
                self._place += 1
                break
            begin = self._place
            first, after = self._atom()
            for least, most in self._repeats():
                first, after = self._repeated(begin, (first, after), least, most)
            self._join(last, first)
            last = after
        return start, last

    def _atom(self) -> _Fragment:
        token = _TOKEN.match(self._pattern, self._place)
        if token is None or token.lastgroup in ("repeat", "special"):
            raise self._unreadable()
        self._place = token.end()
        if token.lastgroup == "group":
            self._depth += 1
            if self._depth > _DEEPEST:
                raise BadPattern(f"more than {_DEEPEST} brackets within each other")
            inside = self._alternatives()
            self._depth -= 1
            if not self._takes(")"):
                raise BadPattern("a bracket is not closed")
            return inside
        if token.lastgroup == "class" and _SET_OPERATION.search(token.group()):
            raise BadPattern(f"cannot read {token.group()!r}: no operations on sets")
        try:
            accepts = re.compile(token.group(), re.DOTALL)
        except re.error as error:
            raise BadPattern(f"cannot read {token.group()!r}: {error}") from None
        first, last = self._state(accepts), self._state()
        self._join(first, last)
        return first, last

    def _repeats(self) -> Iterable[tuple[int, int | None]]:
        """How often what stands before may come: at least and, if there is a limit, at most."""
        token = _TOKEN.match(self._pattern, self._place)
        if token is None or token.lastgroup != "repeat":
            return
        self._place = token.end()
        self._takes("?")
        text = token.group()
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if text not in simple:
            least, comma, most = text[1:-1].partition(",")
            simple[text] = (int(least), (int(most) if most else None) if comma else int(least))
        least_often, most_often = simple[text]
        if max(least_often, most_often or 0) > _MOST_REPEATS or (most_often or least_often) < least_often:
            raise BadPattern(f"cannot repeat {text}: at most {_MOST_REPEATS} times")
        yield least_often, most_often

    def _repeated(self, begin: int, once: _Fragment, least: int, most: int | None) -> _Fragment:
        """Copy what was read from `begin` as often as needed."""
        copies = [once]
        while len(copies) < max(least, most or 0, 1):
            copies.append(self._again(begin))
        start = last = self._state()
        end = self._state()
        for number, (first, after) in enumerate(copies):
            if number >= least:
                self._join(last, end)
            self._join(last, first)
            last = after
        if most is None:
            self._join(last, copies[-1][0])
        if most != 0:
            self._join(last, end)
        return start, end

    def _again(self, begin: int) -> _Fragment:
        here, self._place = self._place, begin
        copy = self._atom()
        self._place = here
        return copy

    def _unreadable(self) -> BadPattern:
        rest = self._pattern[self._place :]
        return BadPattern(f"cannot read {rest!r}: neither a literal, class, group, | nor repetition")

    def _next(self) -> str:
        return self._pattern[self._place : self._place + 1]

    def _takes(self, character: str) -> bool:
        taken = self._next() == character
        self._place += taken
        return taken

    def _state(self, accepts: re.Pattern[str] | None = None) -> int:
        if len(self._states) >= _MOST_STATES:
            raise BadPattern("too large")
        self._states.append(_State(accepts))
        return len(self._states) - 1

    def _join(self, state: int, target: int) -> None:
        self._states[state].then.append(target)
