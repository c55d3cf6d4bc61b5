"""The readiness gates that a new pod is given: one for each target group of pods that it will be in. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.actions import ForwardTo, Target
from addons.albingress.desired.backends import Backends
from addons.albingress.desired.bindings import is_users
from addons.albingress.desired.exclusive import asked_of
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.not_usable import Faults, NotUsable
from addons.albingress.model.bindings import TargetGroupBinding
from addons.albingress.model.objects import IngressBackend, Service
from addons.runtime.objects import Key, key
from addons.runtime.selectors import equality_selector


def selecting(services: Iterable[Service], labels: Mapping[str, str]) -> frozenset[Key]:
    """The Services that select a pod with these labels. One without a selector selects none."""
    return frozenset(
        key(each)
        for each in services
        if each.spec.selector and equality_selector(each.spec.selector).matches(labels)
    )


def gates_of_group(inputs: GroupInputs, services: Collection[Key]) -> Iterator[str]:
    """The names of the target groups of addresses that a group has for these Services.

    Those of Ingresses with a load balancer alone: before, nothing would ever call a pod healthy, and no pod
    waits for what may not come about. What cannot be used as it is written has no target group.
    """
    backends = Backends(inputs, Faults(), is_dual_stack=_is_dual_stack(inputs))
    for member in inputs.members:
        if member.doubt or not member.ingress.status.load_balancer.ingress:
            continue
        for target in _targets(backends, member):
            if (member.key[0], target.service) in services:
                yield from _gate(backends, member, target)


def gates_of_bindings(bindings: Iterable[TargetGroupBinding], services: Collection[Key]) -> Iterator[str]:
    """The names of the users' bindings of these Services, but for those of nodes.

    One that leaves its type to the target group may be of addresses; else its gate is met at once.
    """
    for each in bindings:
        which = (each.metadata.namespace, each.spec.service_ref.name)
        is_live = is_users(each) and each.metadata.deletion_timestamp is None
        if is_live and which in services and each.spec.target_type in ("", "ip"):
            yield each.metadata.name


def gate_patch(pod: Mapping[str, Any], gates: Iterable[str]) -> list[dict[str, Any]]:
    """Give the JSON patch (RFC 6902) that adds gates to those of a pod, none twice; empty if none is new."""
    present: Sequence[Mapping[str, Any]] = (pod.get("spec") or {}).get("readinessGates") or []
    there = {each.get("conditionType") for each in present}
    wanted = sorted({f"{names.READINESS_GATE}{each}" for each in gates} - there)
    new = [{"conditionType": each} for each in wanted]
    if not new:
        return []
    if not present:
        return [{"op": "add", "path": "/spec/readinessGates", "value": new}]
    return [{"op": "add", "path": "/spec/readinessGates/-", "value": each} for each in new]


def _targets(backends: Backends, member: Member) -> Iterator[Target]:
    for backend in _backends(member):
        try:
            wish = backends.wish(member, backend)
        except NotUsable:
            continue
        if isinstance(wish, ForwardTo):
            yield from wish.targets


def _backends(member: Member) -> Iterator[IngressBackend]:
    spec = member.ingress.spec
    if spec.default_backend:
        yield spec.default_backend
    for rule in spec.rules:
        for path in rule.http.paths:
            yield path.backend


def _gate(backends: Backends, member: Member, target: Target) -> Iterator[str]:
    try:
        group = backends.target_group(member, target.service, target.port)
    except NotUsable:
        return
    if group.target_type == "ip":
        yield group.name


def _is_dual_stack(inputs: GroupInputs) -> bool:
    wishes = (
        asked_of(each, annotations.IP_ADDRESS_TYPE, class_params.IP_ADDRESS_TYPE) for each in inputs.members
    )
    return any(isinstance(wish, str) and wish.startswith("dualstack") for wish in wishes)
