"""What a template may read of an object by its JSON keys, and as little of it as is to be kept. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Path = tuple[str, ...]
"""Keys from the object to a part of it; the empty one means all of it."""

SECTIONS: Final[Mapping[str, Path]] = {
    "Metadata": ("metadata",),
    "ObjectMeta": ("metadata",),
    "Spec": ("spec",),
    "Status": ("status",),
    "Object": (),
}
"""The fields of a template that read the object by JSON keys; ObjectMeta is what Go calls metadata."""


def key_of(content: Mapping[str, Any], step: str) -> str | None:
    """The key that a step of a template means: itself, or as Go names the field (`ClusterIP`: clusterIP)."""
    if step in content:
        return step
    if step[:1].isupper():
        return next((key for key in content if key.lower() == step.lower()), None)
    return None


def keep(content: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """The parts of an object at these paths, in their places."""
    kept: dict[str, Any] = {}
    for path in paths:
        if not path:
            return dict(content)
        key = key_of(content, path[0])
        if key is None:
            continue
        part, below = content[key], [path[1:]]
        if path[1:] and isinstance(part, Mapping):
            kept[key] = kept.get(key, {}) | keep(part, below)
        else:
            kept[key] = part
    return kept
