"""The pods behind a headless Service: what its EndpointSlices say, and what the pods say themselves. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from addons.dns.model.objects import EndpointSlice, Pod, SliceEndpoint

ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Phases of pods that run no more and never will; an evicted pod is Failed."""

_ADDRESS_TYPES: Final = ("IPv4", "IPv6")


class ServicePod(Struct, frozen=True):
    """One pod behind the Service, or an endpoint that somebody made by hand, which has no `pod`.

    `is_ready` pods may be published; `is_leaving` ones are about to end and take no new work.
    """

    addresses: tuple[str, ...]
    hostname: str
    node_name: str
    zone: str
    is_ready: bool
    is_leaving: bool
    pod: Pod | None = None

    @property
    def age(self) -> tuple[float, str]:
        """Sorts by time of creation, the newest last."""
        created = self.pod and self.pod.metadata.creation_timestamp
        return created.timestamp() if created else 0.0, self.pod.metadata.name if self.pod else ""


def service_pods(
    slices: Sequence[EndpointSlice], pods: Mapping[str, Pod] | None, *, with_not_ready: bool
) -> list[ServicePod]:
    """Every pod once, with the addresses of all families, the oldest first.

    `pods` are the pods of the namespace that the slices name, or None when pods cannot be read at all. An
    endpoint whose pod is gone, has ended, or is another one of the same name, is left out: its address may
    be somebody else's by now.
    """
    found: dict[str, ServicePod] = {}
    for endpoint in _endpoints(slices):
        one = _service_pod(endpoint, pods, with_not_ready)
        if one is not None:
            key = one.pod.metadata.name if one.pod else endpoint.addresses[0]
            found[key] = _joined(found[key], one) if key in found else one
    return sorted((found[key] for key in sorted(found)), key=lambda one: one.age)


def pod_addresses(pod: Pod) -> tuple[str, ...]:
    """All addresses of a pod, one per family; none before it has any."""
    found = tuple(entry.ip for entry in pod.status.pod_ips if entry.ip)
    return found or ((pod.status.pod_ip,) if pod.status.pod_ip else ())


def is_ready(pod: Pod) -> bool:
    """True when the pod runs and says that it takes traffic."""
    conditions = {condition.type: condition.status for condition in pod.status.conditions}
    return pod.status.phase == "Running" and conditions.get("Ready") == "True"


def _endpoints(slices: Iterable[EndpointSlice]) -> Iterable[SliceEndpoint]:
    for piece in sorted(slices, key=lambda piece: (piece.address_type, piece.metadata.name)):
        if piece.address_type in _ADDRESS_TYPES:
            yield from (endpoint for endpoint in piece.endpoints if endpoint.addresses)


def _service_pod(
    endpoint: SliceEndpoint, pods: Mapping[str, Pod] | None, with_not_ready: bool
) -> ServicePod | None:
    target, pod = endpoint.target_ref, None
    if pods is not None and target is not None and target.kind == "Pod":
        pod = pods.get(target.name)
        if pod is None or pod.status.phase in ENDED or target.uid not in ("", pod.metadata.uid):
            return None
    is_leaving = bool(endpoint.conditions.terminating or (pod and pod.metadata.deletion_timestamp))
    return ServicePod(
        addresses=endpoint.addresses[:1],
        hostname=(pod.spec.hostname if pod else "") or endpoint.hostname,
        node_name=endpoint.node_name,
        zone=endpoint.zone,
        is_ready=not is_leaving and (with_not_ready or endpoint.conditions.ready is not False),
        is_leaving=is_leaving,
        pod=pod,
    )


def _joined(one: ServicePod, other: ServicePod) -> ServicePod:
    return replace(
        one,
        addresses=tuple(dict.fromkeys(one.addresses + other.addresses)),
        is_ready=one.is_ready or other.is_ready,
    )
