"""Server-side apply: an object is what its managers jointly asked for, and conflicts are said aloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from addons.sim.kubeapi.managed import (
    Tree,
    difference,
    find_entry,
    new_entry,
    owned_part,
    store_entries,
    tree_of,
    union,
)
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.status import Cause, StatusError, as_causes
from addons.sim.kubeapi.structure import Structure, identity, value_identity

_ABSENT = object()


def apply_patch(
    resource: Resource,
    live: Object,
    config: Object,
    *,
    manager: str,
    force: bool,
    now: str,
    subresource: str = "",
) -> Object:
    """The live object with a manager's configuration merged in; 409 when another manager holds a field.

    Fields that the manager applied before and no longer mentions go, unless somebody else owns them as well.
    `live` is an object of name and namespace only when it does not exist yet.
    """
    structure = Structure(resource)
    wanted = owned_part(config, subresource)
    tree = tree_of(structure, wanted)
    entries = [dict(entry) for entry in live.get("metadata", {}).get("managedFields", ())]
    own = find_entry(entries, manager, "Apply", subresource)
    others = [entry for entry in entries if entry is not own]
    _settle_conflicts(structure, live, wanted, others, force=force)

    if own is None:
        own = new_entry(resource, manager, "Apply", subresource)
        entries.append(own)
    shared: Tree = {}
    for entry in others:
        shared = union(shared, entry["fieldsV1"])
    dropped = difference(difference(own["fieldsV1"], tree), shared)
    merged: Object = _merge(structure, _without(structure, live, dropped), wanted)
    if own["fieldsV1"] != tree or not own["time"]:
        own["fieldsV1"], own["time"] = tree, now
    store_entries(merged, entries)
    return merged


def _settle_conflicts(
    structure: Structure, live: Object, wanted: Object, others: list[Object], *, force: bool
) -> None:
    """Take contested fields from their owners when forced, else refuse."""
    causes = []
    for entry in others:
        contested = list(_contested(structure, live, wanted, entry["fieldsV1"]))
        for path, tree in contested:
            entry["fieldsV1"] = difference(entry["fieldsV1"], tree)
            using = f" using {entry['apiVersion']}" if entry["operation"] == "Update" else ""
            with_whom = f'conflict with "{entry["manager"]}"{_through(entry)}{using}'
            causes.append(Cause("FieldManagerConflict", path, with_whom))
    if causes and not force:
        raise _conflict(causes)


def _through(entry: Object) -> str:
    return f' with subresource "{entry["subresource"]}"' if entry.get("subresource") else ""


def _conflict(causes: list[Cause]) -> StatusError:
    noun = "conflict" if len(causes) == 1 else "conflicts"
    by_owner: dict[str, list[str]] = {}
    for cause in causes:
        by_owner.setdefault(cause.message, []).append(cause.field)
    if len(causes) == 1:
        text = f"{causes[0].message}: {causes[0].field}"
    else:
        text = "\n".join(
            f"{owner.replace('conflict', 'conflicts', 1)}:\n" + "\n".join(f"- {field}" for field in fields)
            for owner, fields in by_owner.items()
        )
    message = f"Apply failed with {len(causes)} {noun}: {text}"
    return StatusError(409, "Conflict", message, {"causes": as_causes(causes)})


def _contested(
    structure: Structure, live: Any, wanted: Any, owned: Tree, path: str = "", field: str = ""
) -> Iterator[tuple[str, Tree]]:
    """Leaves that are wanted otherwise than they are, and that `owned` holds: (path, tree of that leaf)."""
    if live == wanted:
        return
    children = _children(structure, wanted, field)
    if children is None or not owned:
        yield path, {}
        return
    present = _children(structure, live, field) or {}
    for name, (child, child_field, step) in children.items():
        if name not in owned:
            continue
        before = present[name][0] if name in present else _ABSENT
        for found, tree in _contested(structure, before, child, owned[name], path + step, child_field):
            yield found, {name: tree}


def _children(structure: Structure, value: Any, field: str) -> dict[str, tuple[Any, str, str]] | None:
    """Parts by FieldsV1 name: (part, its field name, its step in a path); None for a leaf."""
    if isinstance(value, dict) and not structure.is_atomic_map(field):
        return {f"f:{name}": (child, name, f".{name}") for name, child in value.items()}
    if isinstance(value, list) and (keys := structure.keys(field, value)) is not None:
        if keys:
            names = [identity(item, keys) for item in value]
            return {name: (item, "", _step(name)) for name, item in zip(names, value, strict=True)}
        return {value_identity(item): (item, "", f"[={item!r}]") for item in value}
    return None


def _step(name: str) -> str:
    """A list item in a path: `k:{"name":"web","x":1}` becomes `[name="web",x=1]`."""
    pairs = name[3:-1].replace('":', "=").replace(',"', ",")
    return f"[{pairs.removeprefix(chr(34))}]"


def _merge(structure: Structure, live: Any, wanted: Any, field: str = "") -> Any:
    """The live value with the wanted one laid over it, lists by key."""
    if isinstance(live, dict) and isinstance(wanted, dict) and not structure.is_atomic_map(field):
        merged = {name: _merge(structure, live.get(name), value, name) for name, value in wanted.items()}
        return live | merged
    if isinstance(live, list) and isinstance(wanted, list):
        keys = structure.keys(field, [*live, *wanted])
        if keys:
            items = {identity(item, keys): item for item in live}
            for item in wanted:
                name = identity(item, keys)
                items[name] = _merge(structure, items.get(name), item)
            return list(items.values())
        if keys is not None:
            return [*live, *(item for item in wanted if item not in live)]
    return wanted


def _without(structure: Structure, value: Any, dropped: Tree, field: str = "") -> Any:
    """The value less the leaves of a tree; maps and items that become empty go with them."""
    if isinstance(value, dict):
        rest = {}
        for name, child in value.items():
            tree = dropped.get(f"f:{name}")
            if tree is None:
                rest[name] = child
            elif tree and (left := _without(structure, child, tree, name)):
                rest[name] = left
        return rest
    if isinstance(value, list) and (keys := structure.keys(field, value)) is not None:
        kept = []
        for item in value:
            tree = dropped.get(identity(item, keys) if keys else value_identity(item))
            if tree is None:
                kept.append(item)
            elif tree and "." not in tree:
                kept.append(_without(structure, item, tree))
        return kept
    return value
