"""What the webhook answers about a new pod: the limit by which the scheduler counts its address."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter

from addons.admission.server import Answer
from addons.cni.desired.pod_limits import limit_patch

REVIEWS = Counter("addons_cni_webhook_reviews_total", "Pods that the API server asked about.", ["outcome"])


def answer(pod: Mapping[str, Any], _namespace: str) -> Answer:
    """Have a pod counted as one address, where it needs one."""
    patch = limit_patch(pod)
    return Answer("counted" if patch else "left", patch)
