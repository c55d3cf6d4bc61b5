"""The HTTP side of CloudFormation: what each operation takes, what is answered again, what the knobs do."""

from collections.abc import Callable, Mapping
from typing import Any

from addons.sim.aws.cloudformation.errors import invalid, missing, unknown_parameter
from addons.sim.aws.cloudformation.operations import change_sets, drift, reading, stacks
from addons.sim.aws.cloudformation.state import CloudFormation
from addons.sim.aws.errors import Refusal
from addons.sim.aws.throttle import Throttles
from addons.sim.aws.wire import Wire

Call = dict[str, Any]
WIRE = Wire("cloudformation", unknown=unknown_parameter, invalid=invalid, missing=missing)

OPERATIONS: Mapping[str, Callable[[CloudFormation, Call], Call]] = {
    "ContinueUpdateRollback": stacks.continue_update_rollback,
    "CreateChangeSet": change_sets.create_change_set,
    "CreateStack": stacks.create_stack,
    "DeleteChangeSet": change_sets.delete_change_set,
    "DeleteStack": stacks.delete_stack,
    "DescribeChangeSet": change_sets.describe_change_set,
    "DescribeStackDriftDetectionStatus": drift.describe_stack_drift_detection_status,
    "DescribeStackEvents": reading.describe_stack_events,
    "DescribeStackResource": reading.describe_stack_resource,
    "DescribeStackResourceDrifts": drift.describe_stack_resource_drifts,
    "DescribeStackResources": reading.describe_stack_resources,
    "DescribeStacks": reading.describe_stacks,
    "DetectStackDrift": drift.detect_stack_drift,
    "ExecuteChangeSet": change_sets.execute_change_set,
    "GetTemplate": reading.get_template,
    "ListChangeSets": change_sets.list_change_sets,
    "ListStackResources": reading.list_stack_resources,
    "ListStacks": reading.list_stacks,
    "UpdateStack": stacks.update_stack,
    "UpdateTerminationProtection": stacks.update_termination_protection,
    "ValidateTemplate": reading.validate_template,
}


class CloudFormationApi:
    """Answers requests from the state, refused as the knobs say, by the clock of EC2."""

    def __init__(self, service: CloudFormation) -> None:
        self.service = service
        self._throttles = Throttles(lambda: service.account.agenda.now().timestamp(), is_shared=True)
        self._answered: dict[str, tuple[str, Call, Call]] = {}

    async def answer(self, operation: str, query: str, request_id: str) -> str:
        """Give the XML of the answer. Raises `Refusal`."""
        service = self.service
        service.calls[operation] += 1
        if not self._throttles.admit(operation, service.knobs.rate_limits):
            raise Refusal("Throttling", "Rate exceeded")
        service.account.agenda.settle()
        return WIRE.write(operation, self._run(operation, WIRE.read(operation, query)), request_id)

    def _run(self, operation: str, call: Call) -> Call:
        """Run a call, or give the answer again that the same call with the same token has had."""
        token = call.get("ClientRequestToken") or call.get("ClientToken")
        if not token:
            return OPERATIONS[operation](self.service, call)
        asked_for, asked, answer = self._answered.get(token, (operation, call, None))
        if (asked_for, asked) != (operation, call):
            raise Refusal(
                "TokenAlreadyExistsException",
                f"A different operation or arguments used the client request token {token}",
            )
        if answer is None:
            answer = OPERATIONS[operation](self.service, call)
        self._answered[token] = operation, call, answer
        return answer
