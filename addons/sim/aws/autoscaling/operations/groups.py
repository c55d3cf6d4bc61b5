"""Groups: from CreateAutoScalingGroup over SetDesiredCapacity to DeleteAutoScalingGroup."""

from collections.abc import Mapping
from copy import copy
from types import MappingProxyType
from typing import Any

from addons.sim.aws.autoscaling.account import Account
from addons.sim.aws.autoscaling.errors import AutoScalingError, invalid, no_group
from addons.sim.aws.autoscaling.model import PROCESSES, Group, LaunchConfiguration, Tag
from addons.sim.aws.autoscaling.operations.filters import narrow
from addons.sim.aws.autoscaling.operations.reading import check_sizes, set_source, set_subnets, set_tags
from addons.sim.aws.autoscaling.operations.shapes import group_shape
from addons.sim.aws.autoscaling.paging import page
from addons.sim.aws.autoscaling.state import AutoScaling

Call = dict[str, Any]


def create_auto_scaling_group(
    service: AutoScaling, call: Call, *, reserved: Mapping[str, Tag] = MappingProxyType({})
) -> Call:
    """Make a group; its first instances come in a while. `reserved` are tags that AWS itself puts."""
    account, name = service.account, call["AutoScalingGroupName"]
    if name in account.groups:
        raise AutoScalingError(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
        )
    least, most = int(call["MinSize"]), int(call["MaxSize"])
    desired = int(call.get("DesiredCapacity", least))
    group = Group(name, least, most, desired, (), account.ec2.agenda.time())
    _set_all(account, group, call)
    if not (group.template or group.mix or group.launch_configuration):
        names = "LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter"
        raise invalid(f"Valid requests must contain either {names}")
    if not group.subnets:
        raise invalid("At least one Availability Zone or VPC Subnet is required.")
    group.tags |= reserved
    account.groups[name] = group
    service.actuator.look_soon(group)
    return {}


def update_auto_scaling_group(service: AutoScaling, call: Call) -> Call:
    """Change a group in place; instances that it has stay as they are."""
    group = service.account.group(call["AutoScalingGroupName"])
    changed = copy(group)
    changed.least, changed.most = call.get("MinSize", group.least), call.get("MaxSize", group.most)
    changed.desired = call.get("DesiredCapacity", min(max(group.desired, changed.least), changed.most))
    _set_all(service.account, changed, call)
    group.__dict__.update(changed.__dict__)
    service.actuator.look_soon(group)
    return {}


def _set_all(account: Account, group: Group, call: Call) -> None:
    """Set what a call says beyond the sizes; nothing of it counts when it is refused."""
    check_sizes(group)
    set_source(account, group, call)
    set_subnets(account, group, call)
    set_tags(group, call.get("Tags", []))
    group.protects_new = call.get("NewInstancesProtectedFromScaleIn", group.protects_new)
    group.cooldown_seconds = call.get("DefaultCooldown", group.cooldown_seconds)
    group.grace_seconds = call.get("HealthCheckGracePeriod", group.grace_seconds)
    group.rebalances_capacity = call.get("CapacityRebalance", group.rebalances_capacity)


def delete_auto_scaling_group(service: AutoScaling, call: Call) -> Call:
    """Delete a group that has no instances; with ForceDelete these end too."""
    account = service.account
    group = account.group(call["AutoScalingGroupName"])
    if group.members and not call.get("ForceDelete"):
        raise AutoScalingError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
            "request(s) still in the group.",
        )
    group.is_deleted = True
    for member in group.members.values():
        account.ec2.instances.terminate(member.id)
    del account.groups[group.name]
    return {}


def describe_auto_scaling_groups(service: AutoScaling, call: Call) -> Call:
    """Show groups, by names, or by tags; a name that nothing has is left out."""
    names, account = call.get("AutoScalingGroupNames", []), service.account
    most = call.get("MaxRecords", 50)
    if len(names) > most:
        raise invalid(f"The number of group names ({len(names)}) must not exceed MaxRecords ({most})")
    found = [account.groups[name] for name in sorted(account.groups) if not names or name in names]
    found = narrow(found, call.get("Filters", ()))
    shown, following = page(found, call)
    return {
        "AutoScalingGroups": [group_shape(account, group) for group in shown],
        "NextToken": following,
    }


def set_desired_capacity(service: AutoScaling, call: Call) -> Call:
    """Set how much a group is to have; it must be within the limits of the group."""
    group, wanted = _wanted(service, call), call["DesiredCapacity"]
    if wanted > group.most:
        raise invalid(
            f"New SetDesiredCapacity value {wanted} is above max value {group.most} for the AutoScalingGroup."
        )
    if wanted < group.least:
        raise invalid(
            f"New SetDesiredCapacity value {wanted} is below min value {group.least} for the "
            "AutoScalingGroup."
        )
    group.desired = wanted
    service.actuator.look_soon(group)
    return {}


def suspend_processes(service: AutoScaling, call: Call) -> Call:
    """Let a group not do some things by itself; all of them when none are named."""
    group = _wanted(service, call)
    now = service.account.ec2.agenda.time().strftime("%Y-%m-%dT%H:%M:%SZ")
    for name in _processes(call):
        group.suspended.setdefault(name, f"User suspended at {now}")
    return {}


def resume_processes(service: AutoScaling, call: Call) -> Call:
    """Let a group do some things by itself again."""
    group = _wanted(service, call)
    for name in _processes(call):
        group.suspended.pop(name, None)
    service.actuator.look_soon(group)
    return {}


def _wanted(service: AutoScaling, call: Call) -> Group:
    group = service.account.group(call["AutoScalingGroupName"])
    if group.is_deleted:
        raise no_group(group.name)
    return group


def _processes(call: Call) -> list[str]:
    wanted = call.get("ScalingProcesses") or list(PROCESSES)
    if unknown := [name for name in wanted if name not in PROCESSES]:
        raise invalid(f"The process names [{', '.join(unknown)}] are not valid")
    return list(wanted)


def create_launch_configuration(service: AutoScaling, call: Call) -> Call:
    """Make a launch configuration."""
    name, there = call["LaunchConfigurationName"], service.account.launch_configurations
    if name in there:
        raise AutoScalingError("AlreadyExists", f"Launch Configuration by this name already exists: {name}")
    there[name] = LaunchConfiguration(
        name,
        call.get("InstanceType", "m1.small"),
        call.get("ImageId", "ami-0abcdef1234567890"),
        service.account.ec2.agenda.time(),
        call.get("SpotPrice", ""),
    )
    return {}


def describe_launch_configurations(service: AutoScaling, call: Call) -> Call:
    """Show launch configurations."""
    names, there = call.get("LaunchConfigurationNames", []), service.account.launch_configurations
    found = [there[name] for name in sorted(there) if not names or name in names]
    shown, following = page(found, call)
    items: list[Call] = [
        {
            "LaunchConfigurationName": each.name,
            "ImageId": each.image_id,
            "KeyName": "",
            "SecurityGroups": [],
            "UserData": "",
            "InstanceType": each.type,
            "BlockDeviceMappings": [],
            "SpotPrice": each.spot_price or None,
            "CreatedTime": each.created,
        }
        for each in shown
    ]
    return {"LaunchConfigurations": items, "NextToken": following}
