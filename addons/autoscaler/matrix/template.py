"""The template of a cell for CloudFormation: a launch template, a group in one zone, and a hook that lets
drains end.

It has no desired capacity, so that an update leaves the number of instances alone.
"""

import json
from typing import Any, Final

from addons.autoscaler.matrix.launch import tagged_launch_data
from addons.autoscaler.matrix.tags import group_tags, instance_tags
from addons.autoscaler.model.matrix import Cell

LAUNCH_TEMPLATE: Final = "LaunchTemplate"
GROUP: Final = "Group"
HOOK: Final = "DrainHook"
"""The logical names of the resources."""

HOOK_NAME: Final = "aws-addons-drain"
MOST_BYTES: Final = 51_200
"""CloudFormation takes no longer templates with a call."""


def template_of(cell: Cell, launch: str) -> dict[str, Any]:
    """The template; `launch` is the digest of what instances are launched from (Spec.launch)."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Auto scaling group {cell.id} of matrix {cell.matrix} in cluster {cell.cluster}",
        "Resources": {
            LAUNCH_TEMPLATE: {
                "Type": "AWS::EC2::LaunchTemplate",
                "Properties": {"LaunchTemplateData": tagged_launch_data(cell, launch)},
            },
            GROUP: {"Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": _group(cell)},
            HOOK: {"Type": "AWS::AutoScaling::LifecycleHook", "Properties": _hook(cell)},
        },
        "Outputs": {GROUP: {"Value": {"Ref": GROUP}}, LAUNCH_TEMPLATE: {"Value": {"Ref": LAUNCH_TEMPLATE}}},
    }


def body_of(template: dict[str, Any]) -> str:
    """The template as text, the same for equal templates."""
    return json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _group(cell: Cell) -> dict[str, Any]:
    """The group. Its subnets must be in its zone: AWS refuses it otherwise."""
    tags = [(key, value, False) for key, value in group_tags(cell).items()]
    tags += [(key, value, True) for key, value in instance_tags(cell).items()]
    return {
        "AutoScalingGroupName": cell.name,
        "AvailabilityZones": [cell.zone],
        "VPCZoneIdentifier": list(cell.subnets),
        "MinSize": str(cell.min_size),
        "MaxSize": str(cell.max_size),
        "LaunchTemplate": {
            "LaunchTemplateId": {"Ref": LAUNCH_TEMPLATE},
            "Version": {"Fn::GetAtt": [LAUNCH_TEMPLATE, "LatestVersionNumber"]},
        },
        "Tags": [
            {"Key": key, "Value": value, "PropagateAtLaunch": propagate} for key, value, propagate in tags
        ],
    }


def _hook(cell: Cell) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": {"Ref": GROUP},
        "LifecycleHookName": HOOK_NAME,
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "HeartbeatTimeout": cell.heartbeat_seconds,
        "DefaultResult": "CONTINUE",
    }
