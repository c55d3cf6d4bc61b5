"""What is kept of a pod: the parts that its names depend on. Pods are many, and change often."""

from collections.abc import Iterator

from msgspec.structs import replace

from addons.dns.model.objects import EndpointSlice, Pod
from addons.runtime.decoding import content_of


def trim(pod: Pod) -> Pod:
    """The pod without the conditions that no name depends on: all but its readiness."""
    conditions = tuple(condition for condition in pod.status.conditions if condition.type == "Ready")
    return replace(pod, status=replace(pod.status, conditions=conditions))


def shown(pod: Pod | None) -> object:
    """What a record could show of a trimmed pod: two states that agree in it ask for the same."""
    if pod is None:
        return None
    metadata = pod.metadata
    is_leaving = metadata.deletion_timestamp is not None
    texts = metadata.labels, metadata.annotations
    return metadata.uid, is_leaving, texts, pod.spec, pod.status, content_of(pod)


def pods_of(piece: EndpointSlice) -> Iterator[tuple[str, str]]:
    """Namespace and name of the pods that a slice lists."""
    for endpoint in piece.endpoints:
        if endpoint.target_ref and endpoint.target_ref.kind == "Pod":
            yield piece.metadata.namespace, endpoint.target_ref.name
