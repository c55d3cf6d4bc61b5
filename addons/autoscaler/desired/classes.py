"""The classes of pods: what the scheduler looks at, once for all pods that are alike in it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from itertools import chain
from weakref import WeakValueDictionary

import msgspec

from addons.autoscaler.desired.requests import requests_of, requests_of_template
from addons.autoscaler.desired.selectors import node_terms_of, selector_of
from addons.autoscaler.desired.volumes import EBS_DRIVER, VolumeDemand
from addons.autoscaler.model import pod_parts as parts
from addons.autoscaler.model.pods import (
    HostPort,
    Labels,
    NodeTerm,
    PodClass,
    PodTerm,
    Requirement,
    Spread,
    Toleration,
)
from addons.autoscaler.model.resources import PODS, Amounts

_encoder = msgspec.json.Encoder(order="deterministic")


class Classes:
    """Gives equal pods the same object. A class that no pod has any more is forgotten."""

    def __init__(self) -> None:
        self._by_wording: WeakValueDictionary[bytes, PodClass] = WeakValueDictionary()
        self._by_digest: WeakValueDictionary[str, PodClass] = WeakValueDictionary()

    def of(
        self, namespace: str, labels: Labels, spec: parts.PodSpec, status: parts.PodStatus, *, is_daemon: bool
    ) -> PodClass:
        """The class of a pod, without what its claims demand.

        A pod whose requests cannot be read, or that claims devices, fits nowhere: `missing_volume` says so.
        """
        wording = _wording(namespace, labels, spec, status, is_daemon)
        found = self._by_wording.get(wording)
        if found is None:
            read = _class_of(namespace, labels, spec, _requests(partial(requests_of, spec, status)))
            found = self.same_as(replace(read, node_affinity=None) if is_daemon else read)
            self._by_wording[wording] = found
        return found

    def with_volumes(self, cls: PodClass, demand: VolumeDemand) -> PodClass:
        """The class with what the claims of a pod demand."""
        counts = dict(cls.volumes)
        for driver, count in demand.volumes.items():
            counts[driver] = counts.get(driver, 0) + count
        missing = cls.missing_volume or demand.missing
        return self.same_as(
            replace(cls, volume_terms=demand.terms, volumes=counts, missing_volume=missing, digest="")
        )

    def same_as(self, cls: PodClass) -> PodClass:
        """The one object for all classes with this content; its digest is set."""
        digest = digest_of(cls)
        found = self._by_digest.get(digest)
        if found is None:
            found = replace(cls, digest=digest)
            self._by_digest[digest] = found
        return found


def class_of_template(namespace: str, labels: Labels, spec: parts.PodSpec) -> PodClass:
    """The class that a pod of a template will have, not made one with equal ones yet."""
    return _class_of(namespace, labels, spec, _requests(partial(requests_of_template, spec)))


def digest_of(cls: PodClass) -> str:
    """A text that is the same for equal content, in any process."""
    content = _encoder.encode(replace(cls, digest=""))
    return blake2b(content, digest_size=10).hexdigest()


def _wording(
    namespace: str, labels: Labels, spec: parts.PodSpec, status: parts.PodStatus, is_daemon: bool
) -> bytes:
    """What the class depends on, as it was written: cheaper to compare than to read."""
    content = (
        namespace,
        labels,
        spec.node_selector,
        _read_of(spec.affinity, is_daemon),
        spec.tolerations,
        spec.containers,
        spec.init_containers,
        spec.overhead,
        spec.resources,
        spec.topology_spread_constraints,
        spec.scheduler_name,
        len(spec.resource_claims),
        _inline_disks(spec),
        status.container_statuses,
        status.init_container_statuses,
        [each.reason for each in status.conditions if each.type == "PodResizePending"],
        is_daemon,
    )
    return blake2b(msgspec.json.encode(content), digest_size=16).digest()


def _read_of(affinity: parts.Affinity | None, is_daemon: bool) -> object:
    """What counts of the affinity: that of a DaemonSet pod only names its node."""
    if affinity is None or not is_daemon:
        return affinity
    return affinity.pod_affinity, affinity.pod_anti_affinity


def _class_of(namespace: str, labels: Labels, spec: parts.PodSpec, read: tuple[Amounts, str]) -> PodClass:
    requests, fault = read
    affinity = spec.affinity or parts.Affinity()
    return PodClass(
        digest="",
        namespace=namespace,
        labels=dict(labels),
        requests=requests,
        node_selector=dict(spec.node_selector),
        node_affinity=_node_affinity(affinity.node_affinity),
        tolerations=tolerations_of(spec.tolerations),
        ports=tuple(sorted(set(_ports(spec)), key=lambda each: (each.port, each.protocol, each.address))),
        affinity=tuple(_pod_terms(affinity.pod_affinity, namespace, labels)),
        anti_affinity=tuple(_pod_terms(affinity.pod_anti_affinity, namespace, labels)),
        spread=tuple(_spread(spec.topology_spread_constraints, labels)),
        volumes={EBS_DRIVER: count} if (count := _inline_disks(spec)) else {},
        missing_volume=_fault(spec, fault),
        scheduler=spec.scheduler_name,
    )


def _fault(spec: parts.PodSpec, unread: str) -> str:
    """Why no node can be told to suit a pod."""
    return unread or ("the pod has resourceClaims, which are not simulated" if spec.resource_claims else "")


def _requests(read: Callable[[], Amounts]) -> tuple[Amounts, str]:
    """The requests, and why they cannot be read, if so."""
    try:
        return read(), ""
    except ValueError as error:
        return {PODS: 1}, f"the requests of the pod cannot be read: {error}"


def _node_affinity(affinity: parts.NodeAffinity | None) -> tuple[NodeTerm, ...] | None:
    return None if affinity is None or affinity.required is None else node_terms_of(affinity.required)


def tolerations_of(tolerations: Iterable[parts.Toleration]) -> tuple[Toleration, ...]:
    """The tolerations, each once."""
    found = (Toleration(each.key, each.operator or "Equal", each.value, each.effect) for each in tolerations)
    return tuple(dict.fromkeys(found))


def _ports(spec: parts.PodSpec) -> Iterable[HostPort]:
    """Ports of the node that containers take while the pod runs."""
    beside = (each for each in spec.init_containers if each.restart_policy == "Always")
    for container in chain(spec.containers, beside):
        for port in container.ports:
            if port.host_port:
                address = "" if port.host_ip == "0.0.0.0" else port.host_ip
                yield HostPort(port.host_port, port.protocol or "TCP", address)


def _pod_terms(affinity: parts.PodAffinity | None, namespace: str, labels: Labels) -> Iterable[PodTerm]:
    for term in affinity.required if affinity is not None else ():
        chosen = None if term.namespace_selector is None else selector_of(term.namespace_selector)
        yield PodTerm(
            term.topology_key,
            _narrowed(
                selector_of(term.label_selector), labels, term.match_label_keys, term.mismatch_label_keys
            ),
            term.namespaces or (() if chosen is not None else (namespace,)),
            chosen,
        )


def _narrowed(
    selector: tuple[Requirement, ...] | None, labels: Labels, same: Iterable[str], other: Iterable[str] = ()
) -> tuple[Requirement, ...] | None:
    """The selector for pods that have some labels as this pod has them, and some otherwise.

    The API server adds these itself, where it is new enough: what is there is not added again.
    """
    if selector is None:
        return None
    more = (
        *(Requirement(key, "In", (labels[key],)) for key in same if key in labels),
        *(Requirement(key, "NotIn", (labels[key],)) for key in other if key in labels),
    )
    return tuple(dict.fromkeys((*selector, *more)))


def _spread(constraints: Iterable[parts.TopologySpreadConstraint], labels: Labels) -> Iterable[Spread]:
    for each in constraints:
        if each.when_unsatisfiable == "DoNotSchedule":
            yield Spread(
                each.max_skew,
                each.topology_key,
                _narrowed(selector_of(each.label_selector), labels, each.match_label_keys),
                1 if each.min_domains is None else each.min_domains,
                each.node_affinity_policy != "Ignore",
                each.node_taints_policy == "Honor",
            )


def _inline_disks(spec: parts.PodSpec) -> int:
    return sum(each.aws_elastic_block_store is not None for each in spec.volumes)
