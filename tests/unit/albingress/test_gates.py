"""What readiness gates say."""

from addons.albingress.desired.gates import GateView, desired_conditions, waiting_for
from addons.albingress.model.objects import PodCondition
from addons.albingress.model.targets import Target, TargetHealth
from tests.support.alb_objects import GATE, binding, pod

OTHER = GATE.replace("web", "api")
HERE = Target("10.0.1.1", 8080)
INITIAL = TargetHealth(HERE, "initial", "Elb.RegistrationInProgress", "Target registration is in progress")
HEALTHY = TargetHealth(HERE, "healthy")
SICK = TargetHealth(HERE, "unhealthy", "Target.FailedHealthChecks", "Health checks failed")


def said(*conditions: PodCondition, health: TargetHealth | None = None, **more: object) -> list[str]:
    known = {"bindings": {"web": binding()}, "health": {"web": health} if health else {}, **more}
    view = GateView(**known)  # type: ignore[arg-type]
    found = desired_conditions(pod("a", gates=(GATE,), conditions=conditions), view)
    return [" ".join(filter(None, (each.status, each.reason))) for each in found]


def told(status: str, reason: str = "", gate: str = GATE) -> PodCondition:
    return PodCondition(type=gate, status=status, reason=reason)


class TestGates:
    """A gate follows the health of its target until it has been passed."""

    def test_a_target_that_is_being_registered_is_not_ready(self) -> None:
        assert said(health=INITIAL) == ["False Elb.RegistrationInProgress"]

    def test_a_healthy_one_is(self) -> None:
        assert said(told("False", "Elb.RegistrationInProgress"), health=HEALTHY) == ["True"]

    def test_why_it_is_not_is_in_the_words_of_aws(self) -> None:
        assert said(health=SICK) == ["False Target.FailedHealthChecks"]

    def test_a_gate_that_was_passed_stays_so(self) -> None:
        assert said(told("True"), health=SICK) == []

    def test_nothing_is_said_before_anything_is_known(self) -> None:
        assert said() == []

    def test_what_is_as_it_should_be_is_not_said_again(self) -> None:
        present = PodCondition(type=GATE, status="False", reason=INITIAL.reason, message=INITIAL.description)
        assert said(present, health=INITIAL) == []

    def test_nobody_waits_for_a_binding_that_is_gone(self) -> None:
        assert said(bindings={}, gone=("web",)) == ["True"]

    def test_a_binding_that_is_not_known_yet_is_waited_for(self) -> None:
        assert said(bindings={}) == []

    def test_nobody_waits_for_nodes(self) -> None:
        assert said(bindings={"web": binding(target_type="instance")}) == ["True"]

    def test_other_conditions_of_the_pod_are_left_alone(self) -> None:
        both = pod("a", gates=(GATE, OTHER, "example.com/mine"), conditions=(told("True", gate=OTHER),))
        view = GateView(bindings={"web": binding()}, health={"web": HEALTHY})
        assert [(each.type, each.status) for each in desired_conditions(both, view)] == [(GATE, "True")]

    def test_a_pod_waits_for_the_gates_that_were_not_passed(self) -> None:
        both = pod("a", gates=(GATE, OTHER), conditions=(told("True", gate=OTHER),))
        assert waiting_for(both) == ("web",)
