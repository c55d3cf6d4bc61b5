"""What EventBridge tells of instances: four kinds of notices, each in its envelope."""

from datetime import UTC
from typing import Any

from addons.sim.aws.autoscaling.account import Account
from addons.sim.aws.autoscaling.model import LAUNCHING, Group, Hook, Member
from addons.sim.aws.ec2.account import OWNER, REGION

Notice = dict[str, Any]


class Notices:
    """Tells the listeners of an account, as EventBridge puts it into a queue."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def spot_warning(self, member: Member) -> None:
        """An instance is to be taken back in two minutes."""
        detail = {"instance-id": member.id, "instance-action": "terminate"}
        self._tell("aws.ec2", "EC2 Spot Instance Interruption Warning", _instance_arn(member), detail)

    def rebalance(self, member: Member) -> None:
        """An instance is more likely than others to be taken back."""
        detail = {"instance-id": member.id}
        self._tell("aws.ec2", "EC2 Instance Rebalance Recommendation", _instance_arn(member), detail)

    def state_change(self, instance_id: str, state: str) -> None:
        """The state of an instance is another one."""
        arn = f"arn:aws:ec2:{REGION}:{OWNER}:instance/{instance_id}"
        detail = {"instance-id": instance_id, "state": state}
        self._tell("aws.ec2", "EC2 Instance State-change Notification", arn, detail)

    def lifecycle_action(self, group: Group, member: Member, hook: Hook, token: str) -> None:
        """An instance waits at a hook."""
        is_launch = hook.transition == LAUNCHING
        detail = {
            "LifecycleActionToken": token,
            "AutoScalingGroupName": group.name,
            "LifecycleHookName": hook.name,
            "EC2InstanceId": member.id,
            "LifecycleTransition": hook.transition,
            "Origin": "EC2" if is_launch else "AutoScalingGroup",
            "Destination": "AutoScalingGroup" if is_launch else "EC2",
        }
        if hook.metadata:
            detail["NotificationMetadata"] = hook.metadata
        kind = f"EC2 Instance-{'launch' if is_launch else 'terminate'} Lifecycle Action"
        arn = f"arn:aws:autoscaling:{REGION}:{OWNER}:autoScalingGroup:*:autoScalingGroupName/{group.name}"
        self._tell("aws.autoscaling", kind, arn, detail)

    def _tell(self, source: str, kind: str, arn: str, detail: dict[str, str]) -> None:
        notice = {
            "version": "0",
            "id": self._account.new_uuid(),
            "detail-type": kind,
            "source": source,
            "account": OWNER,
            "time": self._account.ec2.agenda.time().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [arn],
            "detail": detail,
        }
        for listener in tuple(self._account.listeners):
            listener(notice)


def _instance_arn(member: Member) -> str:
    return f"arn:aws:ec2:{member.zone}:instance/{member.id}"
