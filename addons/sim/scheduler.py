"""A scheduler for the emulator: it binds a pod to a node that has what it requests, or says why none has.

It counts as Kubernetes' own does: what pods of a node request must fit into what is allocatable there, and a
taint that nobody tolerates keeps pods away. Everything else is left out.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from addons.sim.kubeapi.store import Store

Object = dict[str, Any]


class Scheduler:
    """Schedules the pods of one namespace."""

    def __init__(self, store: Store, namespace: str) -> None:
        self._store, self._namespace = store, namespace

    async def run(self) -> None:
        """Look at all pods that wait, again and again, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(0.1)

    def look(self) -> None:
        """Bind every pod that can be bound now, the oldest first; the others are told why not."""
        pods = self._store.list("v1", "pods", self._namespace)
        waiting = [pod for pod in pods if not pod["spec"].get("nodeName")]
        for pod in sorted(waiting, key=lambda each: int(each["metadata"]["resourceVersion"])):
            self._schedule(pod)

    def _schedule(self, pod: Object) -> None:
        nodes = self._store.list("v1", "nodes")
        free = {node["metadata"]["name"]: self._free(node) for node in nodes}
        wanted = _requests(pod)
        reasons = [_obstacle(node, wanted, free[node["metadata"]["name"]]) for node in nodes]
        fitting = [
            node["metadata"]["name"] for node, reason in zip(nodes, reasons, strict=True) if not reason
        ]
        if fitting:
            chosen = max(fitting, key=lambda name: sum(free[name].values()))
            self._bind(pod, chosen)
        else:
            counted = sorted(f"{count} {reason}" for reason, count in Counter(reasons).items())
            self._refuse(pod, f"0/{len(nodes)} nodes are available: {', '.join(counted)}.")

    def _free(self, node: Object) -> Counter[str]:
        """What a node has left of each resource."""
        free = Counter({key: int(value) for key, value in node["status"].get("allocatable", {}).items()})
        for pod in self._store.list("v1", "pods", field_selector=f"spec.nodeName={node['metadata']['name']}"):
            free.subtract(_requests(pod))
        return free

    def _bind(self, pod: Object, node: str) -> None:
        pod["spec"]["nodeName"] = node
        pod["status"] = {**pod.get("status", {}), "conditions": [_scheduled("True")]}
        self._store.update("v1", "pods", pod)

    def _refuse(self, pod: Object, message: str) -> None:
        condition = _scheduled("False", reason="Unschedulable", message=message)
        status = {"phase": "Pending", "conditions": [condition]}
        if pod.get("status") != status:
            self._store.update("v1", "pods", {**pod, "status": status})


def _scheduled(status: str, **more: str) -> Object:
    return {"type": "PodScheduled", "status": status, **more}


def _requests(pod: Object) -> Counter[str]:
    """What a pod requests: itself, and what its containers have as limits."""
    wanted = Counter({"pods": 1})
    for container in pod["spec"].get("containers", ()):
        limits: Mapping[str, str] = container.get("resources", {}).get("limits", {})
        wanted.update({key: int(value) for key, value in limits.items()})
    return wanted


def _obstacle(node: Object, wanted: Counter[str], free: Counter[str]) -> str:
    """Why a pod cannot be on a node; empty when it can."""
    taints: Iterable[Object] = node["spec"].get("taints") or ()
    if any(taint["effect"] == "NoSchedule" for taint in taints):
        return "node(s) had untolerated taint(s)"
    lacking = [key for key, count in wanted.items() if free[key] < count]
    return f"Insufficient {lacking[0]}" if lacking else ""
