"""Regular expressions that users write: those of RE2, which is also the engine of the originals.

RE2 takes time proportional to the text, and its memory for one expression is limited: whatever a user writes,
no daemon is held up by it.
"""

from typing import Any, Final

_MEMORY_BYTES: Final = 1 << 18
"""For one expression and the states of its automaton; `re2` itself keeps the last 128 expressions."""

LARGEST_PROGRAM: Final = _MEMORY_BYTES // 32
"""Instructions that RE2 writes at most for one expression before it is too large: a quarter of the memory."""

_TOO_LARGE: Final = "pattern too large"
_ADVICE: Final = {
    "invalid perl operator": "look-around does not exist in RE2: list what is meant instead",
    "invalid escape sequence": "RE2 has no back-references, and writes \\A and \\z for the ends of a text",
    "invalid repetition size": "repeat at most 1000 times",
    _TOO_LARGE: "repeat less, or use * or +",
}
_LONGEST_SHOWN: Final = 120


class BadExpression(ValueError):
    """One cannot be read, or would cost too much; `program` is how many instructions that took."""

    def __init__(self, message: str, *, program: int = 0) -> None:
        super().__init__(message)
        self.program = program


def compiled(expression: str, longest: int) -> Any:
    """RE2's object for an expression of at most `longest` characters. Raises BadExpression."""
    if len(expression) > longest:
        raise BadExpression(f"longer than {longest} characters")
    import re2  # 1.6 MiB of memory, which only regular expressions should cost

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY_BYTES
    try:
        return re2.compile(expression, options)
    except UnicodeEncodeError:
        raise BadExpression("not valid Unicode") from None
    except re2.error as error:
        said = error.args[0].decode(errors="replace")
        program = LARGEST_PROGRAM if said.startswith(_TOO_LARGE) else 0
        raise BadExpression(_words(said), program=program) from None


def _words(said: str) -> str:
    """What RE2 says, and what to do about it."""
    advice = next((advice for fault, advice in _ADVICE.items() if said.startswith(fault)), "")
    shown = said if len(said) <= _LONGEST_SHOWN else f"{said[:_LONGEST_SHOWN]}..."
    return f"{shown}; {advice}" if advice else shown
