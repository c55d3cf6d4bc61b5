"""Get and list: present state, pages, and the state at a resource version."""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left
from typing import NamedTuple

from addons.sim.kubeapi.calls import Call
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.selectors import field_tests, label_tests
from addons.sim.kubeapi.status import (
    Cause,
    StatusError,
    bad_request,
    expired,
    invalid_options,
    too_large_version,
)
from addons.sim.kubeapi.store import Store
from addons.sim.kubeapi.tables import Entry, Filter, encode
from addons.sim.kubeapi.wording import CONTINUE_EXPIRED


class Page(NamedTuple):
    """Part of a list: its entries and its ListMeta."""

    entries: list[Entry]
    metadata: Object


def bytes_of(store: Store, resource: Resource, entry: Entry) -> bytes:
    """The object as this resource shows it."""
    return entry.raw if entry.api_version == resource.api_version else encode(store.view(resource, entry))


def item_of(store: Store, resource: Resource, entry: Entry) -> bytes:
    """The object as an item of a list: built-in kinds go without kind and apiVersion there."""
    if resource.custom:
        return bytes_of(store, resource, entry)
    if entry.api_version == resource.api_version:
        return entry.bare
    return encode({k: v for k, v in store.view(resource, entry).items() if k not in ("kind", "apiVersion")})


def list_bytes(store: Store, resource: Resource, page: Page) -> bytes:
    """The body of a list reply."""
    head = encode(
        {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": page.metadata}
    )
    items = b",".join([item_of(store, resource, entry) for entry in page.entries])
    return b'%b,"items":[%b]}\n' % (head[:-1], items)


def read_filter(call: Call) -> Filter:
    """The namespace and selectors of a list, watch or deletecollection."""
    labels = label_tests(call.query.get("labelSelector", ""))
    fields = field_tests(call.query.get("fieldSelector", ""), call.target)
    return Filter(call.namespace, labels, fields)


def read_version(call: Call, store: Store) -> int | None:
    """The resourceVersion parameter; None when unset, 504 when it lies in the future."""
    text = call.query.get("resourceVersion", "")
    if not text:
        return None
    if not text.isdecimal():
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        if call.verb == "watch":
            raise StatusError(500, "", why)
        raise bad_request(f"invalid resource version: {why}")
    if int(text) > store.rv:
        raise too_large_version(int(text), store.rv)
    return int(text)


def read_page(call: Call, store: Store) -> Page:
    """One page of a list, at the resource version that its parameters ask for."""
    _check_options(call)
    limit = int(call.query.get("limit") or 0)
    token = call.query.get("continue", "")
    at, start = _resume(call, store, token) if token else (_wanted_version(call, store, limit), ("", ""))
    shown = store.rv if at is None else at
    entries = store.table(call.target).entries(call.namespace, at)
    begin = bisect_left(entries, start, key=lambda entry: (entry.namespace, entry.name))
    wanted = read_filter(call)
    if not limit:
        return Page([e for e in entries[begin:] if wanted(e)], {"resourceVersion": str(shown)})
    return _cut(call, entries, begin, wanted, limit, shown)


def _cut(call: Call, entries: list[Entry], begin: int, wanted: Filter, limit: int, shown: int) -> Page:
    metadata: Object = {"resourceVersion": str(shown)}
    page: list[Entry] = []
    for index in range(begin, len(entries)):
        if not wanted(entries[index]):
            continue
        if len(page) == limit:
            metadata["continue"] = _token(shown, page[-1])
            if not call.query.get("labelSelector") and not call.query.get("fieldSelector"):
                metadata["remainingItemCount"] = len(entries) - index
            break
        page.append(entries[index])
    return Page(page, metadata)


def _check_options(call: Call) -> None:
    match, version = call.query.get("resourceVersionMatch", ""), call.query.get("resourceVersion", "")
    forbidden = ""
    if version and call.query.get("continue"):
        raise bad_request("specifying resource version is not allowed when using continue")
    if match and call.query.get("continue"):
        forbidden = "resourceVersionMatch is forbidden when continue is provided"
    elif match and not version:
        forbidden = "resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif match == "Exact" and version == "0":
        forbidden = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
    if forbidden:
        cause = Cause("FieldValueForbidden", "resourceVersionMatch", f"Forbidden: {forbidden}")
        raise invalid_options("ListOptions", cause)


def _wanted_version(call: Call, store: Store, limit: int) -> int | None:
    """The version to list at; None for the present, which satisfies unset, 0 and NotOlderThan."""
    version = read_version(call, store)
    match = call.query.get("resourceVersionMatch", "")
    exact = match == "Exact" or (not match and limit > 0)
    return version if version and exact else None


def _token(rv: int, last: Entry) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": rv, "start": f"{last.namespace}/{last.name}\0"})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _resume(call: Call, store: Store, token: str) -> tuple[int | None, tuple[str, str]]:
    """Version and first key of the next page; 410 with a token for the inconsistent rest when too old."""
    try:
        parsed = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        rv, start = int(parsed["rv"]), str(parsed["start"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from None
    namespace, _, name = start.partition("/")
    if rv < 0:
        return None, (namespace, name)
    try:
        store.table(call.target).since(rv)
    except StatusError:
        rest = json.dumps({"v": "meta.k8s.io/v1", "rv": -1, "start": start})
        raise expired(
            CONTINUE_EXPIRED, base64.urlsafe_b64encode(rest.encode()).decode().rstrip("=")
        ) from None
    return rv, (namespace, name)
