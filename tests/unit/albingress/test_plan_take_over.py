"""What the original made is taken over without one changing call; then only what is asked for changes."""

import pytest

from addons.albingress import names
from addons.albingress.desired.frontend import backend_group
from addons.albingress.desired.inputs import GroupInputs
from addons.albingress.desired.stack import desired_stack
from addons.albingress.model.actions import Plan
from addons.albingress.plan.hand_over import with_serving_groups
from addons.albingress.plan.stack import plan_stack
from addons.albingress.plan.view import View, policy_of
from tests.support.alb_stacks import NOW
from tests.support.recorded_groups import RECORDED, inputs_of, recorded


def plan_of(inputs: GroupInputs) -> Plan:
    assert inputs.incumbent
    stack, problems = desired_stack(inputs)
    assert [problem for problem in problems if problem.reason not in names.ADVICE] == []
    view = View(now=NOW, policy=policy_of(inputs.config), backend_group=backend_group(inputs.config))
    return plan_stack(with_serving_groups(stack, inputs.incumbent), inputs.incumbent, view)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_load_balancer_stays_as_it_is(name: str) -> None:
    assert plan_of(inputs_of(recorded(name), taken_over=True)) == Plan()
