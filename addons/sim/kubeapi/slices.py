"""Keeps one EndpointSlice per Service with a selector, as the controller does for small Services."""

from __future__ import annotations

from addons.sim.kubeapi.budgets import is_ready
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store
from addons.sim.kubeapi.tables import Event

_GROUP = "discovery.k8s.io/v1"
_MANAGER = "endpointslice-controller.k8s.io"
_SUFFIX = "-pods"


class SliceWriter:
    """Writes the addresses of a Service's pods down whenever Service or pods change."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def react(self, resource: Resource, event: Event) -> None:
        """Rewrite the slices that a change may touch."""
        if resource.key == ("", "services"):
            if event.type == "DELETED":
                self._delete(event.entry.namespace, event.entry.name)
            else:
                self._write(event.entry.load())
        elif resource.key == ("", "pods"):
            versions = [entry.labels for entry in (event.entry, event.old) if entry is not None]
            for service in self._store.list("v1", "services", event.entry.namespace):
                selector = service["spec"].get("selector") or {}
                if selector and any(selector.items() <= labels.items() for labels in versions):
                    self._write(service)

    def _write(self, service: Object) -> None:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        selector = service["spec"].get("selector")
        if not selector or service["spec"]["type"] == "ExternalName":
            return
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        pods = [
            p for p in self._store.list("v1", "pods", namespace, label_selector=labels) if _has_address(p)
        ]
        wanted = _slice(service, pods)
        try:
            present = self._store.get(_GROUP, "endpointslices", namespace, name + _SUFFIX)
        except StatusError:
            self._store.create(_GROUP, "endpointslices", wanted)
            return
        self._store.update(_GROUP, "endpointslices", present | wanted | {"metadata": present["metadata"]})

    def _delete(self, namespace: str, service: str) -> None:
        resource = self._store.resources.named(_GROUP, "endpointslices")
        if self._store.table(resource).get(namespace, service + _SUFFIX):
            self._store.delete(_GROUP, "endpointslices", namespace, service + _SUFFIX)


def _has_address(pod: Object) -> bool:
    status = pod.get("status", {})
    return bool(status.get("podIP")) and status.get("phase") not in ("Succeeded", "Failed")


def _slice(service: Object, pods: list[Object]) -> Object:
    metadata = service["metadata"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": _GROUP,
        "kind": "EndpointSlice",
        "metadata": {
            "name": metadata["name"] + _SUFFIX,
            "namespace": metadata["namespace"],
            "labels": {
                "kubernetes.io/service-name": metadata["name"],
                "endpointslice.kubernetes.io/managed-by": _MANAGER,
            },
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod, bool(service["spec"].get("publishNotReadyAddresses"))) for pod in pods],
        "ports": [port for declared in service["spec"].get("ports") or () if (port := _port(declared, pods))],
    }


def _endpoint(pod: Object, publishes_all: bool) -> Object:
    metadata = pod["metadata"]
    serving, terminating = is_ready(pod), bool(metadata.get("deletionTimestamp"))
    target = {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    endpoint = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": publishes_all or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": target,
    }
    node = pod["spec"].get("nodeName")
    return endpoint | ({"nodeName": node} if node else {})


def _port(declared: Object, pods: list[Object]) -> Object | None:
    """A port of the slice; a named target port is looked up in the first pod that has it."""
    number = declared["targetPort"]
    if isinstance(number, str):
        number = next((found for pod in pods if (found := _container_port(pod, number))), None)
    if number is None:
        return None
    return {"name": declared.get("name", ""), "protocol": declared["protocol"], "port": number}


def _container_port(pod: Object, name: str) -> int | None:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == name:
                return int(port["containerPort"])
    return None
