"""Disruption budgets: whether one more pod may be evicted now."""

from __future__ import annotations

import math

from addons.sim.kubeapi.clock import rfc3339
from addons.sim.kubeapi.resources import Object
from addons.sim.kubeapi.selectors import matches_selector
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store

_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def charge_budget(store: Store, pod: Object, *, dry_run: bool) -> None:
    """Take one disruption from the budget that covers a pod; 429 when it has none left.

    A pod that has ended or has not begun is free, and one that is not ready where the budget permits that. A
    status that somebody wrote is believed, and charged. Without one, that is without a disruption controller,
    the pods are counted here.
    """
    if pod.get("status", {}).get("phase") in ("Succeeded", "Failed", "Pending"):
        return
    budget = _budget_of(store, pod)
    if budget is None:
        return
    status = budget.get("status") or {}
    healthy, needed = _count(store, budget)
    written = any(status.values())
    if written:
        healthy, needed = status.get("currentHealthy", healthy), status.get("desiredHealthy", needed)
    if not is_ready(pod) and _may_go_unready(budget, healthy, needed):
        return
    name = budget["metadata"]["name"]
    if written and status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise _refusal(why, retryAfterSeconds=10)
    allowed = status["disruptionsAllowed"] if written else healthy - needed
    if allowed <= 0:
        raise _refusal(
            f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
        )
    if written and not dry_run:
        granted = {**(status.get("disruptedPods") or {}), pod["metadata"]["name"]: rfc3339(store.now())}
        status |= {"disruptionsAllowed": allowed - 1, "disruptedPods": granted}
        store.update("policy/v1", "poddisruptionbudgets", budget)


def _refusal(why: str, **details: object) -> StatusError:
    causes = [{"reason": "DisruptionBudget", "message": why}]
    return StatusError(429, "TooManyRequests", _VIOLATED, {**details, "causes": causes})


def _may_go_unready(budget: Object, healthy: int, needed: int) -> bool:
    """Whether a pod that is not ready may go: always, or as long as enough others are (IfHealthyBudget)."""
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return healthy >= needed > 0


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
