"""The wire form of the query protocols, as AWS itself describes it in the model that botocore ships.

So operations take and give plain values under the names that boto3 shows.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

_COMMON = ("Action", "Version")
Refuse = Callable[[str], Exception]


class Wire:
    """How one service reads and writes. EC2 has a dialect of its own: lists without a `member` between.

    The callables give the refusals: of a parameter by its name, of a value in words, of a lacking name.
    """

    def __init__(self, service: str, *, unknown: Refuse, invalid: Refuse, missing: Refuse) -> None:
        self._service = service
        self._unknown, self._invalid, self._missing = unknown, invalid, missing
        self._operations: dict[str, OperationModel] = {}

    @cached_property
    def _model(self) -> ServiceModel:
        return ServiceModel(Loader().load_service_model(self._service, "service-2"))

    @cached_property
    def _is_ec2(self) -> bool:
        return bool(self._model.metadata["protocol"] == "ec2")

    def _operation(self, name: str) -> OperationModel:
        if name not in self._operations:
            self._operations[name] = self._model.operation_model(name)
        return self._operations[name]

    def read(self, operation: str, query: str) -> dict[str, Any]:
        """Read the parameters of a call, typed. Raises what the refusals give."""
        tree: dict[str, Any] = {}
        for name, text in parse_qsl(query, keep_blank_values=True):
            if name not in _COMMON:
                self._plant(tree, name, text)
        shape = self._operation(operation).input_shape
        found: dict[str, Any] = self._read(shape, tree, "") if shape is not None else {}
        return found

    def write(self, operation: str, answer: Mapping[str, Any], request_id: str) -> str:
        """Give the XML of an answer. A name that the operation does not have raises KeyError."""
        shape = self._operation(operation).output_shape
        parts = "".join(self._members(shape, answer)) if shape is not None else ""
        if self._is_ec2:
            parts = f"<requestId>{request_id}</requestId>{parts or '<return>true</return>'}"
            namespace = f"http://ec2.amazonaws.com/doc/{self._model.api_version}/"
        else:
            about = f"<RequestId>{request_id}</RequestId>"
            parts = (
                f"<{operation}Result>{parts}</{operation}Result><ResponseMetadata>{about}</ResponseMetadata>"
            )
            namespace = self._model.metadata["xmlNamespace"]
        return f'<{operation}Response xmlns="{namespace}">{parts}</{operation}Response>'

    def _plant(self, tree: dict[str, Any], name: str, text: str) -> None:
        """Put `Filter.1.Value.2` where it belongs: {"Filter": {"1": {"Value": {"2": text}}}}."""
        *folders, leaf = name.split(".")
        for folder in folders:
            tree = tree.setdefault(folder, {})
            if not isinstance(tree, dict):
                raise self._unknown(name)
        tree[leaf] = text

    def _read(self, shape: Shape, value: Any, path: str) -> Any:
        if shape.type_name == "list" and value == "" and not self._is_ec2:
            return []
        has_parts = shape.type_name in ("structure", "list")
        if has_parts != isinstance(value, dict):
            raise self._unknown(path)
        if shape.type_name == "structure":
            return self._read_structure(shape, value, path)
        if shape.type_name == "list":
            items = value if self._is_ec2 else value.get("member", value)
            return [
                self._read(shape.member, items[key], f"{path}.{key}") for key in self._in_order(items, path)
            ]
        return self._read_text(shape.type_name, value, path)

    def _in_order(self, items: Any, path: str) -> list[str]:
        if not isinstance(items, dict) or not all(key.isascii() and key.isdigit() for key in items):
            raise self._unknown(path)
        return sorted(items, key=int)

    def _read_structure(self, shape: Shape, value: Any, path: str) -> dict[str, Any]:
        names = {self._query_name(name, member): name for name, member in shape.members.items()}
        found = {}
        for query_name, inner in value.items():
            if query_name not in names:
                raise self._unknown(query_name)
            name = names[query_name]
            found[name] = self._read(shape.members[name], inner, f"{path}.{query_name}".removeprefix("."))
        for name in shape.required_members:
            if name not in found:
                raise self._missing(f"{path}.{self._query_name(name, shape.members[name])}".removeprefix("."))
        return found

    def _query_name(self, name: str, member: Shape) -> str:
        if query_name := member.serialization.get("queryName"):
            return str(query_name)
        location = str(member.serialization.get("name", name))
        return location[0].upper() + location[1:] if self._is_ec2 else location

    def _read_text(self, kind: str, text: str, path: str) -> str | int | bool:
        if kind == "boolean":
            if text not in ("true", "false"):
                raise self._invalid(f"Value ({text}) for parameter {path} is invalid. Expected a boolean.")
            return text == "true"
        if kind in ("integer", "long"):
            if not re.fullmatch(r"-?\d+", text, re.ASCII):
                raise self._invalid(f"Value ({text}) for parameter {path} is invalid. Expected an integer.")
            return int(text)
        return text

    def _members(self, shape: Shape, value: Mapping[str, Any]) -> Iterable[str]:
        for name, inner in value.items():
            member = shape.members[name]
            if inner is not None:
                tag = member.serialization.get("name", name)
                yield f"<{tag}>{self._write(member, inner)}</{tag}>"

    def _write(self, shape: Shape, value: Any) -> str:
        if shape.type_name == "structure":
            return "".join(self._members(shape, value))
        if shape.type_name == "list":
            tag = "item" if self._is_ec2 else "member"
            return "".join(f"<{tag}>{self._write(shape.member, item)}</{tag}>" for item in value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, datetime):
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
        return escape(str(value))
