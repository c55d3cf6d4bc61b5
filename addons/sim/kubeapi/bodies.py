"""Request bodies: JSON, YAML and the protobuf envelope, checked against the resource they are meant for."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import yaml

from addons.sim.kubeapi import protobuf
from addons.sim.kubeapi.calls import Call
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.schema import go_type, type_fault, unknown_fields
from addons.sim.kubeapi.status import StatusError, bad_request
from addons.sim.kubeapi.tables import decode, encode

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
    for field in ("labels", "annotations"):
        if metadata.get(field, True) is None:
            del metadata[field]
    if not kind:
        _check_types(resource, obj)
        _check_times(resource, obj)
        _check_fields(call, obj)
    if resource.namespaced and metadata.get("namespace") not in (None, "", call.namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if call.name and not kind and not metadata.get("name"):
        why = "was undeterminable: name must be provided"
        raise bad_request(f"the name of the object ({call.name} based on URL) {why}")
    if call.name and metadata.get("name") not in (None, "", call.name):
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({call.name})"
        )
    return obj


def _check_kind(resource: Resource, obj: Object) -> None:
    if resource.custom and not (obj.get("kind") and obj.get("apiVersion")):
        text = encode(obj).decode()
        why = f"Object 'Kind' is missing in '{text}' ({text[:24]} ...)"
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind}): {why}")
    kind, api_version = obj.get("kind") or resource.kind, obj.get("apiVersion") or resource.api_version
    if kind != resource.kind:
        target = f"{resource.group.partition('.')[0] or 'core'}.{resource.kind}"
        why = f"converting ({resource.version}.{kind}) to ({target}): unknown conversion"
    elif api_version != resource.api_version:
        why = (
            f'no kind "{kind}" is registered for version "{api_version}" '
            f'in scheme "pkg/runtime/scheme.go:111"'
        )
    else:
        return
    raise bad_request(
        f'{kind} in version "{api_version.rpartition("/")[2]}" cannot be handled as a {resource.kind}: {why}'
    )


_MICRO_TIMES = {
    "leases": (("spec", "acquireTime"), ("spec", "renewTime")),
    "events": (("eventTime",),),
}
_MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)")


def _check_times(resource: Resource, obj: Object) -> None:
    for path in _MICRO_TIMES.get(resource.plural, ()):
        value: Any = obj
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and not _MICRO_TIME.fullmatch(value):
            layout = "2006-01-02T15:04:05.000000Z07:00"
            raise _unreadable(resource, f'parsing time "{value}" as "{layout}": cannot parse "{value}"')


def _check_fields(call: Call, obj: Object) -> None:
    """Refuse fields that the kind does not have when the client asks for strictness."""
    if call.query.get("fieldValidation") != "Strict" or call.target.custom:
        return
    if unknown := unknown_fields(call.target.kind, obj):
        faults = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise _unreadable(call.target, f"strict decoding error: {faults}")


def _unreadable(resource: Resource, why: str) -> StatusError:
    where = f'{resource.kind} in version "{resource.version}"'
    return bad_request(f"{where} cannot be handled as a {resource.kind}: {why}")


def _check_types(resource: Resource, obj: Object) -> None:
    """Refuse what the decoder of the server could not put into the fields of the kind."""
    kind = "" if resource.custom else resource.kind
    fault = type_fault(kind, obj) or type_fault("ObjectMeta", obj["metadata"], "metadata", resource.kind)
    for field in ("spec", "status"):
        if not isinstance(obj.get(field) or {}, dict):
            target = f"Go struct field {resource.kind}.{field} of type {resource.version}.{resource.kind}"
            fault = fault or f"json: cannot unmarshal {go_type(obj[field])} into {target}"
    if fault:
        raise _unreadable(resource, fault)
