"""Create, update, patch and delete, as requests ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from addons.sim.kubeapi.apply import apply_patch
from addons.sim.kubeapi.bodies import check_object, parse, parse_yaml, unsupported_media
from addons.sim.kubeapi.calls import Call
from addons.sim.kubeapi.clock import rfc3339
from addons.sim.kubeapi.deletion import Deletion
from addons.sim.kubeapi.patch import json_patch, merge_patch, strategic_patch
from addons.sim.kubeapi.reads import read_filter
from addons.sim.kubeapi.resources import Object
from addons.sim.kubeapi.status import Cause, StatusError, bad_request, invalid_options, not_found
from addons.sim.kubeapi.store import Store, Write
from addons.sim.kubeapi.structure import Structure
from addons.sim.kubeapi.tables import Entry

APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"


class Body:
    """The body of a request with the headers that say what it is and who sent it."""

    def __init__(self, raw: bytes, headers: Mapping[str, str]) -> None:
        self.raw = raw
        self.content_type = headers.get("Content-Type", "").partition(";")[0].strip()
        self.agent = headers.get("User-Agent", "unknown").partition("/")[0]

    def parse(self, kind: str) -> Any:
        """The content, meant to be an object of this kind."""
        return parse(self.raw, self.content_type, kind)

    def parse_patch(self) -> Any:
        """The content of a JSON patch or merge patch."""
        try:
            return msgspec.json.decode(self.raw)
        except msgspec.DecodeError:
            raise bad_request("invalid JSON patch") from None


def write_of(call: Call, body: Body) -> Write:
    """How a request means its write: by which field manager, and whether for real."""
    return Write(manager=call.query.get("fieldManager") or body.agent, dry_run=call.dry_run)


def create(call: Call, store: Store, body: Body) -> Entry:
    """Create the object in the body."""
    obj = check_object(call, body.parse(call.target.kind))
    return store.add(call.target, call.namespace, obj, write_of(call, body))


def update(call: Call, store: Store, body: Body) -> Entry:
    """Put the object in the body in the place of the present one."""
    obj = check_object(call, body.parse(call.target.kind))
    write = write_of(call, body)
    return store.change(call.target, call.namespace, call.name, lambda _: obj, write, call.subresource)


def patch(call: Call, store: Store, body: Body) -> tuple[Entry, bool]:
    """Change the object as the patch says; the entry, and whether an apply created it."""
    if body.content_type == APPLY:
        return _apply(call, store, body)
    structure = Structure(call.target)
    if body.content_type == _JSON_PATCH:
        operations = body.parse_patch()
        entry = _change(call, store, body, lambda obj: json_patch(obj, operations))
    elif body.content_type == _MERGE:
        content = body.parse_patch()
        entry = _change(call, store, body, lambda obj: merge_patch(obj, content))
    elif body.content_type == _STRATEGIC and not call.target.custom:
        content = body.parse_patch()
        if not isinstance(content, dict):
            raise bad_request("json: cannot unmarshal array into Go value of type map[string]interface {}")
        entry = _change(call, store, body, lambda obj: strategic_patch(structure, obj, content))
    elif body.content_type == _STRATEGIC:
        raise unsupported_media(_JSON_PATCH, _MERGE, APPLY)
    else:
        raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    return entry, False


def _change(call: Call, store: Store, body: Body, patched: Any) -> Entry:
    def change(obj: Object) -> Object:
        return check_object(call, patched(obj))

    return store.change(
        call.target, call.namespace, call.name, change, write_of(call, body), call.subresource
    )


def _apply(call: Call, store: Store, body: Body) -> tuple[Entry, bool]:
    manager = call.query.get("fieldManager", "")
    if not manager:
        why = "Required value: is required for apply patch"
        raise invalid_options("PatchOptions", Cause("FieldValueRequired", "fieldManager", why))
    config = _read_config(call, body)
    resource, force, now = call.target, call.flag("force"), rfc3339(store.now())

    def change(live: Object) -> Object:
        merged = apply_patch(
            resource, live, config, manager=manager, force=force, now=now, subresource=call.subresource
        )
        for field in ("resourceVersion", "uid"):
            if wanted := config["metadata"].get(field):
                merged["metadata"][field] = wanted
        return merged

    write = Write(dry_run=call.dry_run)
    if store.table(resource).get(call.namespace, call.name) is not None:
        return store.change(resource, call.namespace, call.name, change, write, call.subresource), False
    if call.subresource:
        raise not_found(resource, call.name)
    fresh: Object = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": call.name},
    }
    return store.add(resource, call.namespace, change(fresh), write), True


def _read_config(call: Call, body: Body) -> Object:
    content = parse_yaml(body.raw)
    if not isinstance(content, dict) or not content.get("kind") or not content.get("apiVersion"):
        raise bad_request("error decoding YAML: Object 'Kind' is missing in the applied configuration")
    config = check_object(call, content)
    if config["metadata"].get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    return config


def read_deletion(call: Call, body: Body) -> Deletion:
    """The DeleteOptions from body and query."""
    options = body.parse("DeleteOptions") if body.raw else {}
    preconditions = options.get("preconditions") or {}
    grace = options.get("gracePeriodSeconds", call.query.get("gracePeriodSeconds"))
    orphan = options.get("orphanDependents")
    legacy = {True: "Orphan", False: "Background"}.get(orphan, "") if orphan is not None else ""
    return Deletion(
        grace_seconds=None if grace is None else int(grace),
        propagation=options.get("propagationPolicy") or call.query.get("propagationPolicy") or legacy,
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        dry_run=call.dry_run or "All" in (options.get("dryRun") or ()),
    )


def delete(call: Call, store: Store, deletion: Deletion) -> tuple[Entry, bool]:
    """Delete one object; its last entry, and whether it is gone."""
    return store.remove(call.target, call.namespace, call.name, deletion)


def delete_collection(call: Call, store: Store, deletion: Deletion) -> list[Entry]:
    """Delete all objects that the selectors match; their entries before."""
    wanted = read_filter(call)
    matched = [entry for entry in store.table(call.target).entries(call.namespace) if wanted(entry)]
    for entry in matched:
        store.remove(call.target, entry.namespace, entry.name, deletion)
    return matched
