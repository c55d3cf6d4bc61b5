"""Patterns of roles: globs, and regular expressions of RE2.

Everybody who may edit a namespace writes these patterns, and the daemon of every node reads them.
"""

from typing import Literal

from addons.runtime.regular_expressions import BadExpression, compiled

Format = Literal["glob", "regexp"]

_LONGEST = 512
_UNICODE_CLASS = 128
"""To read a class such as \\pL takes as long as to write so many instructions, even if few come of it."""


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
    """Whether `pattern` matches the whole of `text`; raises BadExpression."""
    return compiled(pattern, _LONGEST).fullmatch(text) is not None


def read_regexp(pattern: str) -> tuple[str, int]:
    """Read an expression: what is wrong with it, in words that name the remedy, and what it costs.

    The fault is empty where there is none. The cost is in instructions of RE2's program. The times to read,
    to compile and to match an expression are at most proportional to it.
    """
    classes = pattern.count(r"\p") + pattern.count(r"\P")
    fault = ""
    try:
        program = compiled(pattern, _LONGEST).programsize
    except BadExpression as error:
        fault, program = str(error), error.program
    if len(pattern) > _LONGEST:
        return fault, 0
    return fault, max(len(pattern), program) + classes * _UNICODE_CLASS
