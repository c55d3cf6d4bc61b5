"""Small controllers, off by default: what a cluster's controller manager does and tests may want.

They act within the write that calls for it, so that nothing has to be waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from addons.sim.kubeapi.deletion import Deletion
from addons.sim.kubeapi.garbage import OwnerCollector
from addons.sim.kubeapi.resources import Resource
from addons.sim.kubeapi.slices import SliceWriter
from addons.sim.kubeapi.store import TRUSTED, Store
from addons.sim.kubeapi.tables import Event

Reaction = Callable[[Resource, Event], None]


class Controllers:
    """Hands every change to the controllers that are switched on, one after the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reactions: list[Reaction] = []
        self._pending: deque[tuple[Resource, Event]] = deque()
        self._busy = False

    def enable(self, *, owner_gc: bool, endpoint_slices: bool, namespaces: bool) -> None:
        """Switch controllers on for good; what is stored already is brought in line at the next change."""
        if not self._reactions:
            self._store.listeners.append(self._react)
        if owner_gc:
            self._reactions.append(OwnerCollector(self._store).react)
        if endpoint_slices:
            self._reactions.append(SliceWriter(self._store).react)
        if namespaces:
            self._reactions.append(self._end_namespace)

    def _react(self, resource: Resource, event: Event) -> None:
        """Work off changes, those included that the work itself makes, without recursion."""
        self._pending.append((resource, event))
        if self._busy:
            return
        self._busy = True
        try:
            while self._pending:
                change = self._pending.popleft()
                for reaction in tuple(self._reactions):
                    reaction(*change)
        finally:
            self._busy = False

    def _end_namespace(self, resource: Resource, event: Event) -> None:
        """Empty a namespace that is being deleted and let it go."""
        if resource.key != ("", "namespaces") or event.entry.fields["status.phase"] != "Terminating":
            return
        if event.type == "DELETED":
            return
        name = event.entry.name
        for held in {r.key: r for r in self._store.resources if r.namespaced}.values():
            for entry in self._store.table(held).entries(name):
                self._store.remove(held, name, entry.name, Deletion(grace_seconds=0))

        def finalize(namespace: dict[str, object]) -> dict[str, object]:
            return namespace | {"spec": {}}

        self._store.change(resource, "", name, finalize, TRUSTED)
