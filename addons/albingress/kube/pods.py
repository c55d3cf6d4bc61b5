"""Pods: what is kept of them, and what is written to their status."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from addons.albingress.model.objects import Pod, PodCondition
from addons.albingress.names import READINESS_GATE
from addons.runtime.clock import rfc3339
from addons.runtime.errors import Conflict, Invalid, NotFound
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS


def trim(pod: Pod) -> Pod:
    """The pod without the conditions that no target depends on: all but its containers' and our gates."""
    conditions = tuple(each for each in pod.status.conditions if _counts(each))
    return replace(pod, status=replace(pod.status, conditions=conditions, container_statuses=()))


def _counts(condition: PodCondition) -> bool:
    return condition.type == "ContainersReady" or condition.type.startswith(READINESS_GATE)


async def tell_gates(kube: KubeClient, pod: Pod, conditions: Iterable[PodCondition], now: datetime) -> bool:
    """Have the status of a pod say these conditions; False where the pod is not there any more.

    Conditions of other types stay, and another pod of the name is not touched. Raises OutsideError.
    """
    before = {condition.type: condition.status for condition in pod.status.conditions}
    told = [_told(each, now if before.get(each.type) != each.status else None) for each in conditions]
    body = {"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": told}}
    meta = pod.metadata
    try:
        await kube.strategic_patch(PODS, body, namespace=meta.namespace, name=meta.name, subresource="status")
    except (NotFound, Conflict, Invalid):
        return False
    return True


def _told(condition: PodCondition, changed: datetime | None) -> dict[str, str]:
    told = {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
    }
    return told | ({"lastTransitionTime": rfc3339(changed)} if changed else {})
