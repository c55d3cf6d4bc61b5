"""From the bytes of a reply to an object, tolerating null wherever somebody wrote one."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def decode(data: bytes | msgspec.Raw, type_: type[T]) -> T:
    """Read one object; raises msgspec.MsgspecError when it is not one of `type_`, or no text.

    Null means absent in the Kubernetes API, anywhere. It is rare, so the types need not provide for it:
    an object that has one is read a second time without its nulls. A type of `with_content` gets the content
    that it keeps.
    """
    try:
        return _decode(data, type_)
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deep") from error
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8: {error.reason}") from error


def _decode(data: bytes | msgspec.Raw, type_: type[T]) -> T:
    decoder = _decoders.get(type_) or _decoders.setdefault(type_, msgspec.json.Decoder(type_))
    try:
        result: T = decoder.decode(data)
    except msgspec.ValidationError:
        result = msgspec.convert(_without_nulls(msgspec.json.decode(data)), type_)
    if keep := getattr(type_, "keep_content", None):
        force_setattr(cast(Struct, result), "content", keep(_without_nulls(msgspec.json.decode(data))))
    return result


def with_content(type_: type[S], keep: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> type[S]:
    """The type with one field more, `content`: what `keep` gives of the whole object, by its JSON keys.

    For what users may name at their will, and the partial type therefore does not have.
    """
    made = msgspec.defstruct(
        type_.__name__,
        [("content", Mapping[str, Any], {})],
        bases=(type_,),
        namespace={"keep_content": staticmethod(keep)},
        frozen=True,
        kw_only=True,
    )
    return cast(type[S], made)


def content_of(obj: Struct) -> Mapping[str, Any]:
    """What is kept of the object by its JSON keys; nothing of most objects."""
    content: Mapping[str, Any] = getattr(obj, "content", {})
    return content


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value
