"""JSON in annotations, read into types; names of fields count in any case, as with the original. Pure."""

from typing import TypeVar

from msgspec import Struct

from addons.albingress.desired.annotation_values import Unreadable, json_of
from addons.albingress.desired.not_usable import NotUsable

T = TypeVar("T")


class JsonPart(Struct, frozen=True, kw_only=True, rename="camel"):
    """A piece of such JSON; fields that are not known are ignored, null means absent."""


def read_json(text: str, type_: type[T], where: str) -> T:
    """Read what the annotation `where` says; raises NotUsable, which names the field that is wrong."""
    try:
        return json_of(type_)(text)
    except Unreadable as fault:
        raise NotUsable(f"{where}: {fault}") from None
