"""Disruption budgets: whether one more pod may be evicted now."""

from __future__ import annotations

import math

from addons.sim.kubeapi.resources import Object
from addons.sim.kubeapi.selectors import matches_selector
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store

_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def charge_budget(store: Store, pod: Object, *, dry_run: bool) -> None:
    """Take one disruption from the budget that covers a pod; 429 when it has none left.

    A status that somebody wrote is believed, and charged. Without one, that is without a disruption
    controller, the pods are counted here.
    """
    budget = _budget_of(store, pod)
    if budget is None or pod.get("status", {}).get("phase") in ("Succeeded", "Failed", "Pending"):
        return
    status = budget.get("status") or {}
    healthy, needed = _count(store, budget)
    written = any(status.values())
    if written:
        healthy, needed = status.get("currentHealthy", healthy), status.get("desiredHealthy", needed)
    allowed = status["disruptionsAllowed"] if written else healthy - needed
    if allowed <= 0:
        name = budget["metadata"]["name"]
        text = f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
        raise StatusError(
            429, "TooManyRequests", _VIOLATED, {"causes": [{"reason": "DisruptionBudget", "message": text}]}
        )
    if written and not dry_run:
        status["disruptionsAllowed"] -= 1
        store.update("policy/v1", "poddisruptionbudgets", budget)


def _budget_of(store: Store, pod: Object) -> Object | None:
    metadata = pod["metadata"]
    budgets = [
        budget
        for budget in store.list("policy/v1", "poddisruptionbudgets", metadata["namespace"])
        if matches_selector(budget["spec"].get("selector"), metadata.get("labels") or {})
    ]
    if len(budgets) > 1:
        raise StatusError(500, "InternalError", _SEVERAL)
    return budgets[0] if budgets else None


def _count(store: Store, budget: Object) -> tuple[int, int]:
    """Healthy pods under a budget, and how many it wants."""
    spec = budget["spec"]
    pods = [
        pod
        for pod in store.list("v1", "pods", budget["metadata"]["namespace"])
        if matches_selector(spec.get("selector"), pod["metadata"].get("labels") or {})
        and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    ]
    healthy = sum(is_ready(pod) for pod in pods)
    if "minAvailable" in spec:
        return healthy, _share(spec["minAvailable"], len(pods))
    return healthy, len(pods) - _share(spec.get("maxUnavailable", 0), len(pods))


def is_ready(pod: Object) -> bool:
    """Whether a pod is ready and not on its way out."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _share(value: int | str, total: int) -> int:
    if isinstance(value, str):
        return math.ceil(int(value.rstrip("%")) * total / 100)
    return value
