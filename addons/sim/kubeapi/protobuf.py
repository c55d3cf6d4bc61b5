"""The Kubernetes protobuf envelope: kubectl and Helm write some kinds in it, whatever the server prefers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from addons.sim.kubeapi.resources import Object
from addons.sim.kubeapi.schema import MESSAGES
from addons.sim.kubeapi.status import bad_request

_MAGIC = b"k8s\0"


def decode(raw: bytes) -> Object:
    """The object in an envelope; 400 for a kind without a schema here.

    The envelope is a runtime.Unknown: field 1 is its TypeMeta (1 apiVersion, 2 kind), field 2 the object.
    """
    if not raw.startswith(_MAGIC):
        raise bad_request("the body is no Kubernetes protobuf: it lacks the magic number")
    unknown = dict(_fields(raw[len(_MAGIC) :]))
    types = {number: value.decode() for number, value in _fields(unknown.get(1, b""))}
    kind = types.get(2, "")
    if kind not in MESSAGES:
        raise bad_request(f"this server reads no protobuf of kind {types.get(1, '')} {kind}")
    return {"apiVersion": types.get(1, ""), "kind": kind, **_message(kind, unknown.get(2, b""))}


def _message(kind: str, raw: bytes) -> Object:
    obj: Object = {}
    fields = MESSAGES[kind].fields
    for number, value in _fields(raw):
        if number not in fields:
            continue
        name, type_ = fields[number]
        if type_.startswith("["):
            obj.setdefault(name, []).append(_value(type_[1:-1], value))
        elif type_.startswith("{"):
            pair = dict(_fields(value))
            obj.setdefault(name, {})[pair.get(1, b"").decode()] = _value(type_[1:-1], pair.get(2, b""))
        elif name == "inline":
            obj |= _message(type_, value)
        elif (content := _value(type_.rstrip("?"), value)) or type_.endswith("?"):
            obj[name] = content
    return obj


def _value(type_: str, value: Any) -> Any:
    match type_:
        case "str":
            return value.decode()
        case "bytes":
            return base64.b64encode(value).decode()
        case "int":
            return value
        case "bool":
            return bool(value)
        case "Time" | "Any":
            return None
        case "IntOrString":
            fields = dict(_fields(value))
            return fields.get(3, b"").decode() if fields.get(1) else fields.get(2, 0)
    return _message(type_, value)


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
    while position < len(raw):
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise bad_request("the protobuf body ends within a number")
