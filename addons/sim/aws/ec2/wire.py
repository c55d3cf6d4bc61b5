"""The wire form of EC2's operations, as AWS itself describes it in the model that botocore ships.

So operations take and give plain values under the names that boto3 shows.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from addons.sim.aws.ec2.errors import Ec2Error, invalid, missing

_COMMON = ("Action", "Version")


@cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("ec2", "service-2"))


def read(operation: str, query: str) -> dict[str, Any]:
    """Read the parameters of a call, typed. Raises UnknownParameter or InvalidParameterValue."""
    tree: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in _COMMON:
            _plant(tree, name, text)
    found: dict[str, Any] = _read(_model().operation_model(operation).input_shape, tree, "")
    return found


def write(operation: str, answer: Mapping[str, Any], request_id: str) -> str:
    """Give the XML of an answer. A name that the operation does not have raises KeyError."""
    model = _model()
    parts = f"<requestId>{request_id}</requestId>"
    shape = model.operation_model(operation).output_shape
    if shape is None:
        parts += "<return>true</return>"
    else:
        parts += "".join(_members(shape, answer))
    namespace = f"http://ec2.amazonaws.com/doc/{model.api_version}/"
    return f'<{operation}Response xmlns="{namespace}">{parts}</{operation}Response>'


def _plant(tree: dict[str, Any], name: str, text: str) -> None:
    """Put `Filter.1.Value.2` where it belongs: {"Filter": {"1": {"Value": {"2": text}}}}."""
    *folders, leaf = name.split(".")
    for folder in folders:
        tree = tree.setdefault(folder, {})
        if not isinstance(tree, dict):
            raise Ec2Error("UnknownParameter", f"The parameter {name} is not recognized")
    tree[leaf] = text


def _read(shape: Shape, value: Any, path: str) -> Any:
    has_parts = shape.type_name in ("structure", "list")
    if has_parts != isinstance(value, dict):
        raise Ec2Error("UnknownParameter", f"The parameter {path} is not recognized")
    if shape.type_name == "structure":
        return _read_structure(shape, value, path)
    if shape.type_name == "list":
        return [_read(shape.member, value[key], f"{path}.{key}") for key in _in_order(value, path)]
    return _read_text(shape.type_name, value, path)


def _in_order(items: Mapping[str, Any], path: str) -> list[str]:
    if not all(key.isascii() and key.isdigit() for key in items):
        raise Ec2Error("UnknownParameter", f"The parameter {path} is a list, with numbers")
    return sorted(items, key=int)


def _read_structure(shape: Shape, value: Any, path: str) -> dict[str, Any]:
    names = {_query_name(name, member): name for name, member in shape.members.items()}
    found = {}
    for query_name, inner in value.items():
        if query_name not in names:
            raise Ec2Error("UnknownParameter", f"The parameter {query_name} is not recognized")
        name = names[query_name]
        found[name] = _read(shape.members[name], inner, f"{path}.{query_name}".removeprefix("."))
    for name in shape.required_members:
        if name not in found:
            raise missing(f"{path}.{_query_name(name, shape.members[name])}".removeprefix("."))
    return found


def _query_name(name: str, member: Shape) -> str:
    if query_name := member.serialization.get("queryName"):
        return str(query_name)
    location = str(member.serialization.get("name", name))
    return location[0].upper() + location[1:]


def _read_text(kind: str, text: str, path: str) -> str | int | bool:
    if kind == "boolean":
        if text not in ("true", "false"):
            raise invalid(f"Value ({text}) for parameter {path} is invalid. Expected a boolean.")
        return text == "true"
    if kind in ("integer", "long"):
        if not re.fullmatch(r"-?\d+", text, re.ASCII):
            raise invalid(f"Value ({text}) for parameter {path} is invalid. Expected an integer.")
        return int(text)
    return text


def _members(shape: Shape, value: Mapping[str, Any]) -> Iterable[str]:
    for name, inner in value.items():
        member = shape.members[name]
        if inner is not None:
            tag = member.serialization.get("name", name)
            yield f"<{tag}>{_write(member, inner)}</{tag}>"


def _write(shape: Shape, value: Any) -> str:
    if shape.type_name == "structure":
        return "".join(_members(shape, value))
    if shape.type_name == "list":
        return "".join(f"<item>{_write(shape.member, item)}</item>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    return escape(str(value))
