"""What values of the types of the file look like, and what is wrong with others, in words."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import inspect

_IN_QUOTES = "write it in quotes"
_LONGEST, _SHOWN = 120, 40
"""Texts above so many signs are shown by their beginning."""


def alternatives(type_: inspect.Type) -> list[inspect.Type]:
    """The types that a value may be of."""
    bare = type_.type if isinstance(type_, inspect.Metadata) else type_
    if isinstance(bare, inspect.UnionType):
        return [each for one in bare.types for each in alternatives(one)]
    return [type_]


def bare_of(type_: inspect.Type) -> inspect.Type:
    """The type without its description."""
    return type_.type if isinstance(type_, inspect.Metadata) else type_


def nearest(name: str, known: Iterable[str]) -> str:
    """The nearest of the names that are known, else all of them."""
    names = sorted(known)
    by_case = {each.lower().replace("_", ""): each for each in names}
    near = by_case.get(re.sub("[-_]", "", name.lower()))
    found = [near] if near else difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f": is {found[0]} meant?" if found else f": there are {', '.join(names)}"


def best(value: object, type_: inspect.Type, reasons: list[str | None]) -> str:
    """The one reason where there is one alternative, or quotes would help; else what all of them are."""
    texts = [each for each in reasons if each]
    if len(texts) > 1 and value is not None:
        texts = [each for each in texts if each.endswith(_IN_QUOTES)] or texts
    return texts[0] if len(texts) == 1 else f"{quoted(value)} is not allowed: write {words(type_)}"


def quoted(value: object) -> str:
    """The value as it is written in messages."""
    if isinstance(value, str):
        return repr(value) if len(value) <= _LONGEST else f"{value[:_SHOWN]!r}... ({len(value)} signs)"
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def wrong(value: object, type_: inspect.Type) -> str | None:
    """What is wrong with a value of that type; None where nothing is."""
    bare = bare_of(type_)
    good = False
    match bare:
        case inspect.StrType(pattern=pattern, min_length=least):
            fits = pattern is None or re.search(pattern, str(value)) is not None
            if value is not None and not isinstance(value, str) and fits:
                return f"{quoted(value)} is no text here: {_IN_QUOTES}"
            good = isinstance(value, str) and len(value) >= (least or 0)
            good = good and fits
        case inspect.BoolType():
            good = isinstance(value, bool)
        case inspect.IntType() | inspect.FloatType():
            sorts: tuple[type, ...] = (int, float) if isinstance(bare, inspect.FloatType) else (int,)
            good = isinstance(value, sorts) and not isinstance(value, bool) and _is_within(value, bare)
        case inspect.LiteralType(values=values):
            if value not in values and isinstance(value, str):
                return f"{quoted(value)} is not allowed{nearest(value, map(str, values))}"
            good = value in values
        case inspect.NoneType():
            good = value is None
    return None if good else f"{quoted(value)} is not allowed: write {words(type_)}"


def _is_within(value: Any, type_: inspect.IntType | inspect.FloatType) -> bool:
    least, most = type_.ge, type_.le
    return value == value and (least is None or value >= least) and (most is None or value <= most)


def words(type_: inspect.Type) -> str:
    """What a value of the type looks like, in words."""
    if isinstance(type_, inspect.Metadata):
        described: Mapping[str, Any] = type_.extra_json_schema or {}
        if text := described.get("description"):
            return str(text)
    bare = bare_of(type_)
    match bare:
        case inspect.UnionType(types=types):
            told = [each for each in types if not isinstance(each, inspect.NoneType)]
            return " or ".join(dict.fromkeys(words(each) for each in told))
        case inspect.StructType():
            keys = sorted(each.encode_name for each in bare.fields)
            return f"a mapping with {', '.join(keys)}" if len(keys) < 10 else "a mapping of settings"
        case inspect.DictType():
            return f"a mapping, each value {words(bare.value_type)}"
        case inspect.VarTupleType():
            return f"a list, each item {words(bare.item_type)}"
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(map(str, values))
        case inspect.IntType():
            return "a whole number" + _range(bare)
        case inspect.FloatType():
            return "a number" + _range(bare)
        case inspect.BoolType():
            return "true or false"
    return "a text"


def _range(type_: inspect.IntType | inspect.FloatType) -> str:
    least = "" if type_.ge is None else f" from {_in_full(type_.ge)}"
    return least + ("" if type_.le is None else f" to {_in_full(type_.le)}")


def _in_full(limit: float) -> str:
    return str(int(limit)) if limit == int(limit) else str(limit)
