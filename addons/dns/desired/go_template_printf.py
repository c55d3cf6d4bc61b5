"""Go's printf, as far as a name can be made with it. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from addons.dns.desired.go_template_values import EvaluationError, Missing, Value, text_of

_VERB = re.compile(r"%(?P<flags>[-+ 0#]*)(?P<width>\d*)(?P<precision>\.\d*)?(?P<verb>[a-zA-Z%])")


def formatted(form: Value, *values: Value) -> str:
    """The text with the values in it, by `_VERBS`; a fault where Go would print one into the text."""
    rest = list(values)
    text = text_of(form)

    def one(match: re.Match[str]) -> str:
        verb = match["verb"]
        if verb == "%":
            return "%"
        if verb not in _VERBS:
            raise EvaluationError(f"printf: %{verb} is not known; allowed are {_known()}")
        if not rest:
            raise EvaluationError(f"printf: {form!r} has more verbs than values")
        return _VERBS[verb](match, rest.pop(0))

    if "%" in _VERB.sub("", text):
        raise EvaluationError(f"printf: {form!r} has a % without a verb")
    made = _VERB.sub(one, text)
    if rest:
        raise EvaluationError(f"printf: {form!r} has fewer verbs than values")
    return made


def _known() -> str:
    return " ".join(f"%{verb}" for verb in (*_VERBS, "%"))


def _text(match: re.Match[str], value: Value) -> str:
    return _aligned(match, text_of(value))


def _quoted(match: re.Match[str], value: Value) -> str:
    return _aligned(match, f"'{chr(value)}'" if _is_whole(value) else json.dumps(text_of(value)))


def _truth(match: re.Match[str], value: Value) -> str:
    if not isinstance(value, bool):
        raise EvaluationError(f"printf: %t of {value!r}, which is neither true nor false")
    return _aligned(match, text_of(value))


def _character(match: re.Match[str], value: Value) -> str:
    if not _is_whole(value):
        raise EvaluationError(f"printf: %c of {value!r}, which is no whole number")
    return _aligned(match, chr(value))


def _kind(match: re.Match[str], value: Value) -> str:
    match value:
        case bool():
            kind = "bool"
        case int():
            kind = "int"
        case float():
            kind = "float64"
        case Mapping():
            kind = "map[string]interface {}"
        case list():
            kind = "[]interface {}"
        case None | Missing():
            kind = "<nil>"
        case _:
            kind = "string"
    return _aligned(match, kind)


def _whole(match: re.Match[str], value: Value) -> str:
    if not _is_whole(value):
        raise EvaluationError(f"printf: %{match['verb']} of {value!r}, which is no whole number")
    if match["verb"] == "b":
        return _aligned(match, f"{value:b}")
    return str(_form(match) % value)


def _hexadecimal(match: re.Match[str], value: Value) -> str:
    if isinstance(value, str):
        digits = value.encode().hex()
        return _aligned(match, digits.upper() if match["verb"] == "X" else digits)
    return _whole(match, value)


def _real(match: re.Match[str], value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EvaluationError(f"printf: %{match['verb']} of {value!r}, which is no number")
    return str(_form(match) % value)


def _form(match: re.Match[str]) -> str:
    """The verb as Python writes it, which is the same for numbers."""
    return f"%{match['flags']}{match['width']}{match['precision'] or ''}{match['verb']}"


def _aligned(match: re.Match[str], text: str) -> str:
    """With the width asked for, and of a text no more than the precision; zeros before it where asked."""
    cut = text[: int(match["precision"][1:] or 0)] if match["precision"] else text
    width = int(match["width"] or 0)
    if "-" in match["flags"]:
        return cut.ljust(width)
    return cut.rjust(width, "0" if "0" in match["flags"] else " ")


def _is_whole(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_VERBS: Final[Mapping[str, Callable[[re.Match[str], Any], str]]] = {
    "s": _text,
    "v": _text,
    "q": _quoted,
    "d": _whole,
    "b": _whole,
    "o": _whole,
    "x": _hexadecimal,
    "X": _hexadecimal,
    "c": _character,
    "t": _truth,
    "f": _real,
    "F": _real,
    "e": _real,
    "E": _real,
    "g": _real,
    "G": _real,
    "T": _kind,
}
