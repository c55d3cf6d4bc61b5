"""From the bytes of a reply to an object, tolerating null wherever somebody wrote one."""

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def decode(data: bytes | msgspec.Raw, type_: type[T]) -> T:
    """Read one object; raises msgspec.MsgspecError when it is not one of `type_`, or nested too deep.

    Null means absent in the Kubernetes API, anywhere. It is rare, so the types need not provide for it:
    an object that has one is read a second time without its nulls.
    """
    try:
        return _decode(data, type_)
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deep") from error


def _decode(data: bytes | msgspec.Raw, type_: type[T]) -> T:
    decoder = _decoders.get(type_) or _decoders.setdefault(type_, msgspec.json.Decoder(type_))
    try:
        result: T = decoder.decode(data)
    except msgspec.ValidationError:
        result = msgspec.convert(_without_nulls(msgspec.json.decode(data)), type_)
    return result


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value
