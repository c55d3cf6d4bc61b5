"""Deletes what its owners left behind, as the garbage collector of the controller manager does."""

from __future__ import annotations

from addons.sim.kubeapi.deletion import Deletion
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.store import TRUSTED, Store
from addons.sim.kubeapi.tables import Entry, Event

Place = tuple[Resource, str, str]
_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"


class OwnerCollector:
    """Follows owner references: background, foreground and orphan deletion."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dependents: dict[str, set[Place]] = {}
        for resource in {r.key: r for r in store.resources}.values():
            for entry in store.table(resource).entries():
                self._learn(resource, entry)

    def react(self, resource: Resource, event: Event) -> None:
        """Collect what this change sets free."""
        entry = event.entry
        place = (resource, entry.namespace, entry.name)
        owners = _owners(event.old)
        if event.type == "DELETED":
            for uid in owners:
                self._dependents.get(uid, set()).discard(place)
                self._finish_foreground(resource, event, uid)
            for dependent in self._dependents.pop(entry.uid, set()):
                self._leave(dependent, entry.uid)
            return
        self._learn(resource, entry)
        self._begin_deletion(resource, entry)
        for uid, reference in _owners(entry).items():
            if uid not in owners and self._is_absent(reference, entry.namespace):
                self._leave(place, uid)

    def _learn(self, resource: Resource, entry: Entry) -> None:
        for uid in _owners(entry):
            self._dependents.setdefault(uid, set()).add((resource, entry.namespace, entry.name))

    def _begin_deletion(self, resource: Resource, entry: Entry) -> None:
        if b'"deletionTimestamp"' not in entry.raw:
            return
        finalizers = entry.load()["metadata"].get("finalizers") or ()
        if _ORPHAN in finalizers:
            for dependent in self._dependents.pop(entry.uid, set()):
                self._disown(dependent, entry.uid)
            self._unblock(resource, entry, _ORPHAN)
        elif _FOREGROUND in finalizers:
            for dependent in sorted(self._dependents.get(entry.uid, ()), key=lambda d: d[1:]):
                self._delete(dependent, "Foreground" if self._dependents_of(dependent) else "Background")
            if not self._dependents.get(entry.uid):
                self._unblock(resource, entry, _FOREGROUND)

    def _dependents_of(self, place: Place) -> set[Place]:
        entry = self._entry(place)
        return self._dependents.get(entry.uid, set()) if entry else set()

    def _finish_foreground(self, resource: Resource, event: Event, uid: str) -> None:
        """Let an owner go that waited for the last of its dependents."""
        reference = _owners(event.old)[uid]
        kind = self._store.resources.of_kind(reference["apiVersion"], reference["kind"])
        if kind is None or self._dependents.get(uid):
            return
        space = event.entry.namespace if kind.namespaced else ""
        owner = self._store.table(kind).get(space, reference["name"])
        if owner is not None and owner.uid == uid:
            self._begin_deletion(kind, owner)

    def _is_absent(self, reference: Object, namespace: str) -> bool:
        kind = self._store.resources.of_kind(reference["apiVersion"], reference["kind"])
        if kind is None:
            return False
        owner = self._store.table(kind).get(namespace if kind.namespaced else "", reference["name"])
        return owner is None or owner.uid != reference["uid"]

    def _leave(self, place: Place, uid: str) -> None:
        """One owner is gone: the last one takes the dependent along."""
        entry = self._entry(place)
        if entry is None or uid not in _owners(entry):
            return
        if len(_owners(entry)) > 1:
            self._disown(place, uid)
        else:
            self._delete(place, "Background")

    def _delete(self, place: Place, propagation: str) -> None:
        if self._entry(place) is not None:
            self._store.remove(*place, Deletion(propagation=propagation))

    def _disown(self, place: Place, uid: str) -> None:
        def change(obj: Object) -> Object:
            kept = [owner for owner in obj["metadata"].get("ownerReferences", ()) if owner["uid"] != uid]
            obj["metadata"]["ownerReferences"] = kept
            return obj

        if self._entry(place) is not None:
            self._store.change(*place, change, TRUSTED)

    def _unblock(self, resource: Resource, entry: Entry, finalizer: str) -> None:
        def change(obj: Object) -> Object:
            obj["metadata"]["finalizers"] = [f for f in obj["metadata"]["finalizers"] if f != finalizer]
            return obj

        if self._store.table(resource).get(entry.namespace, entry.name) is not None:
            self._store.change(resource, entry.namespace, entry.name, change, TRUSTED)

    def _entry(self, place: Place) -> Entry | None:
        resource, namespace, name = place
        return self._store.table(resource).get(namespace, name)


def _owners(entry: Entry | None) -> dict[str, Object]:
    """Owner references by uid."""
    if entry is None or b'"ownerReferences"' not in entry.raw:
        return {}
    return {owner["uid"]: owner for owner in entry.load()["metadata"].get("ownerReferences") or ()}
