"""Which lists merge by key and which maps are taken whole: the part of the API's schema that patches need."""

from __future__ import annotations

import json
from typing import Any

from addons.sim.kubeapi.resources import Object, Resource

_KEYS: dict[str, tuple[str, ...]] = {
    "addresses": ("type",),
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "hostIPs": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
    "webhooks": ("name",),
}
_METADATA_LISTS = ("ownerReferences", "finalizers")
_ATOMIC_MAPS = frozenset(
    {
        "configMapKeyRef",
        "fieldRef",
        "involvedObject",
        "labelSelector",
        "namespaceSelector",
        "nodeSelector",
        "podSelector",
        "resourceFieldRef",
        "roleRef",
        "secretKeyRef",
        "selector",
        "targetRef",
    }
)
_KEY_DEFAULTS = {"protocol": "TCP"}


class Structure:
    """How the fields of one resource merge."""

    def __init__(self, resource: Resource) -> None:
        self._atomic_lists = resource.custom or resource.key == ("discovery.k8s.io", "endpointslices")

    def keys(self, field: str, items: list[Any]) -> tuple[str, ...] | None:
        """Fields that identify an item of this list; () for a set of values; None for a list taken whole."""
        if self._atomic_lists and field not in _METADATA_LISTS:
            return None
        if field == "finalizers":
            return ()
        keys = _port_keys(items) if field == "ports" else _KEYS.get(field)
        if keys and all(isinstance(item, dict) and keys[0] in item for item in items):
            return keys
        return None

    def is_atomic_map(self, field: str) -> bool:
        """Whether this map is owned and replaced as one value."""
        return field in _ATOMIC_MAPS


def _port_keys(items: list[Any]) -> tuple[str, ...]:
    if any(isinstance(item, dict) and "containerPort" in item for item in items):
        return ("containerPort", "protocol")
    return ("port", "protocol")


def identity(item: Object, keys: tuple[str, ...]) -> str:
    """The name of a list item in FieldsV1: `k:{"name":"web"}`."""
    found = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in sorted(keys)}
    present = {key: value for key, value in found.items() if value is not None}
    return "k:" + json.dumps(present, separators=(",", ":"))


def value_identity(value: Any) -> str:
    """The name of a value of a set in FieldsV1: `v:"kubernetes.io/x"`."""
    return "v:" + json.dumps(value)
