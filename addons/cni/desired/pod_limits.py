"""What a pod is given when it is made: a limit of one address, so that the scheduler counts it. Pure."""

from collections.abc import Mapping
from typing import Any

from addons.cni import names

_POINTER = names.POD_IP.replace("/", "~1")


def limit_patch(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the JSON patch (RFC 6902) that has a pod count as one address; empty when none is needed.

    Pods of the host's network need no address of their own. One that says something of the resource itself,
    in whatever container, is left as it is. The API server refuses requests without limits, so both are set,
    on the first container.
    """
    spec = pod.get("spec") or {}
    containers = spec.get("containers") or []
    everywhere = [*containers, *(spec.get("initContainers") or [])]
    if spec.get("hostNetwork") or not containers or any(map(_mentions, everywhere)):
        return []
    path = "/spec/containers/0/resources"
    resources = containers[0].get("resources")
    if not resources:
        both = {"limits": {names.POD_IP: "1"}, "requests": {names.POD_IP: "1"}}
        return [{"op": "add", "path": path, "value": both}]
    return [
        {"op": "add", "path": f"{path}/{kind}/{_POINTER}", "value": "1"}
        if resources.get(kind)
        else {"op": "add", "path": f"{path}/{kind}", "value": {names.POD_IP: "1"}}
        for kind in ("limits", "requests")
    ]


def _mentions(container: Mapping[str, Any]) -> bool:
    resources = container.get("resources") or {}
    return any(names.POD_IP in (resources.get(kind) or {}) for kind in ("limits", "requests"))
