"""What the readiness gates of a pod are to say, by the health of its targets. Pure."""

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from addons.albingress.model.objects import Pod, PodCondition
from addons.albingress.model.targets import Binding, TargetHealth
from addons.albingress.names import READINESS_GATE

HEALTHY = "healthy"


class GateView(Struct, frozen=True, kw_only=True):
    """What is known around the gates of a pod, by the names of bindings in its namespace.

    `health` has what AWS says of the pod as a target; nothing where it was not asked, or does not know yet.
    `gone` are bindings that are no more: nothing will ever be known of them.
    """

    bindings: Mapping[str, Binding] = {}
    health: Mapping[str, TargetHealth] = {}
    gone: Collection[str] = ()


def waiting_for(pod: Pod) -> tuple[str, ...]:
    """The bindings that the pod's readiness still waits for."""
    return tuple(name for name, condition in _gates(pod) if not condition or condition.status != "True")


def desired_conditions(pod: Pod, view: GateView) -> tuple[PodCondition, ...]:
    """The conditions of a pod's gates that are to be other than they are.

    A gate that was passed stays so: whether a running pod is well is for its probes to say. Nobody waits for
    a binding that is gone, or for one of nodes.
    """
    found = ((condition, _condition(name, condition, view)) for name, condition in _gates(pod))
    return tuple(new for old, new in found if new and new != old)


def _gates(pod: Pod) -> Iterator[tuple[str, PodCondition | None]]:
    conditions = {condition.type: condition for condition in pod.status.conditions}
    for gate in dict.fromkeys(each.condition_type for each in pod.spec.readiness_gates):
        if gate.startswith(READINESS_GATE):
            yield gate.removeprefix(READINESS_GATE), conditions.get(gate)


def _condition(name: str, present: PodCondition | None, view: GateView) -> PodCondition | None:
    if present and present.status == "True":
        return present
    type_, binding = f"{READINESS_GATE}{name}", view.bindings.get(name)
    if binding is None:
        if name not in view.gone:
            return present
        return PodCondition(type=type_, status="True", message="the target group binding is gone")
    if binding.target_type == "instance":
        message = "the target group has nodes as its targets"
        return PodCondition(type=type_, status="True", message=message)
    health = view.health.get(name)
    if health is None:
        return present
    status = "True" if health.state == HEALTHY else "False"
    return PodCondition(type=type_, status=status, reason=health.reason, message=health.description)
