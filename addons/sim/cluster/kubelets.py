"""The kubelets of all nodes: pods run a while after they were bound, and end a while after their deletion."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from addons.sim.kubeapi.clock import rfc3339
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
STOP_SECONDS = "sim.aws-addons.io/stop-seconds"
"""Annotation of a pod: how long it takes to end; never longer than its grace."""
START_SECONDS = "sim.aws-addons.io/start-seconds"
"""Annotation of a pod: how long it takes until it is ready; `never` is possible."""
_ENDED = ("Succeeded", "Failed")


@dataclass
class Pace:
    """How long pods take in seconds."""

    start_seconds: float = 2.0
    stop_seconds: float = 1.0


class Kubelets:
    """Runs the pods on nodes that are there; what is on no node any more is removed, as by the pod GC."""

    def __init__(self, store: Store, pace: Pace) -> None:
        self._store, self._pace = store, pace
        self._bound: dict[str, datetime] = {}
        self._leaving: dict[str, datetime] = {}
        self._addresses = 0
        self._soonest = math.inf

    def look(self) -> None:
        """Bring every pod as far as it is to be by now."""
        self._soonest = math.inf
        nodes = {node["metadata"]["name"]: node for node in self._store.list("v1", "nodes")}
        uids = set()
        for pod in self._store.list("v1", "pods"):
            uids.add(pod["metadata"]["uid"])
            name = pod["spec"].get("nodeName")
            if name and name not in nodes:
                self._remove(pod)
            elif name and _is_answering(nodes[name]):
                self._advance(pod)
            elif name:
                self._set_unready(pod)
        for times in (self._bound, self._leaving):
            for uid in times.keys() - uids:
                del times[uid]

    def soonest(self) -> float:
        """In how many seconds something is due; infinity when nothing is."""
        return self._soonest

    def _advance(self, pod: Object) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            grace = pod["metadata"].get("deletionGracePeriodSeconds", 30)
            seconds = min(grace, _seconds(pod, STOP_SECONDS, self._pace.stop_seconds))
            if self._is_due(self._leaving, pod, seconds):
                self._remove(pod)
        elif pod.get("status", {}).get("phase", "Pending") == "Pending" and self._is_due(
            self._bound, pod, _seconds(pod, START_SECONDS, self._pace.start_seconds)
        ):
            self._start(pod)

    def _start(self, pod: Object) -> None:
        now = rfc3339(self._store.now())
        self._addresses += 1
        high, low = divmod(self._addresses, 250)
        old = pod.get("status", {}).get("conditions", ())
        fresh = ("Initialized", "ContainersReady", "Ready")
        conditions = [each for each in old if each["type"] not in fresh]
        conditions += [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in fresh]
        pod["status"] = {
            **pod.get("status", {}),
            "phase": "Running",
            "podIP": f"192.168.{high}.{low + 1}",
            "startTime": now,
            "conditions": conditions,
        }
        self._store.update("v1", "pods", pod)

    def _set_unready(self, pod: Object) -> None:
        """Nobody knows of a pod whose node is silent: it counts as not ready."""
        for condition in pod.get("status", {}).get("conditions", ()):
            if condition["type"] == "Ready" and condition["status"] == "True":
                condition["status"] = "False"
                self._store.update("v1", "pods", pod)

    def _remove(self, pod: Object) -> None:
        self._store.delete("v1", "pods", pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _is_due(self, times: dict[str, datetime], pod: Object, seconds: float) -> bool:
        since = times.setdefault(pod["metadata"]["uid"], self._store.now())
        left = seconds - (self._store.now() - since).total_seconds()
        if left > 0:
            self._soonest = min(self._soonest, left)
        return left <= 0


def _seconds(pod: Object, annotation: str, usual: float) -> float:
    text = (pod["metadata"].get("annotations") or {}).get(annotation)
    if text is None:
        return usual
    return math.inf if text == "never" else float(text)


def _is_answering(node: Object) -> bool:
    """Whether the kubelet of a node still says anything."""
    conditions = node.get("status", {}).get("conditions", ())
    return not any(each["type"] == "Ready" and each["status"] == "Unknown" for each in conditions)
