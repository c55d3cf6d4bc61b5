"""Disruption budgets: how many of which pods may go now."""

from addons.autoscaler.desired.selectors import selector_of
from addons.autoscaler.model import objects
from addons.autoscaler.model.pods import Budget
from addons.runtime.unread_objects import fault_of


def budget_of(obj: objects.PodDisruptionBudget) -> Budget:
    """The budget. One that cannot be read protects all pods of its namespace, whatever it meant."""
    meta, status = obj.metadata, obj.status
    if fault_of(obj):
        return Budget(meta.namespace, meta.name, (), 0, is_current=False)
    return Budget(
        namespace=meta.namespace,
        name=meta.name,
        selector=selector_of(obj.spec.selector),
        allowed=max(0, status.disruptions_allowed),
        evicts_unhealthy=_evicts_unhealthy(obj),
        is_current=status.observed_generation >= meta.generation,
    )


def _evicts_unhealthy(obj: objects.PodDisruptionBudget) -> bool:
    """Whether pods that are not ready may go now, whatever is allowed: always by one policy, by the other
    while enough pods are healthy without them.
    """
    if obj.spec.unhealthy_pod_eviction_policy == "AlwaysAllow":
        return True
    return obj.status.current_healthy >= obj.status.desired_healthy > 0
