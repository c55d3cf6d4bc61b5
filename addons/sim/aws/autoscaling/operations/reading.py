"""What calls say about a new group: what it launches, where, and its tags."""

from typing import Any

from addons.sim.aws.autoscaling.account import Account
from addons.sim.aws.autoscaling.errors import AutoScalingError, invalid
from addons.sim.aws.autoscaling.model import Group, Mix, Override, Tag, TemplateRef
from addons.sim.aws.ec2.errors import Ec2Error
from addons.sim.aws.ec2.operations.launch_templates import resolve

Call = dict[str, Any]
_SOURCES = ("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy", "InstanceId")
_MOST_TAGS, _LONGEST_KEY, _LONGEST_VALUE = 50, 128, 256


def set_source(account: Account, group: Group, call: Call) -> None:
    """Set what a group launches, when the call says so; one way of saying it excludes the others."""
    given = [name for name in _SOURCES if name in call]
    if not given:
        return
    if len(given) > 1:
        names = "LaunchConfigurationName, LaunchTemplate, InstanceId or MixedInstancesPolicy parameter"
        raise invalid(f"Valid requests must contain either {names}")
    template, mix, configuration = None, None, ""
    if "LaunchTemplate" in call:
        template = _template(account, call["LaunchTemplate"])
    elif "MixedInstancesPolicy" in call:
        mix = _mix(account, call["MixedInstancesPolicy"])
    elif (configuration := call.get("LaunchConfigurationName", "")) not in account.launch_configurations:
        raise invalid(f"Launch configuration name not found - Launch configuration {configuration} not found")
    group.template, group.mix, group.launch_configuration = template, mix, configuration


def _template(account: Account, call: Call) -> TemplateRef:
    id_, name = call.get("LaunchTemplateId", ""), call.get("LaunchTemplateName", "")
    if bool(id_) == bool(name):
        raise invalid(
            "Valid requests must contain either launchTemplateId or LaunchTemplateName, but not both"
        )
    version = call.get("Version", "$Default")
    try:
        template = account.ec2.account.launch_template(id_, name)
        resolve(template, version)
    except Ec2Error as error:
        raise invalid(f"You must use a valid fully-formed launch template. {error.message}") from None
    return TemplateRef(template.id, template.name, version)


def _mix(account: Account, call: Call) -> Mix:
    launch = call.get("LaunchTemplate", {})
    template = _template(account, launch.get("LaunchTemplateSpecification", {}))
    distribution = call.get("InstancesDistribution", {})
    base = distribution.get("OnDemandBaseCapacity", 0)
    percent = distribution.get("OnDemandPercentageAboveBaseCapacity", 100)
    if not 0 <= percent <= 100:
        raise invalid("OnDemandPercentageAboveBaseCapacity must be between 0 and 100")
    overrides = tuple(_override(account, each) for each in launch.get("Overrides", ()))
    return Mix(template, overrides, base, percent, distribution)


def _override(account: Account, call: Call) -> Override:
    own = call.get("LaunchTemplateSpecification")
    return Override(
        call.get("InstanceType", ""),
        int(call.get("WeightedCapacity", 1)),
        _template(account, own) if own else None,
        call.get("InstanceRequirements"),
    )


def set_subnets(account: Account, group: Group, call: Call) -> None:
    """Set where a group launches, when the call says so."""
    if "VPCZoneIdentifier" in call:
        ids = [id_.strip() for id_ in call["VPCZoneIdentifier"].split(",") if id_.strip()]
        if absent := [id_ for id_ in ids if id_ not in account.ec2.account.subnets]:
            raise invalid(f"The subnet ID '{absent[0]}' does not exist")
        zones = {account.ec2.account.subnets[id_].zone for id_ in ids}
        if not zones <= set(call.get("AvailabilityZones") or zones):
            raise invalid(
                "The availability zones of the specified subnets and the Auto Scaling group do not match"
            )
        group.subnets = tuple(ids)
    elif "AvailabilityZones" in call:
        subnets = account.ec2.account.subnets.values()
        found = {
            subnet.zone: subnet.id for subnet in subnets if subnet.zone in set(call["AvailabilityZones"])
        }
        group.subnets = tuple(found.values())


def set_tags(group: Group, items: list[Call]) -> None:
    """Set some tags of a group."""
    tags = dict(group.tags)
    for item in items:
        key, value = item["Key"], item.get("Value", "")
        if not 1 <= len(key) <= _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            raise invalid(
                f"1 validation error detected: the key or the value of the tag {key[:40]} is too long"
            )
        if key.startswith("aws:"):
            raise invalid("aws: prefixed tag key names are not allowed for external use.")
        tags[key] = Tag(value, bool(item.get("PropagateAtLaunch", False)))
    if sum(not key.startswith("aws:") for key in tags) > _MOST_TAGS:
        raise AutoScalingError("LimitExceeded", f"You may not have more than {_MOST_TAGS} tags per resource")
    group.tags = tags


def check_sizes(group: Group) -> None:
    """Refuse sizes that contradict each other."""
    if group.least > group.most:
        raise invalid("Min size cannot be greater than max size")
    if group.least < 0:
        raise invalid("Min bound, 0, must be lower than or equal to the min size")
    if group.desired > group.most:
        raise invalid(
            f"Desired capacity:{group.desired} must be between the specified min size:{group.least} and "
            f"max size:{group.most}"
        )
    if group.desired < group.least:
        raise invalid(
            f"Desired capacity:{group.desired} must be between the specified min size:{group.least} and "
            f"max size:{group.most}"
        )
