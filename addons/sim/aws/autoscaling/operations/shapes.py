"""How records look in answers."""

from typing import Any

from addons.sim.aws.autoscaling.account import Account
from addons.sim.aws.autoscaling.model import Activity, Group, Hook, Member, Mix, Override, TemplateRef
from addons.sim.aws.ec2.account import OWNER, REGION

Shape = dict[str, Any]


def group_arn(name: str) -> str:
    """The ARN of a group."""
    return f"arn:aws:autoscaling:{REGION}:{OWNER}:autoScalingGroup:00000000:autoScalingGroupName/{name}"


def group_shape(account: Account, group: Group) -> Shape:
    """Give an AutoScalingGroup."""
    subnets = [account.ec2.account.subnets.get(id_) for id_ in group.subnets]
    return {
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group_arn(group.name),
        "LaunchConfigurationName": group.launch_configuration or None,
        "LaunchTemplate": _reference(group.template),
        "MixedInstancesPolicy": _mix(group.mix),
        "MinSize": group.least,
        "MaxSize": group.most,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": group.cooldown_seconds,
        "AvailabilityZones": sorted({subnet.zone for subnet in subnets if subnet}),
        "LoadBalancerNames": [],
        "TargetGroupARNs": [],
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": group.grace_seconds,
        "Instances": [_in_group(member) for member in group.members.values()],
        "CreatedTime": group.created,
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": why} for name, why in sorted(group.suspended.items())
        ],
        "VPCZoneIdentifier": ",".join(group.subnets),
        "EnabledMetrics": [],
        "Status": "Delete in progress" if group.is_deleted else None,
        "Tags": tag_shapes(group),
        "TerminationPolicies": ["Default"],
        "NewInstancesProtectedFromScaleIn": group.protects_new,
        "ServiceLinkedRoleARN": f"arn:aws:iam::{OWNER}:role/aws-service-role/autoscaling.amazonaws.com/role",
        "CapacityRebalance": group.rebalances_capacity or None,
    }


def tag_shapes(group: Group) -> list[Shape]:
    """Give the TagDescriptions of a group."""
    return [
        {
            "ResourceId": group.name,
            "ResourceType": "auto-scaling-group",
            "Key": key,
            "Value": tag.value,
            "PropagateAtLaunch": tag.is_propagated,
        }
        for key, tag in sorted(group.tags.items())
    ]


def _in_group(member: Member) -> Shape:
    return {
        "InstanceId": member.id,
        "InstanceType": member.type,
        "AvailabilityZone": member.zone,
        "LifecycleState": member.state,
        "HealthStatus": "Healthy" if member.is_healthy else "Unhealthy",
        "LaunchTemplate": _reference(member.template),
        "ProtectedFromScaleIn": member.is_protected,
        "WeightedCapacity": str(member.weight) if member.weight != 1 else None,
    }


def instance_shape(group: Group, member: Member) -> Shape:
    """Give an AutoScalingInstanceDetails."""
    shape = _in_group(member) | {"AutoScalingGroupName": group.name}
    return shape | {"HealthStatus": shape["HealthStatus"].upper()}


def activity_shape(activity: Activity) -> Shape:
    """Give an Activity."""
    details = f'{{"Subnet ID":"{activity.subnet_id}","Availability Zone":"{activity.zone}"}}'
    return {
        "ActivityId": activity.id,
        "AutoScalingGroupName": activity.group,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started,
        "EndTime": activity.ended,
        "StatusCode": activity.status,
        "StatusMessage": activity.message or None,
        "Progress": activity.progress,
        "Details": details,
        "AutoScalingGroupARN": group_arn(activity.group),
    }


def hook_shape(group: Group, hook: Hook) -> Shape:
    """Give a LifecycleHook."""
    return {
        "LifecycleHookName": hook.name,
        "AutoScalingGroupName": group.name,
        "LifecycleTransition": hook.transition,
        "HeartbeatTimeout": hook.heartbeat_seconds,
        "GlobalTimeout": hook.global_seconds,
        "DefaultResult": hook.default_result,
        "NotificationMetadata": hook.metadata or None,
    }


def _reference(template: TemplateRef | None) -> Shape | None:
    if template is None:
        return None
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "Version": template.version,
    }


def _mix(mix: Mix | None) -> Shape | None:
    if mix is None:
        return None
    usual = {
        "OnDemandAllocationStrategy": "prioritized",
        "SpotAllocationStrategy": "price-capacity-optimized",
    }
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": _reference(mix.template),
            "Overrides": [_override(each) for each in mix.overrides],
        },
        "InstancesDistribution": {
            **usual,
            **mix.distribution,
            "OnDemandBaseCapacity": mix.on_demand_base,
            "OnDemandPercentageAboveBaseCapacity": mix.on_demand_percent,
        },
    }


def _override(override: Override) -> Shape:
    return {
        "InstanceType": override.type or None,
        "WeightedCapacity": str(override.weight) if override.weight != 1 else None,
        "LaunchTemplateSpecification": _reference(override.template),
        "InstanceRequirements": override.requirements,
    }
