"""Instances of groups, their activities, and the hooks that they wait at."""

from typing import Any

from addons.sim.aws.autoscaling.errors import AutoScalingError, invalid
from addons.sim.aws.autoscaling.model import LAUNCHING, TERMINATING, Group, Hook, Member
from addons.sim.aws.autoscaling.operations.filters import passes
from addons.sim.aws.autoscaling.operations.reading import set_tags
from addons.sim.aws.autoscaling.operations.shapes import (
    activity_shape,
    hook_shape,
    instance_shape,
    tag_shapes,
)
from addons.sim.aws.autoscaling.paging import page
from addons.sim.aws.autoscaling.state import AutoScaling

Call = dict[str, Any]
_LONGEST_ACTIVITIES = 100


def describe_auto_scaling_instances(service: AutoScaling, call: Call) -> Call:
    """Show instances of all groups, or some by their ids."""
    ids = call.get("InstanceIds", [])
    found = [
        instance_shape(group, member)
        for group in service.groups.values()
        for member in group.members.values()
        if not ids or member.id in ids
    ]
    shown, following = page(found, call, largest=50)
    return {"AutoScalingInstances": shown, "NextToken": following}


def terminate_instance(service: AutoScaling, call: Call) -> Call:
    """End an instance by its id; with the decrement it is not replaced, but no group goes below its least."""
    group, member = service.account.member(call["InstanceId"])
    decrements = call["ShouldDecrementDesiredCapacity"]
    if member.is_leaving:
        raise AutoScalingError(
            "ScalingActivityInProgress", f"Instance {member.id} is already in the state {member.state}."
        )
    if decrements and group.desired - member.weight < group.least:
        raise invalid(
            f"Currently, desiredSize equals minSize ({group.least}). Terminating instance without "
            "replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity "
            "flag to false or lower group's min size."
        )
    before = group.desired
    if decrements:
        group.desired -= member.weight
    now = service.account.ec2.agenda.time().strftime("%Y-%m-%dT%H:%M:%SZ")
    cause = f"At {now} instance {member.id} was taken out of service in response to a user request"
    if decrements:
        cause += f", shrinking the capacity from {before} to {group.desired}"
    return {"Activity": activity_shape(service.actuator.terminate(group, member, f"{cause}."))}


def set_instance_protection(service: AutoScaling, call: Call) -> Call:
    """Keep instances when the group shrinks by itself, or no longer."""
    group = service.account.group(call["AutoScalingGroupName"])
    members = [_member(service, group, id_) for id_ in call["InstanceIds"]]
    for member in members:
        if member.state != "InService":
            raise invalid(f"The instance {member.id} is not in InService or Standby state")
    for member in members:
        member.is_protected = call["ProtectedFromScaleIn"]
    return {}


def set_instance_health(service: AutoScaling, call: Call) -> Call:
    """Say how an instance is; an unhealthy one is replaced."""
    group, member = service.account.member(call["InstanceId"])
    if call["HealthStatus"] not in ("Healthy", "Unhealthy"):
        raise invalid("Valid health states are Healthy and Unhealthy")
    member.is_healthy = call["HealthStatus"] == "Healthy"
    service.actuator.look_soon(group)
    return {}


def describe_scaling_activities(service: AutoScaling, call: Call) -> Call:
    """Show activities, the newest first, of one group or of all."""
    name, ids = call.get("AutoScalingGroupName", ""), call.get("ActivityIds", [])
    if name:
        service.account.group(name)
    there = reversed(service.account.activities)
    found = [each for each in there if name in ("", each.group) and (not ids or each.id in ids)]
    shown, following = page(found, call, usual=_LONGEST_ACTIVITIES, largest=_LONGEST_ACTIVITIES)
    return {"Activities": list(map(activity_shape, shown)), "NextToken": following}


def put_lifecycle_hook(service: AutoScaling, call: Call) -> Call:
    """Make or change a hook."""
    group = service.account.group(call["AutoScalingGroupName"])
    name = call["LifecycleHookName"]
    old = group.hooks.get(name)
    transition = call.get("LifecycleTransition", old.transition if old else "")
    if transition not in (LAUNCHING, TERMINATING):
        raise invalid(f"Invalid lifecycle transition: {transition or 'none was given'}")
    seconds = call.get("HeartbeatTimeout", old.heartbeat_seconds if old else 3600)
    if not 30 <= seconds <= 7200:
        raise invalid("HeartbeatTimeout must be between 30 and 7200 seconds")
    default = call.get("DefaultResult", old.default_result if old else "ABANDON")
    if default not in ("CONTINUE", "ABANDON"):
        raise invalid(f"DefaultResult must be CONTINUE or ABANDON, not {default}")
    longest = min(172_800, 100 * seconds)
    metadata = call.get("NotificationMetadata", old.metadata if old else "")
    group.hooks[name] = Hook(name, transition, seconds, longest, default, metadata)
    return {}


def describe_lifecycle_hooks(service: AutoScaling, call: Call) -> Call:
    """Show the hooks of a group."""
    group = service.account.group(call["AutoScalingGroupName"])
    names = call.get("LifecycleHookNames", [])
    found = [hook for hook in group.hooks.values() if not names or hook.name in names]
    return {"LifecycleHooks": [hook_shape(group, hook) for hook in found]}


def delete_lifecycle_hook(service: AutoScaling, call: Call) -> Call:
    """Delete a hook; what waits at it goes on."""
    group = service.account.group(call["AutoScalingGroupName"])
    hook = _hook(group, call["LifecycleHookName"])
    del group.hooks[hook.name]
    for member in list(group.members.values()):
        if member.waiting and member.waiting.hook.name == hook.name:
            service.actuator.go_on(group, member, "CONTINUE")
    return {}


def complete_lifecycle_action(service: AutoScaling, call: Call) -> Call:
    """Let an instance that waits go on."""
    result = call["LifecycleActionResult"]
    if result not in ("CONTINUE", "ABANDON"):
        raise invalid(f"LifecycleActionResult must be CONTINUE or ABANDON, not {result}")
    group, member = _waiting(service, call)
    service.actuator.go_on(group, member, result)
    return {}


def record_lifecycle_action_heartbeat(service: AutoScaling, call: Call) -> Call:
    """Let an instance wait for longer."""
    group, member = _waiting(service, call)
    service.actuator.beat(group, member)
    return {}


def _waiting(service: AutoScaling, call: Call) -> tuple[Group, Member]:
    group = service.account.group(call["AutoScalingGroupName"])
    hook = _hook(group, call["LifecycleHookName"])
    token, id_ = call.get("LifecycleActionToken", ""), call.get("InstanceId", "")
    for member in group.members.values():
        waiting = member.waiting
        if waiting and waiting.hook.name == hook.name and (token == waiting.token or id_ == member.id):
            return group, member
    what = f"instance ID {id_}" if id_ else f"token {token}"
    raise invalid(f"No active Lifecycle Action found with {what}")


def _hook(group: Group, name: str) -> Hook:
    if name not in group.hooks:
        raise invalid(f"Lifecycle hook not found - no hook {name} for the group {group.name}")
    return group.hooks[name]


def _member(service: AutoScaling, group: Group, id_: str) -> Member:
    if id_ not in group.members:
        raise invalid(f"The instance {id_} is not part of Auto Scaling group {group.name}.")
    return group.members[id_]


def create_or_update_tags(service: AutoScaling, call: Call) -> Call:
    """Set tags of groups."""
    for item in call["Tags"]:
        set_tags(service.account.group(item.get("ResourceId", "")), [item])
    return {}


def delete_tags(service: AutoScaling, call: Call) -> Call:
    """Take tags from groups."""
    for item in call["Tags"]:
        service.account.group(item.get("ResourceId", "")).tags.pop(item["Key"], None)
    return {}


def describe_tags(service: AutoScaling, call: Call) -> Call:
    """Show tags of groups."""
    filters = call.get("Filters", ())
    found = [
        shape
        for group in service.groups.values()
        for shape in tag_shapes(group)
        if passes(group, shape["Key"], group.tags[shape["Key"]], filters)
    ]
    shown, following = page(found, call)
    return {"Tags": shown, "NextToken": following}
