"""What the backends of an Ingress come to: a forward, a redirect or a fixed response. Pure."""

from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.desired import annotations
from addons.albingress.desired.actions import ForwardTo, Target, Wish
from addons.albingress.desired.inputs import GroupInputs, Member, Unresolved
from addons.albingress.desired.not_usable import Faults, NotUsable, usable
from addons.albingress.desired.tags import member_tags
from addons.albingress.desired.target_groups import desired_target_group
from addons.albingress.model.objects import IngressBackend, NumberOrName, Service
from addons.albingress.model.rules import FixedResponse, Forward, Redirect, WeightedTarget
from addons.albingress.model.stack import DesiredTargetGroup

Protocol = Literal["HTTP", "HTTPS"]

_HTTPS_ONLY: Final = frozenset({"HTTP2", "GRPC"})


class Answer(Struct, frozen=True, kw_only=True):
    """What requests get: the last action of a rule, with the target groups of ours that it leads to.

    With `because` a part of what is asked for is missing for a while: what AWS has is better.
    """

    action: Forward | Redirect | FixedResponse
    groups: tuple[DesiredTargetGroup, ...] = ()
    because: str = ""


class Backends:
    """The backends of one group, each read once."""

    def __init__(self, inputs: GroupInputs, faults: Faults, *, is_dual_stack: bool) -> None:
        self._inputs = inputs
        self._faults = faults
        self._is_dual_stack = is_dual_stack
        self._wishes: dict[tuple[str, IngressBackend], Wish | NotUsable] = {}
        groups = inputs.incumbent.target_groups if inputs.incumbent else ()
        self._incumbent_tags = {group.name: group.tags for group in groups}
        self._groups: dict[tuple[str, str, NumberOrName], DesiredTargetGroup | NotUsable] = {}

    def wish(self, member: Member, backend: IngressBackend) -> Wish:
        """What a backend asks for; raises NotUsable."""
        key = (member.name, backend)
        if key not in self._wishes:
            try:
                self._wishes[key] = _wish(member, backend)
            except NotUsable as fault:
                self._wishes[key] = fault
        if isinstance(found := self._wishes[key], NotUsable):
            raise found
        return found

    def only_service(self, member: Member, backend: IngressBackend) -> Service | None:
        """The Service that a backend leads to alone, if it is there: its settings of logging in then win."""
        try:
            wish = self.wish(member, backend)
        except NotUsable:
            return None
        name = wish.only_service if isinstance(wish, ForwardTo) else ""
        return self._inputs.services.get((member.key[0], name)) if name else None

    def answer(self, member: Member, backend: IngressBackend, protocol: Protocol, place: str) -> Answer:
        """What requests to a listener of the protocol get; raises NotUsable where that is nothing.

        Of several target groups those that can be used share the requests.
        """
        wish = self.wish(member, backend)
        if not isinstance(wish, ForwardTo):
            return Answer(action=wish)
        found: list[tuple[Target, str, DesiredTargetGroup | None]] = []
        broken: list[NotUsable] = []
        for target in wish.targets:
            try:
                found.append((target, *self._group_of(member, target, protocol)))
            except NotUsable as fault:
                broken.append(fault)
        if broken and not sum(target.weight for target, _, _ in found):
            raise next((each for each in broken if each.is_gone), broken[0])
        for each in broken:
            self._faults.note(each, member.ref, effect="the other target groups get its share", place=place)
        return Answer(
            action=_forward([(target, name) for target, name, _ in found], wish.stickiness_seconds),
            groups=tuple(group for _, _, group in found if group),
            because=next((str(each) for each in broken if each.is_gone), ""),
        )

    def _group_of(
        self, member: Member, target: Target, protocol: Protocol
    ) -> tuple[str, DesiredTargetGroup | None]:
        """The name or ARN of the target group of a target, and the group where it is ours."""
        if target.arn:
            return target.arn, None
        if target.group_name:
            return self._theirs(target.group_name), None
        group = self.target_group(member, target.service, target.port)
        if protocol == "HTTP" and group.version in _HTTPS_ONLY:
            raise NotUsable(
                f"service {member.key[0]}/{target.service} with backend-protocol-version {group.version}"
                " needs an HTTPS listener; set listen-ports to HTTPS, or ssl-redirect",
                shown="it needs HTTPS",
                reason=names.BROKEN_BACKEND,
            )
        return group.name, group

    def _theirs(self, name: str) -> str:
        """The ARN of a target group of somebody else, by its name."""
        found = self._inputs.resolved.target_groups.get(name, Unresolved("it was not looked up yet"))
        if isinstance(found, Unresolved):
            raise NotUsable(f"target group {name}: {found.message}", shown="unknown", is_gone=True)
        if not found:
            raise NotUsable(
                f"target group {name} does not exist; make it, or name another in targetGroupName",
                shown="its target group does not exist",
                reason=names.BROKEN_BACKEND,
            )
        return found[0]

    def target_group(self, member: Member, service: str, port: NumberOrName) -> DesiredTargetGroup:
        """The target group of a port of a Service; raises NotUsable."""
        key = (member.name, service, port)
        if key not in self._groups:
            try:
                self._groups[key] = self._new_group(member, service, port)
            except NotUsable as fault:
                self._groups[key] = fault
        if isinstance(found := self._groups[key], NotUsable):
            raise found
        return found

    def _new_group(self, member: Member, name: str, port: NumberOrName) -> DesiredTargetGroup:
        key = (member.key[0], name)
        if (service := self._inputs.services.get(key)) is None:
            raise NotUsable(
                f"service {key[0]}/{name} does not exist; make it, or name another in the backend",
                shown=NO_SERVICE,
                reason=names.BROKEN_BACKEND,
                is_gone=key in self._inputs.recently_gone,
            )
        group = desired_target_group(member, service, port, self._inputs, is_dual_stack=self._is_dual_stack)
        tags, problems = member_tags(
            self._inputs, member, group.resource, service, self._incumbent_tags.get(group.name)
        )
        self._faults.tell(problems)
        return replace(group, tags=tags)


NO_SERVICE: Final = "Backend service does not exist"
"""What the original answers for a Service that is not there: kept, so that nothing changes at a take-over."""
NO_ACTION: Final = "Backend action does not exist"


def backend_name(backend: IngressBackend) -> str:
    """The backend as `service:port`, as it is written; empty for one that is none."""
    service = backend.service
    return f"{service.name}:{service.port.written}" if service else ""


def _wish(member: Member, backend: IngressBackend) -> Wish:
    if not (service := backend.service):
        kind = backend.resource.kind if backend.resource else "nothing"
        raise NotUsable(f"a backend leads to {kind}; it needs a service", reason=names.BROKEN_BACKEND)
    if service.port.name == names.USE_ANNOTATION:
        asked: Wish | None = usable(annotations.ACTIONS.asked_by(member.ingress, suffix=service.name), None)
        if asked is None:
            where = f"annotation {annotations.ACTIONS.name(service.name)}"
            raise NotUsable(f"{where} does not exist, which a backend names; add it", shown=NO_ACTION)
        return asked
    if not service.port.written:
        raise NotUsable(
            f"backend {service.name} names no port of the Service; set service.port",
            reason=names.BROKEN_BACKEND,
        )
    return ForwardTo(targets=(Target(service=service.name, port=service.port.written),))


def _forward(targets: list[tuple[Target, str]], stickiness_seconds: int | None) -> Forward:
    """The forward in its one form: each target group once, sorted, one that is alone of weight 1."""
    weights: dict[str, int] = {}
    for target, group in targets:
        weights[group] = weights.get(group, 0) + target.weight
    if len(weights) == 1:
        return Forward((WeightedTarget(next(iter(weights))),), stickiness_seconds)
    return Forward(tuple(sorted(WeightedTarget(*each) for each in weights.items())), stickiness_seconds)
