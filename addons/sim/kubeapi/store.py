"""The life of objects: create, change, delete, with the guarantees of the API server. Synchronous, no HTTP.

Everything happens on one event loop without awaiting, so that each call is atomic.
"""

from __future__ import annotations

import copy
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from addons.sim.kubeapi import conversion, defaults, definitions, managed
from addons.sim.kubeapi.clock import rfc3339
from addons.sim.kubeapi.deletion import (
    Deletion,
    check_preconditions,
    finalizers_of,
    grace_seconds,
    is_released,
    mark_deleted,
)
from addons.sim.kubeapi.resources import Object, Resource, Resources
from addons.sim.kubeapi.selectors import field_tests, label_tests
from addons.sim.kubeapi.services import NODE_PORTS, ServiceAllocator
from addons.sim.kubeapi.status import (
    already_exists,
    bad_request,
    conflict,
    invalid,
    namespace_terminating,
    not_found,
    version_required,
)
from addons.sim.kubeapi.tables import Entry, Event, EventType, Filter, Table
from addons.sim.kubeapi.validate import check

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_UNCONDITIONAL_UPDATE_REFUSED = (
    "leases",
    "endpointslices",
    "poddisruptionbudgets",
    "customresourcedefinitions",
)
_CARRIED = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")

Listener = Callable[[Resource, Event], None]
Change = Callable[[Object], Object]


@dataclass(frozen=True, slots=True)
class Write:
    """How a write is meant.

    `manager` is the field manager whose ownership is recorded ("" records none). A `trusted` writer, that is
    a test or the demo, may set the status along with the rest, and the uid of what is new.
    """

    manager: str = ""
    dry_run: bool = False
    trusted: bool = False


TRUSTED = Write(trusted=True)


class Store:
    """All objects, one counter of resource versions, and listeners that hear of each change as it happens."""

    def __init__(
        self,
        *,
        history: int = 10_000,
        node_ports: range = NODE_PORTS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.resources = Resources()
        self.rv = 1
        self.now = now
        self._history = history
        self._tables: dict[tuple[str, str], Table] = {}
        self._services = ServiceAllocator(node_ports)
        self.listeners: list[Listener] = [self._serve_definition, self._free_service]
        for name in NAMESPACES:
            self.create("v1", "namespaces", {"metadata": {"name": name}})

    # The door for tests and the demo: objects as dicts, named by apiVersion and plural.

    def create(self, api_version: str, plural: str, obj: Object) -> Object:
        """Store a new object, status included, and return it as stored."""
        resource = self.resources.named(api_version, plural)
        namespace = obj.get("metadata", {}).get("namespace", "default") if resource.namespaced else ""
        return self.view(resource, self.add(resource, namespace, copy.deepcopy(obj), TRUSTED))

    def get(self, api_version: str, plural: str, namespace: str, name: str) -> Object:
        """One object; StatusError 404 when it does not exist."""
        resource = self.resources.named(api_version, plural)
        return self.view(resource, self.find(resource, namespace, name))

    def list(
        self,
        api_version: str,
        plural: str,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> list[Object]:
        """Objects sorted by namespace and name, of one namespace or of all."""
        resource = self.resources.named(api_version, plural)
        wanted = Filter(namespace, label_tests(label_selector), field_tests(field_selector, resource))
        return [self.view(resource, e) for e in self.table(resource).entries(namespace) if wanted(e)]

    def update(self, api_version: str, plural: str, obj: Object) -> Object:
        """Replace an object, status included; a resourceVersion in it is a precondition."""
        resource = self.resources.named(api_version, plural)
        metadata = obj["metadata"]
        fresh = copy.deepcopy(obj)
        namespace = metadata.get("namespace", "default") if resource.namespaced else ""
        return self.view(
            resource, self.change(resource, namespace, metadata["name"], lambda _: fresh, TRUSTED)
        )

    def delete(
        self, api_version: str, plural: str, namespace: str, name: str, *, grace_seconds: int = 0
    ) -> None:
        """Delete an object, at once unless finalizers hold it."""
        resource = self.resources.named(api_version, plural)
        self.remove(resource, namespace, name, Deletion(grace_seconds=grace_seconds))

    # The rest is what requests are made of.

    def table(self, resource: Resource) -> Table:
        """The table of a resource."""
        table = self._tables.get(resource.key)
        if table is None:
            table = self._tables[resource.key] = Table(self._history)
        return table

    def compact(self) -> None:
        """Forget the whole history: every older watch and continue token gets 410 from now on."""
        for table in self._tables.values():
            table.compact(self.rv)

    def close_watches(self) -> None:
        """End all watch streams."""
        for table in self._tables.values():
            for watcher in tuple(table.watchers):
                watcher.close()

    def find(self, resource: Resource, namespace: str, name: str) -> Entry:
        """The present entry of one object, or 404."""
        entry = self.table(resource).get(namespace, name)
        if entry is None:
            raise not_found(resource, name)
        return entry

    def view(self, resource: Resource, entry: Entry) -> Object:
        """The object as this version of its resource shows it."""
        return conversion.from_storage(resource, entry.load())

    def add(self, resource: Resource, namespace: str, obj: Object, write: Write) -> Entry:
        """Create an object in a namespace ("" for a cluster-scoped one)."""
        metadata = self._new_metadata(resource, namespace, obj, write)
        self._require_namespace(resource, namespace, metadata.get("name") or "Unknown")
        if not write.trusted:
            defaults.reset_status(resource, obj)
        obj = conversion.to_storage(resource, obj)
        obj["kind"], obj["apiVersion"] = resource.kind, resource.api_version
        self._complete(resource, obj, None)
        if present := self.table(resource).get(namespace, metadata["name"]):
            raise already_exists(resource, metadata["name"], ending=b'"deletionTimestamp"' in present.raw)
        self._allocate(resource, obj, None, dry_run=write.dry_run)
        if write.manager:
            managed.record_update(resource, {}, obj, write.manager, rfc3339(self.now()))
        return self._commit("ADDED", resource, obj, None, dry_run=write.dry_run)

    def change(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Change,
        write: Write,
        subresource: str = "",
    ) -> Entry:
        """Put what `change` makes of the present object in its place; nothing moves when nothing differs.

        `change` gets a fresh object which it may alter, and raises StatusError to refuse.
        """
        entry = self.find(resource, namespace, name)
        old = entry.load()
        new = conversion.to_storage(resource, change(self.view(resource, entry)))
        self._check_identity(resource, entry, new)
        self._carry_over(resource, old, new)
        if not write.trusted:
            defaults.separate(resource, old, new, subresource)
        self._complete(resource, new, None if write.trusted else old)
        self._allocate(resource, new, old, dry_run=write.dry_run)
        defaults.count_generation(resource, old, new)
        if write.manager:
            managed.record_update(resource, old, new, write.manager, rfc3339(self.now()), subresource)
        if _same(old, new):
            return entry
        kind: EventType = "DELETED" if is_released(new) else "MODIFIED"
        return self._commit(kind, resource, new, entry, dry_run=write.dry_run)

    def remove(self, resource: Resource, namespace: str, name: str, deletion: Deletion) -> tuple[Entry, bool]:
        """Delete an object or mark it for deletion; returns its last entry and whether it is gone."""
        entry = self.find(resource, namespace, name)
        obj = entry.load()
        check_preconditions(resource, entry, deletion)
        finalizers = finalizers_of(resource, obj, deletion.propagation)
        grace = grace_seconds(resource, obj, deletion.grace_seconds)
        if not finalizers and not grace:
            if obj["metadata"].get("deletionTimestamp"):
                obj["metadata"]["deletionGracePeriodSeconds"] = 0
            return self._commit("DELETED", resource, obj, entry, dry_run=deletion.dry_run), True
        if not mark_deleted(resource, obj, finalizers, grace, self.now()):
            return entry, False
        return self._commit("MODIFIED", resource, obj, entry, dry_run=deletion.dry_run), False

    def _new_metadata(self, resource: Resource, namespace: str, obj: Object, write: Write) -> Object:
        metadata: Object = obj.setdefault("metadata", {})
        uid = metadata.get("uid") if write.trusted else ""
        if metadata.get("resourceVersion") not in (None, ""):
            raise bad_request("resourceVersion should not be set on objects to be created")
        for field in ("resourceVersion", "selfLink", *_CARRIED):
            metadata.pop(field, None)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + "".join(
                secrets.choice(_NAME_LETTERS) for _ in range(5)
            )
        if resource.namespaced:
            metadata["namespace"] = namespace
        else:
            metadata.pop("namespace", None)
        drop_empty(metadata)
        metadata["uid"] = uid or str(uuid.uuid4())
        metadata["creationTimestamp"] = rfc3339(self.now())
        if resource.generation:
            metadata["generation"] = 1
        return metadata

    def _require_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        if not resource.namespaced:
            return
        spaces = self.resources.named("v1", "namespaces")
        space = self.table(spaces).get("", namespace)
        if space is None:
            raise not_found(spaces, namespace)
        if space.fields["status.phase"] == "Terminating":
            raise namespace_terminating(resource, name, namespace)

    def _complete(self, resource: Resource, obj: Object, old: Object | None) -> None:
        """Fill in defaults and refuse what is invalid."""
        defaults.fill(resource, obj)
        if causes := check(resource, obj, old):
            raise invalid(resource, obj["metadata"].get("name", ""), causes)
        if resource.plural == "customresourcedefinitions":
            definitions.establish(obj, rfc3339(self.now()))

    def _allocate(self, resource: Resource, obj: Object, old: Object | None, *, dry_run: bool) -> None:
        if resource.key == ("", "services"):
            self._services.assign(resource, obj, old, dry_run=dry_run)

    def _check_identity(self, resource: Resource, entry: Entry, new: Object) -> None:
        metadata = new.setdefault("metadata", {})
        version = metadata.get("resourceVersion") or ""
        if not version and (resource.custom or resource.plural in _UNCONDITIONAL_UPDATE_REFUSED):
            raise version_required(resource, entry.name)
        if version and version != str(entry.rv):
            raise conflict(resource, entry.name)
        if metadata.get("uid") and metadata["uid"] != entry.uid:
            why = f"UID in precondition: {metadata['uid']}, UID in object meta: {entry.uid}"
            raise conflict(resource, entry.name, f"Precondition failed: {why}")

    def _carry_over(self, resource: Resource, old: Object, new: Object) -> None:
        metadata = new["metadata"]
        for field in (*_CARRIED, "resourceVersion", "namespace"):
            metadata.pop(field, None)
            if field in old["metadata"]:
                metadata[field] = old["metadata"][field]
        if "managedFields" not in metadata and "managedFields" in old["metadata"]:
            metadata["managedFields"] = old["metadata"]["managedFields"]
        drop_empty(metadata)
        new["kind"], new["apiVersion"] = old["kind"], old["apiVersion"]

    def _commit(
        self, kind: EventType, resource: Resource, obj: Object, old: Entry | None, *, dry_run: bool
    ) -> Entry:
        obj["metadata"]["resourceVersion"] = str(self.rv + 1)
        stored = conversion.stored_as(resource, self.resources)
        entry = Entry(stored, obj)
        if dry_run:
            return entry
        self.rv += 1
        event = Event(kind, entry, old)
        self.table(stored).apply(event)
        for listener in tuple(self.listeners):
            listener(stored, event)
        return entry

    def _serve_definition(self, resource: Resource, event: Event) -> None:
        if resource.plural != "customresourcedefinitions":
            return
        spec: dict[str, Any] = event.entry.load()["spec"]
        group, plural = spec["group"], spec["names"]["plural"]
        served = definitions.resources_of(event.entry.load()) if event.type != "DELETED" else []
        if not served:
            for gone in [r for r in self.resources if r.key == (group, plural)][:1]:
                for entry in self.table(gone).entries():
                    self.remove(gone, entry.namespace, entry.name, Deletion())
        self.resources.remove(group, plural)
        for added in served:
            self.resources.add(added)

    def _free_service(self, resource: Resource, event: Event) -> None:
        if resource.key == ("", "services") and event.type == "DELETED":
            self._services.release(event.entry.load())


def drop_empty(metadata: Object) -> None:
    """Forget maps and lists of the metadata that hold nothing: absent and empty are the same."""
    for field in ("labels", "annotations", "finalizers", "ownerReferences", "managedFields"):
        if not metadata.get(field, True):
            del metadata[field]


def _same(old: Object, new: Object) -> bool:
    """Whether two versions differ in nothing but the record of who manages the fields since when."""
    if old == new:
        return True
    return managed.without_times(old) == managed.without_times(new)
