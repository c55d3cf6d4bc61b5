"""The texts of annotations as values: lists, maps, numbers, JSON. Every parser raises `Unreadable`. Pure."""

import re
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct, inspect

from addons.albingress.model.stack import Pairs

T = TypeVar("T")

_MOST_SHOWN = 40
_EXPECTED: Mapping[str, str] = {
    "str": "a text",
    "int": "a whole number",
    "int | str": "a number or a text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "float": "a number with decimals",
    "null": "nothing",
}
_COMMA = re.compile(r"(?<!\\),")
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class Unreadable(ValueError):
    """The value cannot be what is meant; the message says why, and what is allowed."""


def text(value: str) -> str:
    """Any text that is not empty."""
    if not (found := value.strip()):
        raise Unreadable("is empty")
    return found


def form(pattern: str, meaning: str) -> Callable[[str], str]:
    """A text of this form as a whole; `meaning` says in words what it is."""

    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value.strip()):
            raise Unreadable(f"{value!r} is not {meaning}")
        return value.strip()

    return parse


def choice(*allowed: str) -> Callable[[str], str]:
    """One of the texts, as it is written here."""
    listed = " or ".join(filter(None, [", ".join(allowed[:-1]), allowed[-1]]))

    def parse(value: str) -> str:
        if value.strip() not in allowed:
            raise Unreadable(f"{value!r} is not {listed}")
        return value.strip()

    return parse


def integer(lowest: int, highest: int) -> Callable[[str], int]:
    """A whole number within both."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()) or not lowest <= int(value) <= highest:
            raise Unreadable(f"{value!r} is not a whole number from {lowest} to {highest}")
        return int(value)

    return parse


def port_or_name(value: str) -> str:
    """A port by its number, or by any name."""
    found = text(value)
    if re.fullmatch(r"[0-9]+", found) and not (len(found) < 6 and 1 <= int(found) <= 65535):
        raise Unreadable(f"{found} is not a port from 1 to 65535")
    return found


def flag(value: str) -> bool:
    """True or false, in the ways in which Go writes them."""
    if (found := value.strip()) not in _TRUE | _FALSE:
        raise Unreadable(f"{value!r} is not true or false")
    return found in _TRUE


def items(value: str) -> tuple[str, ...]:
    """The parts between commas, without blanks around them, empty ones left out."""
    return tuple(item for part in value.split(",") if (item := part.strip()))


def items_of(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """The parts between commas, each read by `parse`; there must be one."""

    def parse_all(value: str) -> tuple[T, ...]:
        if not (found := items(value)):
            raise Unreadable("names nothing")
        return tuple(parse(item) for item in found)

    return parse_all


def pairs(value: str) -> Pairs:
    r"""`key=value` between commas, sorted by key; a comma within a value is written `\,`."""
    found: dict[str, str] = {}
    for part in _COMMA.split(value):
        if not part.strip():
            continue
        key, equals, said = part.replace(r"\,", ",").partition("=")
        if not equals or not key.strip():
            raise Unreadable(f"{part.strip()!r} is not key=value")
        found[key.strip()] = said.strip()
    return tuple(sorted(found.items()))


class JsonPart(Struct, frozen=True, kw_only=True, rename="camel"):
    """A piece of JSON; fields that are not known are ignored, null means absent."""


def json_of(type_: type[T]) -> Callable[[str], T]:
    """A value of `type_` in JSON, with names of fields in any case; unknown fields and null are left out."""

    def parse(value: str) -> T:
        try:
            decoded = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise Unreadable(f"{_beginning(value)} is not JSON ({error})") from None
        except RecursionError:
            raise Unreadable(f"{_beginning(value)} is nested too deep") from None
        return convert(decoded, type_)

    return parse


def convert(value: Any, type_: type[T]) -> T:
    """A value of JSON as `type_`, with names of fields in any case; raises Unreadable, with the field."""
    try:
        return msgspec.convert(_renamed(value, _type_of(cast(Hashable, type_))), type_)
    except msgspec.ValidationError as error:
        raise Unreadable(_in_words(str(error))) from None
    except RecursionError:
        raise Unreadable("is nested too deep") from None


def _beginning(value: str) -> str:
    return repr(value if len(value) <= _MOST_SHOWN else f"{value[:_MOST_SHOWN]}...")


def _in_words(error: str) -> str:
    """``Expected `str`, got `int` - at `$.a.b` `` as "a.b: expected a text, got a whole number"."""
    said, _, place = error.partition(" - at ")
    parts = said.split("`")
    words = "".join(_named(part) if index % 2 else part for index, part in enumerate(parts))
    field = place.strip("`").removeprefix("$").removeprefix(".")
    words = words[:1].lower() + words[1:]
    return f"{field}: {words}" if field else words


def _named(type_: str) -> str:
    plain = type_.removesuffix(" | null")
    return _EXPECTED.get(plain, plain)


@cache
def _type_of(type_: Hashable) -> inspect.Type:
    return inspect.type_info(type_)


def _renamed(value: Any, type_: inspect.Type) -> Any:
    """The value with the fields of structs called as their types call them."""
    if isinstance(type_, inspect.UnionType):
        fitting = (one for one in type_.types if isinstance(one, _kinds_of(value)))
        return _renamed(value, next(fitting, inspect.AnyType()))
    if isinstance(value, Mapping):
        return {name: _renamed(said, of) for name, said, of in _entries(value, type_)}
    if isinstance(value, list):
        item = type_.item_type if isinstance(type_, _LISTS) else inspect.AnyType()
        return [_renamed(said, item) for said in value if said is not None]
    return value


_LISTS = (inspect.ListType, inspect.VarTupleType)


def _kinds_of(value: Any) -> tuple[type[inspect.Type], ...]:
    return (inspect.StructType, inspect.DictType) if isinstance(value, Mapping) else _LISTS


def _entries(value: Mapping[str, Any], type_: inspect.Type) -> list[tuple[str, Any, inspect.Type]]:
    if isinstance(type_, inspect.StructType):
        fields = {field.encode_name.lower(): field for field in type_.fields}
        known = ((fields.get(name.lower()), said) for name, said in value.items())
        return [(field.encode_name, said, field.type) for field, said in known if field and said is not None]
    of = type_.value_type if isinstance(type_, inspect.DictType) else inspect.AnyType()
    return [(name, said, of) for name, said in value.items() if said is not None]
