"""The functions that a template for names may call, named and used as in external-dns and in Go. Pure."""

import json
from collections.abc import Callable, Mapping
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
    """What a name in a template calls, with as many arguments as from `least` to `most`."""

    call: Callable[..., Value]
    least: int
    most: int


def text_of(value: Value) -> str:
    """The value as a part of a name; raises EvaluationError for maps, lists and what is missing."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
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


def _first_false(*values: Value) -> Value:
    return next((value for value in values if not value), values[-1])


def _first_true(*values: Value) -> Value:
    return next((value for value in values if value), values[-1])


_MANY = 99

FUNCTIONS: Final[Mapping[str, Function]] = {
    "and": Function(_first_false, 1, _MANY),
    "contains": Function(_on_texts(lambda text, part: part in text), 2, 2),
    "eq": Function(lambda value, *others: value in others, 2, _MANY),
    "fromJson": Function(_on_texts(_from_json), 1, 1),
    "hasKey": Function(_has_key, 2, 2),
    "index": Function(_index, 2, _MANY),
    "isIPv4": Function(_on_texts(_is_address(4)), 1, 1),
    "isIPv6": Function(_on_texts(_is_address(6)), 1, 1),
    "ne": Function(lambda one, other: one != other, 2, 2),
    "not": Function(lambda value: not value, 1, 1),
    "or": Function(_first_true, 1, _MANY),
    "replace": Function(_on_texts(lambda old, new, text: text.replace(old, new)), 3, 3),
    "toLower": Function(_on_texts(str.lower), 1, 1),
    "trim": Function(_on_texts(str.strip), 1, 1),
    "trimPrefix": Function(_on_texts(str.removeprefix), 2, 2),
    "trimSuffix": Function(_on_texts(str.removesuffix), 2, 2),
}
