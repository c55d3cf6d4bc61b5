"""The controller of disruption budgets: how many of their pods may go now."""

import math
from datetime import datetime, timedelta
from typing import Any

from addons.sim.kubeapi.budgets import is_ready
from addons.sim.kubeapi.selectors import matches_selector
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
_POLICY = "policy/v1"
_SCALABLE = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets"}
_BELIEVED = timedelta(minutes=2)
"""For how long an eviction that has been granted counts although its pod is still there."""


class Disruption:
    """Keeps the status of every budget."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def look(self) -> None:
        """Count again."""
        for budget in self._store.list(_POLICY, "poddisruptionbudgets"):
            status = self._status(budget)
            old = budget.get("status") or {}
            if any(old.get(key) != value for key, value in status.items()):
                budget["status"] = {**old, **status}
                self._store.update(_POLICY, "poddisruptionbudgets", budget)

    def _status(self, budget: Object) -> Object:
        namespace, spec = budget["metadata"]["namespace"], budget["spec"]
        pods = [
            pod
            for pod in self._store.list("v1", "pods", namespace)
            if matches_selector(spec.get("selector"), pod["metadata"].get("labels") or {})
            and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        ]
        granted = self._granted(budget, pods)
        healthy = sum(is_ready(pod) and pod["metadata"]["name"] not in granted for pod in pods)
        expected = self._expected(spec, pods)
        desired = _desired(spec, expected)
        allowed = max(0, healthy - desired) if expected else 0
        return {
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "disruptionsAllowed": allowed,
            "disruptedPods": granted,
            "observedGeneration": budget["metadata"].get("generation", 1),
        }

    def _granted(self, budget: Object, pods: list[Object]) -> Object:
        """The evictions that were granted and are not seen yet in the pods themselves."""
        there = {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
        told = (budget.get("status") or {}).get("disruptedPods") or {}
        now = self._store.now()
        return {
            name: when
            for name, when in told.items()
            if name in there and now - datetime.fromisoformat(when) < _BELIEVED
        }

    def _expected(self, spec: Object, pods: list[Object]) -> int:
        """How many pods there are to be: those that are there, or what their controllers want."""
        if isinstance(spec.get("minAvailable"), int):
            return len(pods)
        owners = {}
        for pod in pods:
            for owner in pod["metadata"].get("ownerReferences") or ():
                owners[owner["uid"]] = pod["metadata"]["namespace"], owner
        return sum(self._wanted(namespace, owner) for namespace, owner in owners.values())

    def _wanted(self, namespace: str, owner: Object) -> int:
        if owner["kind"] not in _SCALABLE:
            return 0
        try:
            found = self._store.get("apps/v1", _SCALABLE[owner["kind"]], namespace, owner["name"])
        except StatusError:
            return 0
        return int(found["spec"].get("replicas", 1))


def _desired(spec: Object, expected: int) -> int:
    if "minAvailable" in spec:
        return _share(spec["minAvailable"], expected)
    return max(0, expected - _share(spec.get("maxUnavailable", 1), expected))


def _share(value: int | str, total: int) -> int:
    return math.ceil(int(value.rstrip("%")) * total / 100) if isinstance(value, str) else value
