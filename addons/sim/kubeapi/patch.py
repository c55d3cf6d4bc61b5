"""JSON patch (RFC 6902), merge patch (RFC 7386) and strategic merge patch of the Kubernetes API."""

from __future__ import annotations

import copy
from typing import Any

from addons.sim.kubeapi.resources import Object
from addons.sim.kubeapi.status import StatusError, bad_request
from addons.sim.kubeapi.structure import Structure


def _rejected() -> StatusError:
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def merge_patch(target: Any, patch: Any) -> Any:
    """The target with a merge patch applied; null deletes, lists are replaced."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def json_patch(target: Any, operations: Any) -> Any:
    """The target after all operations; 422 when one does not fit the object."""
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        )
    result = copy.deepcopy(target)
    try:
        for operation in operations:
            result = _operate(result, operation)
    except (KeyError, IndexError, ValueError, TypeError):
        raise _rejected() from None
    return result


def _operate(document: Any, operation: Object) -> Any:
    path = operation["path"]
    match operation["op"]:
        case "add":
            return _set(document, path, operation["value"], insert=True)
        case "replace":
            _get(document, path)
            return _set(document, path, operation["value"], insert=False)
        case "remove":
            return _remove(document, path)
        case "move":
            value = _get(document, operation["from"])
            return _set(_remove(document, operation["from"]), path, value, insert=True)
        case "copy":
            return _set(document, path, copy.deepcopy(_get(document, operation["from"])), insert=True)
        case "test":
            if _get(document, path) != operation["value"]:
                raise ValueError(path)
            return document
    raise ValueError(operation["op"])


def _parts(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError(path)
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _get(document: Any, path: str) -> Any:
    for part in _parts(path):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _set(document: Any, path: str, value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    *parents, last = _parts(path)
    holder = document
    for part in parents:
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    if not isinstance(holder, list):
        holder[last] = value
    elif not insert:
        holder[int(last)] = value
    else:
        index = len(holder) if last == "-" else int(last)
        if not 0 <= index <= len(holder):
            raise IndexError(index)
        holder.insert(index, value)
    return document


def _remove(document: Any, path: str) -> Any:
    *parents, last = _parts(path)
    holder = document
    for part in parents:
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    del holder[int(last) if isinstance(holder, list) else last]
    return document


def strategic_patch(structure: Structure, target: Any, patch: Object) -> Any:
    """The target with a strategic merge patch applied: lists with a known key merge item by item."""
    if patch.get("$patch") == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    if (kept := patch.get("$retainKeys")) is not None:
        result = {name: value for name, value in result.items() if name in kept}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            result[field] = [item for item in result.get(field, ()) if item not in value]
        elif name.startswith("$"):
            continue
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = _strategic_value(structure, name, result.get(name), value)
    _reorder(structure, result, patch)
    return result


def _strategic_value(structure: Structure, field: str, old: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return strategic_patch(structure, old, value)
    if not isinstance(value, list):
        return value
    directives = [item for item in value if isinstance(item, dict) and "$patch" in item and len(item) == 1]
    items = [item for item in value if item not in directives]
    if any(directive["$patch"] == "replace" for directive in directives):
        return items
    existing = old if isinstance(old, list) else []
    keys = structure.keys(field, [*existing, *items])
    if keys is None:
        return items
    if not keys:
        return [*existing, *(item for item in items if item not in existing)]
    return _merge_items(structure, existing, items, keys[0])


def _merge_items(structure: Structure, existing: list[Object], items: list[Object], key: str) -> list[Object]:
    known = {item[key]: item for item in existing}
    deleted = {item[key] for item in items if item.get("$patch") == "delete"}
    patched = {
        item[key]: strategic_patch(structure, known.get(item[key], {}), item)
        for item in items
        if item[key] not in deleted
    }
    return _interleave(existing, patched, key, deleted)


def _interleave(
    existing: list[Object], patched: dict[Any, Object], key: str, deleted: set[Any]
) -> list[Object]:
    """Patched items in the order of the patch, and the rest before the first patched one that it preceded."""
    rank = {item[key]: index for index, item in enumerate(existing)}
    rest = [item for item in existing if item[key] not in patched and item[key] not in deleted]
    merged: list[Object] = []
    for name, item in patched.items():
        while rest and rank[rest[0][key]] < rank.get(name, -1):
            merged.append(rest.pop(0))
        merged.append(item)
    return merged + rest


def _reorder(structure: Structure, result: Object, patch: Object) -> None:
    """Bring lists into the order of their `$setElementOrder` directive; unnamed items come last."""
    for name, order in patch.items():
        field = name.removeprefix("$setElementOrder/")
        if field == name or field not in result:
            continue
        keys = structure.keys(field, result[field])
        wanted = [item[keys[0]] if keys and isinstance(item, dict) else item for item in order]
        rank = {value: index for index, value in enumerate(wanted)}

        def place(item: Any, rank: dict[Any, int] = rank, keys: tuple[str, ...] | None = keys) -> int:
            return rank.get(item[keys[0]] if keys else item, len(rank))

        result[field] = sorted(result[field], key=place)
