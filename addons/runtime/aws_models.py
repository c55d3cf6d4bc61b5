"""botocore's descriptions of AWS, read without what only documentation and other services need.

As botocore itself reads them, the list of all endpoints of all services takes 7 MiB and the description of
Route 53 takes 3 MiB, most of it prose.
"""

import gzip
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
    """Reads a description as plain dictionaries, without prose."""

    def load_file(self, file_path: str) -> Any:
        """Give the content of `file_path` with the ending of the file that exists; None when none does."""
        for ending in (".json", ".json.gz"):
            path = Path(file_path + ending)
            if path.is_file():
                data = path.read_bytes()
                return _read(Path(file_path).name, gzip.decompress(data) if ending == ".json.gz" else data)
        return None


def use_lean_models(session: Session) -> None:
    """Have the session read its descriptions so; it must not have read any yet."""
    loader = create_loader(session.get_config_variable("data_path"))
    loader.file_loader = LeanFiles()
    session.register_component("data_loader", loader)


def _read(name: str, data: bytes) -> Any:
    if name == "endpoints":
        partitions = msgspec.json.decode(data, type=dict[str, msgspec.Raw])["partitions"]
        return {"partitions": list(map(_partition, msgspec.json.decode(partitions, type=list[_Fields])))}
    content = msgspec.json.decode(data)
    _remove_prose(content)
    return content


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
