"""The values in a Go template, and what they are as text. Pure."""

from typing import Any

Value = Any
"""Text, number, truth value, map, list, or `Missing`."""


class Missing:
    """What is not there: false in a condition, and a fault as a part of a name."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __bool__(self) -> bool:
        return False


class Lenient(dict[str, Any]):
    """A map whose keys users choose, as labels are: what it does not have is `Missing`, no fault at once."""


class EvaluationError(ValueError):
    """The template makes no name of this object; the message says why."""


def text_of(value: Value) -> str:
    """The value as a part of a name; raises EvaluationError for maps, lists and what is missing."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case int():
            return str(value)
        case Missing():
            raise EvaluationError(f"the object has no {value.what}")
        case _:
            raise EvaluationError(f"{value!r} is no text")
