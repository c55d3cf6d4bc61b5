"""The objects of one resource as last seen, found by name or by index, without waiting."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from addons.runtime.objects import Key, KubeObject, key

O = TypeVar("O", bound=KubeObject)  # noqa: E741

Indexer = Callable[[O], Iterable[str]]
"""The values under which an object is to be found; pure, or the index goes wrong."""


@dataclass(frozen=True, slots=True)
class Change(Generic[O]):
    """An object came (no `old`), changed, or went (no `new`).

    `missed` says that a list found it gone: `old` is the last state seen, perhaps not the last there was.
    """

    old: O | None
    new: O | None
    missed: bool = False


class Store(Generic[O]):
    """Objects by namespace and name, with named indexes. The objects are frozen, so nobody needs a copy."""

    def __init__(self, indexers: Mapping[str, Indexer[O]] = {}) -> None:
        self._indexers = dict(indexers)
        self._objects: dict[Key, O] = {}
        self._indexes: dict[str, dict[str, dict[Key, O]]] = {name: {} for name in indexers}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, namespace: str, name: str) -> O | None:
        """The object of that name; the namespace is empty for objects of the whole cluster."""
        return self._objects.get((namespace, name))

    def all(self) -> Collection[O]:
        """Every object. A view: not to be iterated across an `await`."""
        return self._objects.values()

    def by(self, index: str, value: str) -> Sequence[O]:
        """The objects that the indexer called `index` filed under `value`."""
        return tuple(self._indexes[index].get(value, {}).values())

    def put(self, obj: O) -> Change[O] | None:
        """Take in a new state of an object; None when it is the state already held."""
        old = self._objects.get(key(obj))
        if old is not None and _same(old, obj):
            return None
        if old is not None:
            self._unfile(old)
        self._objects[key(obj)] = obj
        self._file(obj)
        return Change(old, obj)

    def discard(self, which: Key) -> Change[O] | None:
        """Forget an object; None when it is not held."""
        old = self._objects.pop(which, None)
        if old is None:
            return None
        self._unfile(old)
        return Change(old, None)

    def replace(self, objects: Mapping[Key, O]) -> list[Change[O]]:
        """Hold exactly `objects` from now on; returns what that changed, once all of it is in place."""
        before = self._objects
        self._objects = dict(objects)
        self._indexes = {name: {} for name in self._indexers}
        for obj in self._objects.values():
            self._file(obj)
        gone = [Change(old, None, missed=True) for which, old in before.items() if which not in objects]
        return gone + [
            Change(before.get(which), obj)
            for which, obj in objects.items()
            if which not in before or not _same(before[which], obj)
        ]

    def _file(self, obj: O) -> None:
        for name, indexer in self._indexers.items():
            for value in indexer(obj):
                self._indexes[name].setdefault(value, {})[key(obj)] = obj

    def _unfile(self, obj: O) -> None:
        for name, indexer in self._indexers.items():
            index = self._indexes[name]
            for value in indexer(obj):
                entry = index.get(value, {})
                entry.pop(key(obj), None)
                if not entry:
                    index.pop(value, None)


def _same(old: KubeObject, new: KubeObject) -> bool:
    """Whether both are the same state of the same object; an object without a version is never the same."""
    version = old.metadata.resource_version
    return bool(version) and (version, old.metadata.uid) == (new.metadata.resource_version, new.metadata.uid)
