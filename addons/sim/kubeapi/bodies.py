"""Request bodies: JSON, YAML and the protobuf envelope, checked against the resource they are meant for."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from addons.sim.kubeapi import protobuf
from addons.sim.kubeapi.calls import Call
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.status import StatusError, bad_request
from addons.sim.kubeapi.tables import decode

_JSON, _YAML, _PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"


def parse(raw: bytes, content_type: str, kind: str) -> Any:
    """The content of a body; 415 for a type that is not served, 400 when it cannot be read."""
    if content_type == _PROTOBUF:
        return protobuf.decode(raw)
    if content_type == _YAML:
        return parse_yaml(raw)
    if content_type not in (_JSON, "", "application/octet-stream"):
        raise unsupported_media(_JSON, _YAML, _PROTOBUF)
    try:
        return decode(raw)
    except msgspec.DecodeError as error:
        why = f"couldn't get version/kind; json parse error: {error}"
        raise bad_request(f"the object provided is unrecognized (must be of type {kind}): {why}") from None


def parse_yaml(raw: bytes) -> Any:
    """The content of a YAML (or JSON) body."""
    try:
        return decode(raw)
    except msgspec.DecodeError:
        pass
    try:
        return yaml.load(raw, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from None


def unsupported_media(*accepted: str) -> StatusError:
    """The Content-Type is none that this request may have."""
    text = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(
        accepted
    )
    return StatusError(415, "UnsupportedMediaType", text)


def check_object(call: Call, obj: Any, kind: str = "") -> Object:
    """The object, when it is of the resource, namespace and name that the path says; 400 otherwise."""
    resource = call.target
    if not isinstance(obj, dict):
        why = "couldn't get version/kind; json parse error: json: cannot unmarshal into Go value"
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind or resource.kind}): {why}"
        )
    if not kind:
        _check_kind(resource, obj)
    metadata = obj.setdefault("metadata", {})
    if metadata is None or not isinstance(metadata, dict):
        metadata = obj["metadata"] = {}
    _check_metadata_types(resource, metadata)
    if resource.namespaced and metadata.get("namespace") not in (None, "", call.namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if call.name and metadata.get("name") not in (None, "", call.name):
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({call.name})"
        )
    return obj


def _check_kind(resource: Resource, obj: Object) -> None:
    kind, api_version = obj.get("kind") or resource.kind, obj.get("apiVersion") or resource.api_version
    if kind != resource.kind:
        target = f"{resource.group.partition('.')[0] or 'core'}.{resource.kind}"
        why = f"converting ({resource.version}.{kind}) to ({target}): unknown conversion"
    elif api_version != resource.api_version:
        why = f'no kind "{kind}" is registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'
    else:
        return
    raise bad_request(
        f'{kind} in version "{api_version.rpartition("/")[2]}" cannot be handled as a {resource.kind}: {why}'
    )


def _check_metadata_types(resource: Resource, metadata: Object) -> None:
    for field in ("labels", "annotations"):
        values = metadata.get(field)
        if values is None:
            metadata.pop(field, None)
            continue
        wrong = (
            values
            if not isinstance(values, dict)
            else next((v for v in values.values() if not isinstance(v, str)), None)
        )
        if wrong is not None and not (isinstance(wrong, dict) and wrong is values):
            why = f"json: cannot unmarshal {_go_type(wrong)} into Go struct field ObjectMeta.metadata.{field} of type string"
            version = resource.version
            raise bad_request(
                f'{resource.kind} in version "{version}" cannot be handled as a {resource.kind}: {why}'
            )


def _go_type(value: Any) -> str:
    names = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")
