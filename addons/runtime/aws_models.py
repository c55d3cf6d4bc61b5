"""botocore's descriptions of AWS, read without what only documentation and other services need.

As botocore itself reads them, the list of all endpoints of all services takes 7 MiB and the description of
Route 53 takes 3 MiB, most of it prose. A client of EC2, which has some 800 operations, takes 24 MiB so,
12 MiB without prose, and 4 MiB where the daemon names the dozen that it calls.
"""

import gzip
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from botocore.loaders import JSONFileLoader, create_loader
from botocore.session import Session

SERVICES = ("acm", "autoscaling", "ec2", "elasticloadbalancing", "route53", "sts")
"""The services, by the first part of their host names, whose endpoints are kept.

Those of another one follow the pattern of its partition, as those of all but a few do.
"""


_Fields = dict[str, msgspec.Raw]


class LeanFiles(JSONFileLoader):  # type: ignore[misc]
    """Reads a description as plain dictionaries, without prose; of a service only the operations named."""

    def __init__(self, operations: Mapping[str, Collection[str]]) -> None:
        self._operations = operations

    def load_file(self, file_path: str) -> Any:
        """Give the content of `file_path` with the ending of the file that exists; None when none does."""
        for ending in (".json", ".json.gz"):
            path = Path(file_path + ending)
            if path.is_file():
                data = path.read_bytes()
                return self._read(Path(file_path), gzip.decompress(data) if ending == ".json.gz" else data)
        return None

    def _read(self, path: Path, data: bytes) -> Any:
        """Read what is in `service/version/kind`, or in one of the files that are of no service."""
        content = _decode(path.name, data, self._operations.get(path.parent.parent.name))
        _remove_prose(content)
        return content


def use_lean_models(session: Session, operations: Mapping[str, Collection[str]] | None = None) -> None:
    """Have the session read its descriptions so; it must not have read any yet.

    A service that `operations` has, by its name in boto3, can do these alone: DescribeSubnets and so on.
    """
    loader = create_loader(session.get_config_variable("data_path"))
    loader.file_loader = LeanFiles(operations or {})
    session.register_component("data_loader", loader)


def _decode(kind: str, data: bytes, operations: Collection[str] | None) -> Any:
    if kind == "endpoints":
        partitions = msgspec.json.decode(data, type=_Fields)["partitions"]
        return {"partitions": list(map(_partition, msgspec.json.decode(partitions, type=list[_Fields])))}
    if kind == "service-2" and operations is not None:
        return _service(msgspec.json.decode(data, type=_Fields), operations)
    content = msgspec.json.decode(data)
    if kind == "paginators-1" and operations is not None:
        paged: dict[str, Any] = content["pagination"]
        return {"pagination": {name: paged[name] for name in paged if name in operations}}
    return content


def _service(fields: _Fields, names: Collection[str]) -> dict[str, Any]:
    """A service that has the named operations alone, and the shapes that they need."""
    operations = msgspec.json.decode(fields.pop("operations"), type=_Fields)
    shapes = msgspec.json.decode(fields.pop("shapes"), type=_Fields)
    if unknown := sorted(set(names) - operations.keys()):
        raise LookupError(f"no such operations: {', '.join(unknown)}")
    kept = {name: msgspec.json.decode(operations[name]) for name in names}
    needed: dict[str, Any] = {}
    pending = set(_shapes_named_in(kept))
    while pending:
        name = pending.pop()
        needed[name] = msgspec.json.decode(shapes[name])
        pending |= set(_shapes_named_in(needed[name])) - needed.keys()
    rest = {name: msgspec.json.decode(raw) for name, raw in fields.items()}
    return rest | {"operations": kept, "shapes": needed}


def _shapes_named_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(name := value.get("shape"), str):
            yield name
        for item in value.values():
            yield from _shapes_named_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _shapes_named_in(item)


def _partition(fields: _Fields) -> dict[str, Any]:
    """AWS, AWS China and so on; of its hundreds of services, those of ours."""
    services = msgspec.json.decode(fields.pop("services"), type=_Fields)
    ours = {name: msgspec.json.decode(services[name]) for name in SERVICES if name in services}
    return {name: msgspec.json.decode(raw) for name, raw in fields.items()} | {"services": ours}


def _remove_prose(value: Any) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("documentation"), str):
            value["documentation"] = ""
        for item in value.values():
            _remove_prose(item)
    elif isinstance(value, list):
        for item in value:
            _remove_prose(item)
