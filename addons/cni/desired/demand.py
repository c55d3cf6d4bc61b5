"""How many addresses the pods on this node need."""

from collections import Counter
from collections.abc import Collection, Iterable

from addons.cni.model.assignments import PodId
from addons.cni.model.objects import Container, Pod
from addons.cni.model.pool import Demand
from addons.cni.names import POD_IP

MIRROR = "kubernetes.io/config.mirror"
"""Annotation of the object that stands for a static pod: the UID by which the runtime knows that pod."""

_ENDED = ("Succeeded", "Failed")
_MULTIPLES = {"k": 10**3, "M": 10**6, "G": 10**9}


def demand_of(pods: Iterable[Pod], assigned: Collection[PodId], asking: Collection[PodId] = ()) -> Demand:
    """Count the pods of this node: `pods` are those bound to it, as Kubernetes has them.

    `assigned` has an entry for each address that a pod holds, `asking` one for each ADD that waits; with
    these, a pod counts that Kubernetes does not know, or not yet. A pod without an address waits unless it
    has ended, is being deleted, or says that it has an address which is none of ours.
    """
    held, asked = Counter(map(_uid, assigned)), Counter(map(_uid, asking))
    waiting, host_network, requested, covered = len(asking), 0, 0, 0
    for pod in pods:
        if pod.status.phase in _ENDED:
            continue
        if pod.spec.host_network:
            host_network += 1
            continue
        uses = sum(held[uid] + asked[uid] for uid in uids(pod))
        if not uses and not pod.metadata.deletion_timestamp and not pod.status.pod_ip:
            waiting, uses = waiting + 1, 1
        wants = requested_by(pod)
        requested += wants
        covered += min(wants, uses)
    unrequested = len(assigned) + waiting - covered
    return Demand(waiting=waiting, requested=requested, unrequested=unrequested, host_network=host_network)


def uids(pod: Pod) -> frozenset[str]:
    """What the runtime may call a pod: by its UID, or a static one by that of its file."""
    known = (pod.metadata.uid, pod.metadata.annotations.get(MIRROR, ""))
    names = (f"{pod.metadata.namespace}/{pod.metadata.name}",)
    return frozenset(uid for uid in (*known, *names) if uid)


def _uid(pod: PodId) -> str:
    """Runtimes that give no UID are taken at the name."""
    return pod.uid or str(pod)


def requested_by(pod: Pod) -> int:
    """How many addresses the scheduler counts for a pod."""
    together = sum(map(_quantity, pod.spec.containers))
    return max(together, *map(_quantity, pod.spec.init_containers), 0)


def _quantity(container: Container) -> int:
    """Extended resources are whole numbers, and requests equal limits; large ones may be written as 1k."""
    resources = container.resources
    text = resources.requests.get(POD_IP) or resources.limits.get(POD_IP) or "0"
    factor = _MULTIPLES.get(text[-1], 1)
    digits = text[:-1] if factor > 1 else text
    return int(digits) * factor if digits.isdecimal() else 0
