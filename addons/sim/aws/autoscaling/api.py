"""The HTTP side of Auto Scaling: what each operation takes, and what the knobs do to it."""

from collections.abc import Callable, Mapping
from typing import Any

from addons.sim.aws.autoscaling.errors import AutoScalingError, invalid, missing, unknown_parameter
from addons.sim.aws.autoscaling.operations import groups, instances
from addons.sim.aws.autoscaling.state import Asked, AutoScaling
from addons.sim.aws.throttle import Throttles
from addons.sim.aws.wire import Wire

Call = dict[str, Any]
WIRE = Wire("autoscaling", unknown=unknown_parameter, invalid=invalid, missing=missing)

OPERATIONS: Mapping[str, Callable[[AutoScaling, Call], Call]] = {
    "CompleteLifecycleAction": instances.complete_lifecycle_action,
    "CreateAutoScalingGroup": groups.create_auto_scaling_group,
    "CreateLaunchConfiguration": groups.create_launch_configuration,
    "CreateOrUpdateTags": instances.create_or_update_tags,
    "DeleteAutoScalingGroup": groups.delete_auto_scaling_group,
    "DeleteLifecycleHook": instances.delete_lifecycle_hook,
    "DeleteTags": instances.delete_tags,
    "DescribeAutoScalingGroups": groups.describe_auto_scaling_groups,
    "DescribeAutoScalingInstances": instances.describe_auto_scaling_instances,
    "DescribeLaunchConfigurations": groups.describe_launch_configurations,
    "DescribeLifecycleHooks": instances.describe_lifecycle_hooks,
    "DescribeScalingActivities": instances.describe_scaling_activities,
    "DescribeTags": instances.describe_tags,
    "PutLifecycleHook": instances.put_lifecycle_hook,
    "RecordLifecycleActionHeartbeat": instances.record_lifecycle_action_heartbeat,
    "ResumeProcesses": groups.resume_processes,
    "SetDesiredCapacity": groups.set_desired_capacity,
    "SetInstanceHealth": instances.set_instance_health,
    "SetInstanceProtection": instances.set_instance_protection,
    "SuspendProcesses": groups.suspend_processes,
    "TerminateInstanceInAutoScalingGroup": instances.terminate_instance,
    "UpdateAutoScalingGroup": groups.update_auto_scaling_group,
}


class AutoScalingApi:
    """Answers requests from the state, slowed and refused as the knobs say, by the clock of EC2."""

    def __init__(self, service: AutoScaling) -> None:
        self.service = service
        agenda = service.account.ec2.agenda
        self._throttles = Throttles(lambda: agenda.now().timestamp(), is_shared=True)

    async def answer(self, operation: str, query: str, request_id: str) -> str:
        """Give the XML of the answer. Raises `AutoScalingError`."""
        service = self.service
        service.calls[operation] += 1
        if not self._throttles.admit(operation, service.knobs.rate_limits):
            raise AutoScalingError("Throttling", "Rate exceeded")
        service.account.ec2.agenda.settle()
        call = WIRE.read(operation, query)
        try:
            answer = OPERATIONS[operation](service, call)
        except AutoScalingError as error:
            self._note(operation, call, error.code)
            raise
        self._note(operation, call)
        return WIRE.write(operation, answer, request_id)

    def _note(self, operation: str, call: Call, error: str = "") -> None:
        if not operation.startswith("Describe"):
            now = self.service.account.ec2.agenda.time()
            self.service.history.append(Asked(now, operation, call, error))
