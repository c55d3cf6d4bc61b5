"""DaemonSets: the pods that each new node will have before any other."""

from dataclasses import dataclass, replace

from addons.autoscaler.desired.classes import Classes, class_of_template, tolerations_of
from addons.autoscaler.model import objects
from addons.autoscaler.model.matching import node_terms_match, repels
from addons.autoscaler.model.pod_parts import Toleration as Written
from addons.autoscaler.model.pods import Labels, Pod, PodClass, Taint
from addons.runtime.unread_objects import fault_of

_TOLERATED = tolerations_of(
    Written(key=key, operator="Exists", effect=effect)
    for key, effect in (
        ("node.kubernetes.io/not-ready", "NoExecute"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "NoSchedule"),
        ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "NoSchedule"),
        ("node.kubernetes.io/unschedulable", "NoSchedule"),
        ("node.kubernetes.io/network-unavailable", "NoSchedule"),
    )
)
"""What pods of DaemonSets are made to tolerate; the last one, those on the host's network."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A DaemonSet: the class of its pods tells where they run and what they request."""

    uid: str
    namespace: str
    name: str
    cls: PodClass


def daemon_of(obj: objects.DaemonSet, classes: Classes, newest: Pod | None = None) -> Daemon | None:
    """The DaemonSet, or None for one that cannot be read.

    Its newest pod tells what its pods request: defaults of the namespace and webhooks change that.
    """
    if fault_of(obj):
        return None
    meta, template = obj.metadata, obj.spec.template
    cls = class_of_template(meta.namespace, dict(template.metadata.labels), template.spec)
    if newest is not None:
        cls = replace(cls, requests=newest.cls.requests, missing_volume="")
    tolerations = tuple(dict.fromkeys((*cls.tolerations, *_TOLERATED)))
    cls = classes.same_as(replace(cls, tolerations=tolerations))
    return Daemon(meta.uid, meta.namespace, meta.name, cls)


def runs_on(cls: PodClass, labels: Labels, taints: tuple[Taint, ...], name: str) -> bool:
    """Whether a DaemonSet has a pod on such a node; whether there is room does not matter."""
    return (
        all(labels.get(key) == value for key, value in cls.node_selector.items())
        and node_terms_match(cls.node_affinity, labels, name)
        and not any(repels(taint, cls.tolerations) for taint in taints)
    )
