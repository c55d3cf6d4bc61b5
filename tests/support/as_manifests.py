"""Kubernetes objects for tests of autoscaler, written as in manifests."""

import json
from typing import Any, TypeVar

import yaml

from addons.autoscaler.model import objects
from addons.runtime.decoding import decode
from addons.runtime.objects import KubeObject

O = TypeVar("O", bound=KubeObject)  # noqa: E741

CREATED = "2026-11-01T12:00:00Z"
AT = 1793534400.0
"""The same in Unix seconds."""


def read(type_: type[O], manifest: str | dict[str, Any]) -> O:
    """The object of a manifest, as the API server would send it."""
    written = yaml.safe_load(manifest) if isinstance(manifest, str) else manifest
    return decode(json.dumps(written).encode(), type_)


def pod(
    spec: str | dict[str, Any] = "{}", *, status: dict[str, Any] | None = None, **meta: Any
) -> objects.Pod:
    """A pod with this spec; its metadata may be given besides."""
    written = yaml.safe_load(spec) if isinstance(spec, str) else spec
    named = {"name": "web-1", "namespace": "shop", "uid": "u-1", "creationTimestamp": CREATED, **meta}
    return read(objects.Pod, {"metadata": named, "spec": written, "status": status or {}})


def node(name: str = "n-1", *, spec: str = "{}", status: str = "{}", **meta: Any) -> objects.Node:
    """A node that is ready unless its status says something else of that."""
    told = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": CREATED}]}
    named = {"name": name, "uid": f"u-{name}", "creationTimestamp": CREATED, **meta}
    return read(
        objects.Node,
        {"metadata": named, "spec": yaml.safe_load(spec), "status": told | yaml.safe_load(status)},
    )


def daemon_set(name: str, spec: str = "{}", namespace: str = "kube-system") -> objects.DaemonSet:
    """A DaemonSet whose pods have this spec."""
    template = {"metadata": {"labels": {"app": name}}, "spec": yaml.safe_load(spec)}
    meta = {"name": name, "namespace": namespace, "uid": f"u-{name}"}
    return read(objects.DaemonSet, {"metadata": meta, "spec": {"template": template}})
