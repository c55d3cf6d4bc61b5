"""Deletion in steps: preconditions, finalizers, grace, and when an object is gone at last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from addons.sim.kubeapi.clock import rfc3339
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.status import conflict
from addons.sim.kubeapi.tables import Entry


@dataclass(frozen=True, slots=True)
class Deletion:
    """The DeleteOptions of a request."""

    grace_seconds: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


def check_preconditions(resource: Resource, entry: Entry, deletion: Deletion) -> None:
    """Raise 409 when the object is not the one that the client means."""
    if deletion.uid and deletion.uid != entry.uid:
        raise conflict(
            resource,
            entry.name,
            f"the UID in the precondition ({deletion.uid}) does not match the UID in record ({entry.uid}). "
            "The object might have been deleted and then recreated",
        )
    if deletion.resource_version and deletion.resource_version != str(entry.rv):
        raise conflict(
            resource,
            entry.name,
            f"the ResourceVersion in the precondition ({deletion.resource_version}) does not match the "
            f"ResourceVersion in record ({entry.rv}). The object might have been modified",
        )


def finalizers_of(resource: Resource, obj: Object, propagation: str) -> list[str]:
    """What must let go of an object before it is gone, the wish for its dependents included."""
    wanted = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(propagation)
    kept = [f for f in obj["metadata"].get("finalizers") or () if f not in ("foregroundDeletion", "orphan")]
    if propagation not in ("Foreground", "Orphan", "Background"):
        kept = list(obj["metadata"].get("finalizers") or ())
    if wanted and wanted not in kept:
        kept.append(wanted)
    if resource.plural == "namespaces":
        return kept or list(obj.get("spec", {}).get("finalizers") or ())
    return kept


def mark_deleted(resource: Resource, obj: Object, finalizers: list[str], grace: int, now: datetime) -> bool:
    """Set the deletion marks; False when they already say so."""
    metadata = obj["metadata"]
    if metadata.get("deletionTimestamp") and metadata.get("deletionGracePeriodSeconds", 0) <= grace:
        return False
    if "generation" in metadata and not metadata.get("deletionTimestamp"):
        metadata["generation"] += 1
    metadata["deletionTimestamp"] = rfc3339(now + timedelta(seconds=grace))
    metadata["deletionGracePeriodSeconds"] = grace
    if resource.plural == "namespaces":
        del metadata["deletionGracePeriodSeconds"]
        obj["status"] = {**obj.get("status", {}), "phase": "Terminating"}
    elif finalizers:
        metadata["finalizers"] = finalizers
    return True


def is_released(obj: Object) -> bool:
    """Whether nothing holds a deleted object any longer."""
    metadata = obj["metadata"]
    held = metadata.get("finalizers") or (
        obj["kind"] == "Namespace" and obj.get("spec", {}).get("finalizers")
    )
    return bool(
        metadata.get("deletionTimestamp") and not held and not metadata.get("deletionGracePeriodSeconds")
    )


def grace_seconds(resource: Resource, obj: Object, wanted: int | None) -> int:
    """How long a pod that a kubelet runs may take to end; 0 for all else."""
    if resource.key != ("", "pods"):
        return 0
    spec, phase = obj.get("spec", {}), obj.get("status", {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    if wanted is not None:
        return max(wanted, 0)
    return int(spec.get("terminationGracePeriodSeconds", 30))
