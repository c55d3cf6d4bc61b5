"""The functions that a template for names may call, named and used as in external-dns and in Go. Pure."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

Value = Any
"""Text, number, truth value, map, list, or `MISSING`."""


class Missing:
    """What is not there: false in a condition, and a fault as a part of a name."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __bool__(self) -> bool:
        return False


class EvaluationError(ValueError):
    """The template makes no name of this object; the message says why."""


class Function(NamedTuple):
    """What a name in a template calls, with as many arguments as from `least` to `most`.

    One that `needs_source` has the name of the object's source before them; one that `is_lazy` takes an
    iterator of them, and so makes none of those behind the one that decides.
    """

    call: Callable[..., Value]
    least: int
    most: int
    needs_source: bool = False
    is_lazy: bool = False


def text_of(value: Value) -> str:
    """The value as a part of a name; raises EvaluationError for maps, lists and what is missing."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Missing():
            raise EvaluationError(f"the object has no {value.what}")
        case _:
            raise EvaluationError(f"{value!r} is no text")


def _on_texts(call: Callable[..., Value]) -> Callable[..., Value]:
    return lambda *arguments: call(*map(text_of, arguments))


def _index(collection: Value, *keys: Value) -> Value:
    """An entry of a map or list, and of what is in it; the empty text where a map has no such key."""
    for key in keys:
        if isinstance(collection, Mapping):
            collection = collection.get(key, "")
        elif isinstance(collection, list) and isinstance(key, int) and 0 <= key < len(collection):
            collection = collection[key]
        else:
            raise EvaluationError(f"index: {collection!r} has no {key!r}")
    return collection


def _has_key(collection: Value, key: Value) -> bool:
    return isinstance(collection, Mapping) and key in collection


def _from_json(text: str) -> Value:
    try:
        return json.loads(text)
    except ValueError as error:
        raise EvaluationError(f"fromJson: {text!r} is no JSON: {error}") from None


def _is_address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ip_address(text).version == version
        except ValueError:
            return False

    return check


def _first(truth: bool, values: Iterable[Value]) -> Value:
    """The first value that is true, or false, else the last; no value behind it is looked at."""
    value: Value = ""
    for value in values:
        if bool(value) is truth:
            break
    return value


def _formatted(form: Value, *values: Value) -> str:
    """Go's printf: %s, %v, %d, %x, %q and %t with widths; a fault where Go would print one into the text."""
    rest = list(values)

    def one(match: re.Match[str]) -> str:
        flags, verb = match[1], match[2]
        if verb == "%":
            return "%"
        if not rest:
            raise EvaluationError(f"printf: {form!r} has more verbs than values")
        value = rest.pop(0)
        if verb in "dx":
            if not isinstance(value, int):
                raise EvaluationError(f"printf: %{verb} of {value!r}, which is no whole number")
            return f"%{flags}{verb}" % value
        text = text_of(value)
        return f"%{flags}s" % (json.dumps(text) if verb == "q" else text)

    made = _VERB.sub(one, text_of(form))
    if rest:
        raise EvaluationError(f"printf: {form!r} has fewer verbs than values")
    return made


def _length(value: Value) -> int:
    if isinstance(value, str | Mapping | list):
        return len(value)
    raise EvaluationError(f"len: {value!r} has no length")


_VERB = re.compile(r"%([-+ 0#]*\d*)([svdxqt%])")
_MANY = 99

FUNCTIONS: Final[Mapping[str, Function]] = {
    "and": Function(partial(_first, False), 1, _MANY, is_lazy=True),
    "contains": Function(_on_texts(lambda text, part: part in text), 2, 2),
    "eq": Function(lambda value, *others: value in others, 2, _MANY),
    "fromJson": Function(_on_texts(_from_json), 1, 1),
    "hasKey": Function(_has_key, 2, 2),
    "index": Function(_index, 2, _MANY),
    "isIPv4": Function(_on_texts(_is_address(4)), 1, 1),
    "isIPv6": Function(_on_texts(_is_address(6)), 1, 1),
    "isSource": Function(lambda source, name: text_of(name).lower() == source, 1, 1, needs_source=True),
    "len": Function(_length, 1, 1),
    "ne": Function(lambda one, other: one != other, 2, 2),
    "not": Function(lambda value: not value, 1, 1),
    "or": Function(partial(_first, True), 1, _MANY, is_lazy=True),
    "printf": Function(_formatted, 1, _MANY),
    "replace": Function(_on_texts(lambda old, new, text: text.replace(old, new)), 3, 3),
    "toLower": Function(_on_texts(str.lower), 1, 1),
    "trim": Function(_on_texts(str.strip), 1, 1),
    "trimPrefix": Function(_on_texts(str.removeprefix), 2, 2),
    "trimSuffix": Function(_on_texts(str.removesuffix), 2, 2),
}
