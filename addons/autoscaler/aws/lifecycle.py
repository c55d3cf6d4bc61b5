"""Lifecycle actions of groups: more time for a drain, and word that it is over."""

from typing import Any

from addons.autoscaler.aws.calls import in_time
from addons.autoscaler.aws.notices import Lifecycle
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Invalid, OutsideError
from addons.runtime.outcomes import Outcome
from addons.runtime.permit import Permit


class LifecycleActions:
    """Answers hooks that wait. An action that has ended already is as it should be."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws

    async def heartbeat(self, action: Lifecycle, permit: Permit) -> Outcome[Lifecycle]:
        """Have the hook's time begin anew, as the drain goes on."""
        return await self._tell("record_lifecycle_action_heartbeat", action, permit)

    async def complete(self, action: Lifecycle, permit: Permit) -> Outcome[Lifecycle]:
        """Let the group end the instance."""
        return await self._tell("complete_lifecycle_action", action, permit, LifecycleActionResult="CONTINUE")

    async def _tell(
        self, operation: str, action: Lifecycle, permit: Permit, **more: Any
    ) -> Outcome[Lifecycle]:
        try:
            async with in_time(f"group {action.group}: {operation}"):
                await self._aws.call(
                    "autoscaling",
                    operation,
                    permit=permit,
                    AutoScalingGroupName=action.group,
                    LifecycleHookName=action.hook,
                    LifecycleActionToken=action.token,
                    InstanceId=action.instance,
                    **more,
                )
        except OutsideError as error:
            return Outcome(action, None if has_ended(error) else error)
        return Outcome(action)


def has_ended(error: OutsideError) -> bool:
    """Whether AWS says that no such action waits any more."""
    return isinstance(error, Invalid) and "no active lifecycle action" in error.message.lower()
