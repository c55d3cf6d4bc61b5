"""The controllers of pods: which pods will be replaced, and how many there are to be."""

from addons.autoscaler.model import objects
from addons.autoscaler.model.pods import PodOwner

WATCHED = frozenset({"ReplicaSet", "StatefulSet", "ReplicationController", "Job", "DaemonSet"})
"""Kinds of controllers that are watched here."""
_NATIVE_GROUPS = ("apps", "batch")
_NODE = "Node"


def owner_of(reference: objects.Owner, namespace: str = "") -> PodOwner:
    """The controller that a pod refers to, before it is looked up."""
    is_native = _is_native(reference)
    return PodOwner(reference.kind, reference.name, reference.uid, is_known=False, is_native=is_native)


def with_controller(owner: PodOwner, found: objects.Controller | None) -> PodOwner:
    """The owner as its controller is now; None for one that is not there, or is another of the same name."""
    if found is not None and found.metadata.uid == owner.uid:
        return PodOwner(owner.kind, owner.name, owner.uid, _replicas(found), True, owner.is_native)
    return PodOwner(owner.kind, owner.name, owner.uid, None, False, owner.is_native)


def _replicas(found: objects.Controller) -> int | None:
    """How many pods it wants; None where that is by the nodes."""
    match found:
        case objects.DaemonSet():
            return None
        case objects.Job():
            return found.spec.parallelism
    return found.spec.replicas


def _is_native(reference: objects.Owner) -> bool:
    """Whether the controller is one of Kubernetes' own, or the node itself, as for static pods."""
    group, slash, _ = reference.api_version.rpartition("/")
    if reference.kind == _NODE:
        return not slash
    return reference.kind in WATCHED and (group in _NATIVE_GROUPS if slash else True)
