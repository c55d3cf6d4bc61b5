"""The Kubernetes protobuf envelope, for requests: typed clients write it unasked, and read JSON gladly."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from addons.sim.kubeapi.messages import MESSAGES, Field
from addons.sim.kubeapi.resources import Object
from addons.sim.kubeapi.status import StatusError, bad_request

_MAGIC = b"k8s\0"


def decode(raw: bytes) -> Object:
    """The object in an envelope; 415 for a kind that is not in the table of messages.

    Field numbers of the envelope are those of runtime.Unknown and its TypeMeta.
    """
    if not raw.startswith(_MAGIC):
        raise bad_request("the body is no Kubernetes protobuf: it lacks the magic number")
    unknown = dict(_fields(raw[len(_MAGIC) :]))
    types = dict(_fields(unknown.get(1, b"")))
    api_version, kind = types.get(1, b"").decode(), types.get(2, b"").decode()
    if kind not in MESSAGES:
        text = f"this server reads {kind} as JSON or YAML only, not as protobuf: use kubectl apply"
        raise StatusError(415, "UnsupportedMediaType", text)
    return {"apiVersion": api_version, "kind": kind, **_message(kind, unknown.get(2, b""))}


def _message(name: str, raw: bytes) -> Object:
    """The JSON form of a message: without unknown fields, and without zeros unless they are pointed to."""
    obj: Object = {}
    for number, value in _fields(raw):
        field = MESSAGES[name].get(number)
        if field is None:
            continue
        if field.form == "[]":
            obj.setdefault(field.name, []).append(_value(field.type, value))
        elif field.form == "{}":
            entry = dict(_fields(value))
            obj.setdefault(field.name, {})[entry.get(1, b"").decode()] = _value(field.type, entry.get(2, b""))
        elif field.name == "inline":
            obj.update(_message(field.type, value))
        else:
            _keep(obj, field, _value(field.type, value))
    return obj


def _keep(obj: Object, field: Field, value: Any) -> None:
    if value or field.form == "?" or field.type == "IntOrString":
        obj[field.name] = value


def _value(kind: str, value: Any) -> Any:
    match kind:
        case "str":
            return value.decode()
        case "bytes":
            return base64.b64encode(value).decode()
        case "bool":
            return bool(value)
        case "int":
            return value - (1 << 64) if value >> 63 else value
        case "IntOrString":
            fields = dict(_fields(value))
            return fields[3].decode() if fields.get(1) else _value("int", fields.get(2, 0))
        case message:
            return _message(message, value)


def _fields(raw: bytes) -> Iterator[tuple[int, Any]]:
    """Fields of a message: varints as int, the rest as bytes."""
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        match tag & 7:
            case 0:
                value, position = _varint(raw, position)
                yield tag >> 3, value
                continue
            case 1:
                length = 8
            case 2:
                length, position = _varint(raw, position)
            case 5:
                length = 4
            case wire:
                raise bad_request(f"protobuf wire type {wire} is unknown")
        yield tag >> 3, raw[position : position + length]
        position += length


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
