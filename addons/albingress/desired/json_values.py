"""JSON in annotations, read into types; names of fields count in any case, as with the original. Pure."""

from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from addons.albingress.desired.unusable import Unusable

T = TypeVar("T")

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


class JsonPart(Struct, frozen=True, kw_only=True, rename="camel"):
    """A piece of such JSON; fields that are not known are ignored, null means absent."""


def read_json(text: str, type_: type[T], where: str) -> T:
    """Read what the annotation `where` says; raises Unusable, which names the field that is wrong."""
    try:
        value = _spelled(msgspec.json.decode(text), type_)
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise Unusable(f"{where}: {_in_words(str(error))}") from error
    except msgspec.DecodeError as error:
        raise Unusable(f"{where}: not JSON ({error})") from error
    except RecursionError as error:
        raise Unusable(f"{where}: nested too deep") from error


def _spelled(value: Any, type_: Any) -> Any:
    """The value with the names of its fields as the type has them, and without nulls."""
    inner = [each for each in get_args(type_) if each not in (NoneType, Ellipsis)]
    if isinstance(value, list):
        return [_spelled(item, inner[0] if inner else Any) for item in value]
    if not isinstance(value, dict):
        return value
    if not (struct := next((each for each in (type_, *inner) if _is_struct(each)), None)):
        return {name: item for name, item in value.items() if item is not None}
    known = _fields(struct)
    return {
        field.encode_name: _spelled(item, field.type)
        for name, item in value.items()
        if item is not None and (field := known.get(name.lower()))
    }


def _is_struct(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, Struct)


@cache
def _fields(type_: type[Struct]) -> Mapping[str, FieldInfo]:
    return {field.encode_name.lower(): field for field in fields(type_)}


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
