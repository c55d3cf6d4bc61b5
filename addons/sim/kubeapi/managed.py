"""Who manages which field: the FieldsV1 trees of `metadata.managedFields`."""

from __future__ import annotations

from typing import Any

from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.structure import Structure, identity, value_identity

Tree = dict[str, Any]

_OWN_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")


def owned_part(obj: Object, subresource: str = "") -> Object:
    """What of an object can be managed: not its identity, and the status only through /status."""
    part = {k: v for k, v in obj.items() if k not in ("kind", "apiVersion", "metadata", "status")}
    if subresource == "status":
        part = {"status": obj["status"]} if "status" in obj else {}
    metadata = {k: v for k, v in obj.get("metadata", {}).items() if k in _OWN_METADATA}
    return part | ({"metadata": metadata} if metadata else {})


def tree_of(structure: Structure, value: Any, field: str = "") -> Tree:
    """The FieldsV1 tree of all leaves in a value."""
    if isinstance(value, dict) and value and not structure.is_atomic_map(field):
        return {f"f:{name}": tree_of(structure, child, name) for name, child in value.items()}
    if isinstance(value, list) and value:
        keys = structure.keys(field, value)
        if keys:
            return {identity(item, keys): {".": {}} | tree_of(structure, item) for item in value}
        if keys is not None:
            return {value_identity(item): {} for item in value}
    return {}


def changed(structure: Structure, old: Any, new: Any, field: str = "") -> Tree | None:
    """The tree of leaves in `new` that `old` lacks or has otherwise; None when there is none."""
    if old == new:
        return None
    if isinstance(old, dict) and isinstance(new, dict) and not structure.is_atomic_map(field):
        found = {f"f:{name}": changed(structure, old.get(name), child, name) for name, child in new.items()}
        return {name: tree for name, tree in found.items() if tree is not None} or None
    if isinstance(old, list) and isinstance(new, list) and (keys := structure.keys(field, [*old, *new])):
        before = {identity(item, keys): item for item in old}
        items = {identity(item, keys): item for item in new}
        found = {name: changed(structure, before.get(name), item) for name, item in items.items()}
        return {name: tree for name, tree in found.items() if tree is not None} or None
    if new is None:
        return None
    tree = tree_of(structure, new, field)
    return {".": {}} | tree if field == "" and isinstance(new, dict) and old is None else tree


def union(one: Tree, two: Tree) -> Tree:
    """Leaves of either tree."""
    joint = dict(one)
    for name, child in two.items():
        joint[name] = union(joint[name], child) if name in joint else child
    return joint


def difference(one: Tree, two: Tree) -> Tree:
    """Leaves of the first tree that the second does not own."""
    rest: Tree = {}
    for name, child in one.items():
        other = two.get(name)
        if other is None:
            rest[name] = child
        elif not child:
            if other and "." not in other:
                rest[name] = child
        elif left := difference(child, other):
            rest[name] = left
    return rest


def record_update(
    resource: Resource, old: Object, new: Object, manager: str, now: str, subresource: str = ""
) -> None:
    """Note in `new` that `manager` owns what it changed, and that nobody else does any longer."""
    structure = Structure(resource)
    before, after = owned_part(old, subresource), owned_part(new, subresource)
    entries = [dict(entry) for entry in old.get("metadata", {}).get("managedFields", ())]
    mine = changed(structure, before, after) or {}
    lost = union(mine, changed(structure, after, before) or {})
    for entry in entries:
        entry["fieldsV1"] = difference(entry["fieldsV1"], lost)
    if mine:
        own = find_entry(entries, manager, "Update", subresource)
        if own is None:
            own = new_entry(resource, manager, "Update", subresource)
            entries.append(own)
        own["fieldsV1"] = union(own["fieldsV1"], mine)
        own["time"] = now
    store_entries(new, entries)


def find_entry(entries: list[Object], manager: str, operation: str, subresource: str) -> Object | None:
    """The record of one manager, if there is one."""
    wanted = (manager, operation, subresource)
    return next(
        (e for e in entries if (e["manager"], e["operation"], e.get("subresource", "")) == wanted), None
    )


def new_entry(resource: Resource, manager: str, operation: str, subresource: str) -> Object:
    """A record that owns nothing yet."""
    entry: Object = {"manager": manager, "operation": operation, "apiVersion": resource.api_version}
    entry |= {"time": "", "fieldsType": "FieldsV1", "fieldsV1": {}}
    return entry | ({"subresource": subresource} if subresource else {})


def store_entries(obj: Object, entries: list[Object]) -> None:
    """Put the records that own something into the object."""
    kept = [entry for entry in entries if entry["fieldsV1"]]
    obj["metadata"].pop("managedFields", None)
    if kept:
        obj["metadata"]["managedFields"] = kept


def without_times(obj: Object) -> Object:
    """The object with the times of its management records left out."""
    entries = [{**entry, "time": ""} for entry in obj["metadata"].get("managedFields", ())]
    return {**obj, "metadata": {**obj["metadata"], "managedFields": entries}}
