"""The functions that a template for names may call, named and used as in external-dns and in Go. Pure."""

import json
import operator
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import ip_address
from itertools import pairwise
from typing import Final, NamedTuple

from addons.dns.desired.go_template_printf import formatted
from addons.dns.desired.go_template_values import EvaluationError, Lenient, Value, text_of


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
        return json.loads(text, object_hook=Lenient)
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


def _compared(holds: Callable[[Value, Value], bool]) -> Callable[[Value, Value], bool]:
    def compare(one: Value, other: Value) -> bool:
        for kind in (str, int | float):
            if isinstance(one, kind) and isinstance(other, kind):
                return holds(one, other)
        raise EvaluationError(f"{one!r} and {other!r} cannot be compared")

    return compare


def _printed(*values: Value) -> str:
    """The values one after the other, with a space between two of which neither is a text."""
    made = text_of(values[0])
    for before, value in pairwise(values):
        apart = not (isinstance(before, str) or isinstance(value, str))
        made += f" {text_of(value)}" if apart else text_of(value)
    return made


def _slice(value: Value, *bounds: Value) -> Value:
    """A part of a text or list, from one place to before another."""
    if not isinstance(value, str | list):
        raise EvaluationError(f"slice: {value!r} is neither a text nor a list")
    whole: tuple[Value, ...] = (0, len(value))
    start, end = (*bounds, *whole[len(bounds) :])
    if isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= len(value):
        return value[start:end]
    raise EvaluationError(f"slice: {value!r} has nothing from {start!r} to {end!r}")


def _length(value: Value) -> int:
    if isinstance(value, str | Mapping | list):
        return len(value)
    raise EvaluationError(f"len: {value!r} has no length")


_MANY = 99

FUNCTIONS: Final[Mapping[str, Function]] = {
    "and": Function(partial(_first, False), 1, _MANY, is_lazy=True),
    "contains": Function(_on_texts(lambda text, part: part in text), 2, 2),
    "eq": Function(lambda value, *others: value in others, 2, _MANY),
    "fromJson": Function(_on_texts(_from_json), 1, 1),
    "ge": Function(_compared(operator.ge), 2, 2),
    "gt": Function(_compared(operator.gt), 2, 2),
    "hasKey": Function(_has_key, 2, 2),
    "index": Function(_index, 2, _MANY),
    "isIPv4": Function(_on_texts(_is_address(4)), 1, 1),
    "isIPv6": Function(_on_texts(_is_address(6)), 1, 1),
    "isSource": Function(lambda source, name: text_of(name).lower() == source, 1, 1, needs_source=True),
    "le": Function(_compared(operator.le), 2, 2),
    "len": Function(_length, 1, 1),
    "lt": Function(_compared(operator.lt), 2, 2),
    "ne": Function(lambda one, other: one != other, 2, 2),
    "not": Function(lambda value: not value, 1, 1),
    "or": Function(partial(_first, True), 1, _MANY, is_lazy=True),
    "print": Function(_printed, 1, _MANY),
    "printf": Function(formatted, 1, _MANY),
    "replace": Function(_on_texts(lambda old, new, text: text.replace(old, new)), 3, 3),
    "slice": Function(_slice, 1, 3),
    "toLower": Function(_on_texts(str.lower), 1, 1),
    "trim": Function(_on_texts(str.strip), 1, 1),
    "trimPrefix": Function(_on_texts(str.removeprefix), 2, 2),
    "trimSuffix": Function(_on_texts(str.removesuffix), 2, 2),
}
