"""What a cell is like: the settings of all, of its dimensions and its overrides, one over the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import UNSET, structs

from addons.autoscaler.matrix.file import Settings
from addons.autoscaler.matrix.places import Path

MAPPINGS: Final = ("labels", "kernel", "resources", "tags")
"""Settings that are merged key by key; all others are replaced as a whole."""

KEYS: Final[Mapping[str, str]] = {each.name: each.encode_name for each in structs.fields(Settings)}
"""Field -> key in the file."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings, and where they stand."""

    path: Path
    settings: Settings


@dataclass(frozen=True, slots=True)
class Merged:
    """What is set in the end, by field, and where each of it stands; of a mapping, each key: (field, key)."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[tuple[str, ...], Path] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field."""
        return self.values.get(name, default)

    def origin(self, name: str, key: str | None = None) -> Path:
        """Where a field, or a key of a mapping, stands; of what is set nowhere, where all settings do."""
        place = self.origins.get((name,)) or ("defaults",)
        return place if key is None else self.origins.get((name, key), place)


def merged(layers: Iterable[Layer]) -> Merged:
    """Lay the settings over each other: later ones win, and nothing (None) takes a key of a mapping away."""
    found = Merged()
    for layer in layers:
        for name, key in KEYS.items():
            value = getattr(layer.settings, name)
            if value is UNSET:
                continue
            place = (*layer.path, key)
            found.origins[name,] = place
            if name in MAPPINGS:
                value = _laid_over(found, name, value, place)
            found.values[name] = value
    return found


def _laid_over(found: Merged, name: str, value: Mapping[str, Any], place: Path) -> dict[str, Any]:
    for key in value:
        found.origins[name, key] = (*place, key)
    both = {**found.values.get(name, {}), **value}
    return {key: each for key, each in both.items() if each is not None}
