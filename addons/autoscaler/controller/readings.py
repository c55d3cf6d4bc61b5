"""Objects of one kind, each read once when it changes."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.daemons import Daemon, daemon_of
from addons.autoscaler.model import objects
from addons.autoscaler.model.pods import Pod
from addons.runtime.objects import Key, KubeObject, key
from addons.runtime.store import Change

O = TypeVar("O", bound=KubeObject)  # noqa: E741
T = TypeVar("T")


class Readings(Generic[O, T]):
    """What `read` makes of each object; None leaves it out."""

    def __init__(self, read: Callable[[O], T | None]) -> None:
        self._read = read
        self._found: dict[Key, T] = {}
        self._all: tuple[T, ...] | None = None

    def changed(self, change: Change[Any]) -> None:
        """An object came, changed or went."""
        self._all = None
        if change.old is not None:
            self._found.pop(key(change.old), None)
        if change.new is not None and (found := self._read(change.new)) is not None:
            self._found[key(change.new)] = found

    def all(self) -> tuple[T, ...]:
        """What was read, by namespace and name; the same tuple until something changes."""
        if self._all is None:
            self._all = tuple(self._found[which] for which in sorted(self._found))
        return self._all


class DaemonRecords:
    """The DaemonSets, with what the newest pod of each requests."""

    def __init__(self, classes: Classes) -> None:
        self._classes = classes
        self._objects: dict[str, objects.DaemonSet] = {}
        self._newest: dict[str, Pod] = {}
        self._readings: Readings[objects.DaemonSet, Daemon] = Readings(self._daemon)

    def changed(self, change: Change[Any]) -> None:
        """A DaemonSet came, changed or went."""
        if change.old is not None and (
            change.new is None or change.new.metadata.uid != change.old.metadata.uid
        ):
            self._objects.pop(change.old.metadata.uid, None)
            self._newest.pop(change.old.metadata.uid, None)
        if change.new is not None:
            self._objects[change.new.metadata.uid] = change.new
        self._readings.changed(change)

    def pod_came(self, pod: Pod) -> None:
        """A pod came or changed; only the newest of its DaemonSet counts."""
        if pod.owner is None or pod.owner.kind != "DaemonSet":
            return
        before = self._newest.get(pod.owner.uid)
        if before is not None and (before.created, before.uid) > (pod.created, pod.uid):
            return
        self._newest[pod.owner.uid] = pod
        found = self._objects.get(pod.owner.uid)
        if found is not None and (before is None or before.cls is not pod.cls):
            self._readings.changed(Change(found, found))

    def all(self) -> tuple[Daemon, ...]:
        """The DaemonSets by namespace and name; the same tuple until something changes."""
        return self._readings.all()

    def _daemon(self, obj: objects.DaemonSet) -> Daemon | None:
        return daemon_of(obj, self._classes, self._newest.get(obj.metadata.uid))
