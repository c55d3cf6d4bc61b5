"""The JSON schema of the file, for editors and for checks before anything is planned."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from addons.autoscaler.matrix import file
from addons.runtime.field_docs import field_docs

_TYPES: Final = {
    each.__name__: each
    for each in (file.MatrixFile, file.Dimensions, file.Settings, file.Device, file.Match, file.Override)
}


def schema() -> dict[str, Any]:
    """The schema, with the docstring of each key as its description."""
    _, parts = msgspec.json.schema_components([file.MatrixFile], ref_template="#/$defs/{name}")
    for name, described in _described(parts):
        docs, _ = field_docs(_TYPES[name])
        keys = {each.encode_name: docs[each.name] for each in msgspec.structs.fields(_TYPES[name])}
        for key, words in keys.items():
            described[key] = _with(described[key], words)
    own = parts.pop("MatrixFile")
    own["patternProperties"] = {"^x-": {}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **own,
        "title": "Matrix of auto scaling groups",
        "$defs": parts,
    }


def _described(parts: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The keys of each mapping of ours."""
    for name, part in parts.items():
        if name in _TYPES:
            yield name, part["properties"]


def _with(property_: dict[str, Any], words: str) -> dict[str, Any]:
    """The same with words; beside a reference they stand around it."""
    return {"description": words, **{key: each for key, each in property_.items() if key != "description"}}


def keys_of(type_: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """Each key of a mapping of the file, and what it means."""
    docs, _ = field_docs(type_)
    for each in msgspec.structs.fields(type_):
        yield each.encode_name, docs[each.name]
