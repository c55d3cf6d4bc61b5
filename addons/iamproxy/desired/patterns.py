"""Patterns of roles: globs, and regular expressions of RE2, which is also kube2iam's engine.

Everybody who may edit a namespace writes these patterns, and the daemon of every node reads them. RE2 takes
time proportional to the text, and its memory for one expression is limited.
"""

from functools import lru_cache
from typing import Any, Literal

Format = Literal["glob", "regexp"]

_LONGEST = 512
_MEMORY_BYTES = 1 << 18
"""For one expression and the states of its automaton; `re2` itself keeps the last 128 expressions."""

_ADVICE = {
    "invalid perl operator": "look-around does not exist in RE2: list the roles that are allowed instead",
    "invalid escape sequence": "RE2 has no back-references, and writes \\A and \\z for the ends of a text",
    "invalid repetition size": "repeat at most 1000 times",
    "pattern too large": "repeat less, or use * or +",
}


class BadPattern(ValueError):
    """A pattern cannot be read, or would cost too much."""


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


def regexp_matches(pattern: str, text: str) -> bool:
    """Whether `pattern` matches the whole of `text`; raises BadPattern."""
    if len(pattern) > _LONGEST:
        raise BadPattern(f"longer than {_LONGEST} characters")
    return _matches(pattern, text)


def regexp_fault(pattern: str) -> str:
    """What is wrong with a regular expression, in words that name the remedy; empty when nothing is."""
    try:
        regexp_matches(pattern, "")
    except BadPattern as error:
        return str(error)
    return ""


@lru_cache(4096)
def _matches(pattern: str, text: str) -> bool:
    return _compile(pattern).fullmatch(text) is not None


def _compile(pattern: str) -> Any:
    import re2  # 1.6 MiB of memory, which only regular expressions should cost

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY_BYTES
    try:
        return re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise BadPattern("not valid Unicode") from None
    except re2.error as error:
        raise BadPattern(_words(error.args[0].decode(errors="replace"))) from None


def _words(said: str) -> str:
    """What RE2 says, and what to do about it."""
    advice = next((advice for fault, advice in _ADVICE.items() if said.startswith(fault)), "")
    return f"{said}; {advice}" if advice else said
