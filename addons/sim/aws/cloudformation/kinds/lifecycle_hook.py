"""AWS::AutoScaling::LifecycleHook."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from addons.sim.aws.autoscaling.operations import instances
from addons.sim.aws.autoscaling.state import AutoScaling
from addons.sim.aws.cloudformation.kinds.kind import Kind, Properties, Request, generated_name
from addons.sim.aws.cloudformation.kinds.typed import typed
from addons.sim.aws.cloudformation.model import Recreation


class LifecycleHookKind(Kind):
    """Hooks of the simulated Auto Scaling; Ref gives the name."""

    type = "AWS::AutoScaling::LifecycleHook"
    properties: ClassVar[Mapping[str, Recreation]] = {
        "AutoScalingGroupName": "Always",
        "LifecycleHookName": "Always",
        "LifecycleTransition": "Never",
        "DefaultResult": "Never",
        "HeartbeatTimeout": "Never",
        "NotificationMetadata": "Never",
        "NotificationTargetARN": "Never",
        "RoleARN": "Never",
    }
    required = ("AutoScalingGroupName", "LifecycleTransition")
    identity = ("AutoScalingGroupName", "LifecycleHookName")

    def __init__(self, service: AutoScaling) -> None:
        self._service = service

    def create(self, request: Request) -> str:
        """Put the hook; its name."""
        name = str(request.properties.get("LifecycleHookName", generated_name(request)))
        self._put(name, request.properties)
        return name

    def update(self, physical_id: str, before: Request, after: Request) -> None:
        """Put the hook again under its name."""
        self._put(physical_id, after.properties)

    def delete(self, physical_id: str, properties: Properties) -> Iterator[float]:
        """Delete the hook; what waits at it goes on."""
        name = str(properties["AutoScalingGroupName"])
        group = self._service.groups.get(name)
        if group is not None and physical_id in group.hooks:
            call = {"AutoScalingGroupName": name, "LifecycleHookName": physical_id}
            instances.delete_lifecycle_hook(self._service, call)
        yield from ()

    def actual(self, physical_id: str, expected: Properties) -> Properties | None:
        """Give the times and results as the hook has them."""
        group = self._service.groups.get(str(expected["AutoScalingGroupName"]))
        hook = group.hooks.get(physical_id) if group else None
        if hook is None:
            return None
        live = {
            "LifecycleTransition": hook.transition,
            "HeartbeatTimeout": hook.heartbeat_seconds,
            "DefaultResult": hook.default_result,
        }
        return {name: live.get(name, value) for name, value in expected.items()}

    def _put(self, name: str, properties: Properties) -> None:
        call = typed("autoscaling", "PutLifecycleHookType", properties)
        instances.put_lifecycle_hook(self._service, {**call, "LifecycleHookName": name})
