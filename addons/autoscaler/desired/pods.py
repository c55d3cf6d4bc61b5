"""Pods as the simulation sees them: made once when a pod changes; owners and volumes are looked up later."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import chain

from addons.autoscaler import names
from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.owners import owner_of
from addons.autoscaler.desired.volumes import Storage, demand_of
from addons.autoscaler.model import objects
from addons.autoscaler.model import pod_parts as parts
from addons.autoscaler.model.pods import Labels, Pod, PodClass, PodOwner
from addons.runtime.objects import ObjectMeta
from addons.runtime.setting_values import BadValue, parse_duration

_ENDED = ("Succeeded", "Failed")
_OWN_LABELS = frozenset(
    {
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "controller-uid",
        "job-name",
    }
)
"""Labels that differ between pods, or jobs, that are alike in everything else."""

OwnerOf = Callable[[objects.Owner, str], PodOwner]
"""The controller behind a reference of a pod of the namespace, as far as it is known now."""


_NO_LABELS: Labels = {}
_NOBODY = Pod("", "", "", PodClass("", "", {}, {}), 0.0)


class KeptPod(objects.Pod, frozen=True):
    """What is kept of a pod that has not ended: the pod of the simulation, and the claims of its volumes.

    The class of `pod` does not have what the claims demand yet.
    """

    pod: Pod = _NOBODY
    claims: tuple[str, ...] = ()


def kept(obj: objects.Pod, classes: Classes, owner: OwnerOf = owner_of) -> KeptPod | None:
    """What is kept of a pod; nothing of one that has ended."""
    if obj.status.phase in _ENDED:
        return None
    meta = obj.metadata
    slim = objects.OwnedMeta(
        name=meta.name, namespace=meta.namespace, uid=meta.uid, resource_version=meta.resource_version
    )
    return KeptPod(metadata=slim, pod=pod_of(obj, classes, owner), claims=claims_of(meta.name, obj.spec))


def pod_of(obj: objects.Pod, classes: Classes, owner: OwnerOf = owner_of) -> Pod:
    """The pod, without what its claims demand. Whatever is wrong with it, there is one."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    controller = next((each for each in meta.owner_references if each.controller), None)
    is_daemon = _is_daemon(controller, meta)
    shared, own = _parted(dict(meta.labels), spec)
    tried = _condition(status, "PodScheduled")
    waits = not spec.node_name and tried is not None and _is_refused(tried)
    return Pod(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        cls=classes.of(meta.namespace, shared, spec, status, is_daemon=is_daemon),
        created=_seconds(meta.creation_timestamp) or 0.0,
        node=spec.node_name,
        nominated_node=status.nominated_node_name,
        priority=spec.priority,
        phase=status.phase or "Pending",
        owner=None if controller is None else owner(controller, meta.namespace),
        is_mirror=names.MIRROR in meta.annotations,
        is_daemon=is_daemon,
        is_ready=any(each.type == "Ready" and each.status == "True" for each in status.conditions),
        unschedulable_since=_seconds(tried.last_transition_time) or 0.0 if tried and waits else None,
        scheduler_message=tried.message if tried and waits else "",
        is_gated=bool(spec.scheduling_gates),
        delete_at=_seconds(meta.deletion_timestamp),
        grace_seconds=spec.termination_grace_period_seconds,
        safe_to_evict=meta.annotations.get(names.SAFE_TO_EVICT, ""),
        local_volumes=_local_volumes(meta, spec.volumes),
        scale_up_delay=_delay(meta),
        allows_daemonset_eviction=_truth(meta.annotations.get(names.EVICT_DAEMONSET_POD)),
        own_labels=own,
    )


def claims_of(pod: str, spec: parts.PodSpec) -> tuple[str, ...]:
    """The claims of the volumes of a pod; one for an ephemeral volume is called after both."""
    found = []
    for volume in spec.volumes:
        if volume.persistent_volume_claim is not None:
            found.append(volume.persistent_volume_claim.claim_name)
        elif volume.ephemeral is not None:
            found.append(f"{pod}-{volume.name}")
    return tuple(found)


def with_claims(pod: Pod, claims: Iterable[str], storage: Storage, classes: Classes) -> Pod:
    """The pod with what its claims demand now."""
    demand = demand_of(pod.namespace, tuple(claims), storage)
    return replace(pod, cls=classes.with_volumes(pod.cls, demand))


def _is_daemon(controller: objects.Owner | None, meta: ObjectMeta) -> bool:
    by_owner = controller is not None and controller.kind == "DaemonSet"
    return by_owner or meta.annotations.get(names.DAEMONSET_POD) == "true"


def _parted(labels: Labels, spec: parts.PodSpec) -> tuple[Labels, Labels]:
    """The labels that pods of the class share, and those of this pod alone.

    A pod that chooses its neighbours by one of its own labels is like no other.
    """
    own = _OWN_LABELS & labels.keys()
    if own:
        own -= _asked_for(spec)
    if not own:
        return labels, _NO_LABELS
    return (
        {key: text for key, text in labels.items() if key not in own},
        {key: text for key, text in labels.items() if key in own},
    )


def _asked_for(spec: parts.PodSpec) -> frozenset[str]:
    """The labels of pods that a pod chooses its neighbours by."""
    affinity = spec.affinity or parts.Affinity()
    both = (affinity.pod_affinity, affinity.pod_anti_affinity)
    terms = [term for each in both if each is not None for term in each.required]
    spread = spec.topology_spread_constraints
    selectors = (*(term.label_selector for term in terms), *(each.label_selector for each in spread))
    return frozenset(
        chain(
            *(term.match_label_keys + term.mismatch_label_keys for term in terms),
            *(each.match_label_keys for each in spread),
            *(each.match_labels for each in selectors if each is not None),
            (one.key for each in selectors if each is not None for one in each.match_expressions),
        )
    )


def _local_volumes(meta: ObjectMeta, volumes: Iterable[parts.Volume]) -> tuple[str, ...]:
    """The volumes with data on the node that the annotation does not call safe."""
    local = [each.name for each in volumes if _is_local(each)]
    if not local:
        return ()
    safe = {each.strip() for each in meta.annotations.get(names.SAFE_TO_EVICT_VOLUMES, "").split(",")}
    return _kept_once(tuple(each for each in local if each not in safe))


@lru_cache(maxsize=4096)
def _kept_once(names_of_volumes: tuple[str, ...]) -> tuple[str, ...]:
    """The one object for all equal names: thousands of pods have the same."""
    return names_of_volumes


def _is_local(volume: parts.Volume) -> bool:
    if volume.host_path is not None:
        return True
    return volume.empty_dir is not None and volume.empty_dir.medium != "Memory"


def _delay(meta: ObjectMeta) -> float:
    """The seconds of the annotation; one that cannot be read counts as none."""
    try:
        return parse_duration(meta.annotations.get(names.SCALE_UP_DELAY, "0")).total_seconds()
    except BadValue:
        return 0.0


def _truth(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get(text or "")


def _condition(status: parts.PodStatus, type_: str) -> parts.TimedCondition | None:
    return next((each for each in status.conditions if each.type == type_), None)


def _is_refused(condition: parts.TimedCondition) -> bool:
    return condition.status == "False" and condition.reason == "Unschedulable"


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
