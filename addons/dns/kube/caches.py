"""The objects of one resource, as far as a source needs them."""

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from addons.runtime.objects import KubeObject
from addons.runtime.reflector import Reflector

O = TypeVar("O", bound=KubeObject)  # noqa: E741


class Cache(Generic[O]):
    """What a reflector holds; without one, because no source needs the resource, there is nothing."""

    def __init__(self, reflector: Reflector[O] | None) -> None:
        self._store = reflector.store if reflector else None

    def get(self, namespace: str, name: str) -> O | None:
        """One object."""
        return self._store.get(namespace, name) if self._store is not None else None

    def all(self) -> Iterable[O]:
        """Every object."""
        return self._store.all() if self._store is not None else ()

    def by(self, index: str, value: str) -> Sequence[O]:
        """The objects that an index has under `value`."""
        return self._store.by(index, value) if self._store is not None else ()
