"""The Kubernetes protobuf envelope, as far as Helm needs it: Secrets."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from addons.sim.kubeapi.resources import Object
from addons.sim.kubeapi.status import bad_request

_MAGIC = b"k8s\0"


def decode(raw: bytes) -> Object:
    """The object in an envelope; 400 for anything but a v1 Secret or DeleteOptions without content.

    Field numbers are those of runtime.Unknown, TypeMeta, Secret and ObjectMeta in the generated.proto files.
    """
    if not raw.startswith(_MAGIC):
        raise bad_request("the body is no Kubernetes protobuf: it lacks the magic number")
    unknown = dict(_fields(raw[len(_MAGIC) :]))
    types = dict(_fields(unknown.get(1, b"")))
    api_version, kind = _text(types.get(1)), _text(types.get(2))
    if (api_version, kind) == ("v1", "Secret"):
        return {"apiVersion": api_version, "kind": kind, **_secret(unknown.get(2, b""))}
    if kind == "DeleteOptions":
        return {"apiVersion": api_version, "kind": kind}
    raise bad_request(f"protobuf is served for Secrets only, not for {api_version} {kind}")


def _secret(raw: bytes) -> Object:
    obj: Object = {"metadata": {}}
    for number, value in _fields(raw):
        if number == 1:
            obj["metadata"] = _metadata(value)
        elif number == 2:
            key, data = _pair(value)
            obj.setdefault("data", {})[key] = base64.b64encode(data).decode()
        elif number == 3:
            obj["type"] = _text(value)
        elif number == 4:
            key, data = _pair(value)
            obj.setdefault("stringData", {})[key] = data.decode()
        elif number == 5:
            obj["immutable"] = bool(value)
    return obj


_METADATA = {1: "name", 2: "generateName", 3: "namespace", 5: "uid", 6: "resourceVersion"}
_METADATA_MAPS = {11: "labels", 12: "annotations"}


def _metadata(raw: bytes) -> Object:
    metadata: Object = {}
    for number, value in _fields(raw):
        if number in _METADATA and value:
            metadata[_METADATA[number]] = _text(value)
        elif number in _METADATA_MAPS:
            key, data = _pair(value)
            metadata.setdefault(_METADATA_MAPS[number], {})[key] = data.decode()
    return metadata


def _pair(raw: bytes) -> tuple[str, bytes]:
    fields = dict(_fields(raw))
    return _text(fields.get(1)), fields.get(2, b"")


def _text(value: bytes | None) -> str:
    return (value or b"").decode()


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
