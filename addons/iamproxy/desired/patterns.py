"""Patterns of roles: globs, and regular expressions of RE2, which is also kube2iam's engine.

Everybody who may edit a namespace writes these patterns, and the daemon of every node reads them. RE2 takes
time proportional to the text, and its memory for one expression is limited.
"""

from typing import Any, Literal

from addons.iamproxy.roles import shortened

Format = Literal["glob", "regexp"]

_LONGEST = 512
_TOO_LONG = f"longer than {_LONGEST} characters"
_MEMORY_BYTES = 1 << 18
"""For one expression and the states of its automaton; `re2` itself keeps the last 128 expressions."""

LARGEST_PROGRAM = _MEMORY_BYTES // 32
"""Instructions that RE2 writes at most for one expression before it is too large: a quarter of the memory."""

_UNICODE_CLASS = 128
"""To read a class such as \\pL takes as long as to write so many instructions, even if few come of it."""

_TOO_LARGE = "pattern too large"
_ADVICE = {
    "invalid perl operator": "look-around does not exist in RE2: list the roles that are allowed instead",
    "invalid escape sequence": "RE2 has no back-references, and writes \\A and \\z for the ends of a text",
    "invalid repetition size": "repeat at most 1000 times",
    _TOO_LARGE: "repeat less, or use * or +",
}


class BadPattern(ValueError):
    """A pattern cannot be read, or would cost too much; `program` is how many instructions that took."""

    def __init__(self, message: str, *, program: int = 0) -> None:
        super().__init__(message)
        self.program = program


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
    return _compile(pattern).fullmatch(text) is not None


def read_regexp(pattern: str) -> tuple[str, int]:
    """Read an expression: what is wrong with it, in words that name the remedy, and what it costs.

    The fault is empty where there is none. The cost is in instructions of RE2's program. The times to read,
    to compile and to match an expression are at most proportional to it.
    """
    if len(pattern) > _LONGEST:
        return _TOO_LONG, 0
    classes = pattern.count(r"\p") + pattern.count(r"\P")
    fault = ""
    try:
        program = _compile(pattern).programsize
    except BadPattern as error:
        fault, program = str(error), error.program
    return fault, max(len(pattern), program) + classes * _UNICODE_CLASS


def _compile(pattern: str) -> Any:
    if len(pattern) > _LONGEST:
        raise BadPattern(_TOO_LONG)
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
        said = error.args[0].decode(errors="replace")
        program = LARGEST_PROGRAM if said.startswith(_TOO_LARGE) else 0
        raise BadPattern(_words(said), program=program) from None


def _words(said: str) -> str:
    """What RE2 says, and what to do about it."""
    advice = next((advice for fault, advice in _ADVICE.items() if said.startswith(fault)), "")
    said = shortened(said)
    return f"{said}; {advice}" if advice else said
