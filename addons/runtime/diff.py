"""What must change so that one mapping becomes another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import eq
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Diff(Generic[K, V]):
    """The differences, each sorted by key: (key, new), (key, old, new) and (key, old)."""

    added: tuple[tuple[K, V], ...]
    changed: tuple[tuple[K, V, V], ...]
    removed: tuple[tuple[K, V], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def diff(old: Mapping[K, V], new: Mapping[K, V], same: Callable[[V, V], bool] = eq) -> Diff[K, V]:
    """Compare two mappings; `same` says whether two values of one key need no change."""
    return Diff(
        added=tuple((key, new[key]) for key in _sorted(new.keys() - old.keys())),
        changed=tuple(
            (key, old[key], new[key])
            for key in _sorted(old.keys() & new.keys())
            if not same(old[key], new[key])
        ),
        removed=tuple((key, old[key]) for key in _sorted(old.keys() - new.keys())),
    )


def _sorted(keys: Any) -> list[Any]:
    return sorted(keys)
