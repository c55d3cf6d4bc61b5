"""JSON in annotations, read into types; names of fields count in any case, as with the original. Pure."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from addons.albingress.desired.annotation_values import convert
from addons.albingress.desired.not_usable import NotUsable

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
    """Read what the annotation `where` says; raises NotUsable, which names the field that is wrong."""
    try:
        return convert(msgspec.json.decode(text), type_)
    except msgspec.ValidationError as error:
        raise NotUsable(f"{where}: {_in_words(str(error))}") from error
    except msgspec.DecodeError as error:
        raise NotUsable(f"{where}: not JSON ({error})") from error
    except RecursionError as error:
        raise NotUsable(f"{where}: nested too deep") from error


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
