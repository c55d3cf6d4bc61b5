"""AWS::AutoScaling::AutoScalingGroup: changed in place, with its instances; only another name replaces it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from addons.sim.aws.autoscaling.model import Group, Tag
from addons.sim.aws.autoscaling.operations import groups, instances
from addons.sim.aws.autoscaling.operations.shapes import group_arn
from addons.sim.aws.autoscaling.state import AutoScaling
from addons.sim.aws.cloudformation.errors import HandlerFailed
from addons.sim.aws.cloudformation.kinds.kind import Kind, Properties, Request, generated_name, system_tags
from addons.sim.aws.cloudformation.kinds.typed import text, typed
from addons.sim.aws.cloudformation.model import Recreation

_IN_PLACE = (
    *("AvailabilityZones", "AvailabilityZoneDistribution", "AvailabilityZoneIds"),
    *("AvailabilityZoneImpairmentPolicy", "CapacityRebalance", "CapacityReservationSpecification"),
    *("Context", "Cooldown", "DefaultInstanceWarmup"),
    *("DeletionProtection", "DesiredCapacity", "DesiredCapacityType"),
    *("HealthCheckGracePeriod", "HealthCheckType", "InstanceLifecyclePolicy"),
    *("InstanceMaintenancePolicy", "LifecycleHookSpecificationList", "LoadBalancerNames"),
    *("MaxInstanceLifetime", "MaxSize", "MetricsCollection"),
    *("MinSize", "NewInstancesProtectedFromScaleIn", "NotificationConfiguration"),
    *("NotificationConfigurations", "PlacementGroup", "ServiceLinkedRoleARN"),
    *("SkipZonalShiftValidation", "Tags", "TargetGroupARNs"),
    *("TerminationPolicies", "TrafficSources"),
)
_MAYBE = ("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy", "VPCZoneIdentifier")
_SIZES = ("MinSize", "MaxSize", "DesiredCapacity")
_NOT_SENT = (
    *("Cooldown", "LifecycleHookSpecificationList", "MetricsCollection", "NotificationConfiguration"),
    *("NotificationConfigurations", "SkipZonalShiftValidation", "Tags", "VPCZoneIdentifier"),
)


class GroupKind(Kind):
    """Groups of the simulated Auto Scaling; Ref gives the name.

    A change of what is launched, or where, counts as Conditionally, since an UpdatePolicy can ask for a
    replacement. `poll_seconds` and `patience_seconds` are asked each time.
    """

    type = "AWS::AutoScaling::AutoScalingGroup"
    properties: ClassVar[Mapping[str, Recreation]] = {
        **dict.fromkeys(_IN_PLACE, "Never"),
        **dict.fromkeys(_MAYBE, "Conditionally"),
        "AutoScalingGroupName": "Always",
        "InstanceId": "Always",
    }
    required = ("MinSize", "MaxSize")
    identity = ("AutoScalingGroupName",)
    attributes = ("AutoScalingGroupARN",)
    is_taggable = True

    def __init__(self, service: AutoScaling, waits: Callable[[], tuple[float, float]]) -> None:
        self._service = service
        self._waits = waits

    def create(self, request: Request) -> str:
        """Make a group, tagged before it launches anything; its name."""
        name = str(request.properties.get("AutoScalingGroupName", generated_name(request)))
        call = {**_call(request.properties), "AutoScalingGroupName": name, "Tags": _tags(request)}
        reserved = {key: Tag(value, True) for key, value in system_tags(request).items()}
        groups.create_auto_scaling_group(self._service, call, reserved=reserved)
        for hook in request.properties.get("LifecycleHookSpecificationList", []):
            call = typed("autoscaling", "LifecycleHookSpecification", hook)
            instances.put_lifecycle_hook(self._service, {**call, "AutoScalingGroupName": name})
        return name

    def stabilize(self, physical_id: str) -> Iterator[float]:
        """Wait until as many instances are in service as are wanted."""
        group = self._service.groups[physical_id]
        yield from self._wait(group, lambda: _in_service(group) >= group.desired)
        if group.is_deleted:
            raise HandlerFailed(f"AutoScalingGroup '{physical_id}' not found")

    def update(self, physical_id: str, before: Request, after: Request) -> None:
        """Change what the properties say; a capacity that they do not name stays."""
        call = _call(after.properties)
        if after.keeps_sizes:
            for name in _SIZES:
                if text(before.properties.get(name)) == text(after.properties.get(name)):
                    call.pop(name, None)
        call["AutoScalingGroupName"] = physical_id
        groups.update_auto_scaling_group(self._service, call)
        old = {tag["Key"] for tag in _tags(before)}
        new = _tags(after)
        tags = [{**tag, "ResourceId": physical_id, "ResourceType": "auto-scaling-group"} for tag in new]
        gone = [{"Key": key, "ResourceId": physical_id} for key in old - {tag["Key"] for tag in new}]
        instances.delete_tags(self._service, {"Tags": gone})
        instances.create_or_update_tags(self._service, {"Tags": tags})

    def delete(self, physical_id: str, properties: Properties) -> Iterator[float]:
        """End the instances, wait for it, and delete the group."""
        group = self._service.groups.get(physical_id)
        if group is None:
            return
        sizes = dict.fromkeys(_SIZES, 0)
        groups.update_auto_scaling_group(self._service, {"AutoScalingGroupName": physical_id, **sizes})
        yield from self._wait(group, lambda: not group.members)
        if not group.is_deleted:
            groups.delete_auto_scaling_group(self._service, {"AutoScalingGroupName": physical_id})

    def read(self, physical_id: str) -> Mapping[str, str]:
        """Give the ARN."""
        return {"AutoScalingGroupARN": group_arn(physical_id)}

    def actual(self, physical_id: str, expected: Properties) -> Properties | None:
        """Give sizes, tags and subnets as the group has them."""
        group = self._service.groups.get(physical_id)
        if group is None:
            return None
        live: dict[str, Any] = {
            "MinSize": str(group.least),
            "MaxSize": str(group.most),
            "DesiredCapacity": str(group.desired),
            "VPCZoneIdentifier": list(group.subnets),
        }
        if group.template and (given := expected.get("LaunchTemplate")):
            has = {
                "LaunchTemplateId": group.template.id,
                "LaunchTemplateName": group.template.name,
                "Version": group.template.version,
            }
            live["LaunchTemplate"] = {name: has[name] for name in given}
        if given := expected.get("Tags"):
            live["Tags"] = [
                {
                    "Key": tag["Key"],
                    "Value": group.tags[tag["Key"]].value,
                    "PropagateAtLaunch": group.tags[tag["Key"]].is_propagated,
                }
                for tag in given
                if tag["Key"] in group.tags
            ]
        return {name: live.get(name, value) for name, value in expected.items()}

    def _wait(self, group: Group, is_done: Callable[[], bool]) -> Iterator[float]:
        waited = 0.0
        while not is_done() and not group.is_deleted:
            poll, patience = self._waits()
            if waited >= patience:
                sizes = f"{_in_service(group)}/{group.least}/{group.most}"
                raise HandlerFailed(
                    f"Group did not stabilize. {{current/minimum/maximum group size: {sizes}}}."
                )
            waited += poll
            yield poll


def _in_service(group: Group) -> int:
    return sum(member.weight for member in group.members.values() if member.state == "InService")


def _call(properties: Properties) -> dict[str, Any]:
    """Give the arguments for the API: the same names, but for the subnets and the cooldown."""
    given = {name: value for name, value in properties.items() if name not in _NOT_SENT}
    if "VPCZoneIdentifier" in properties:
        given["VPCZoneIdentifier"] = ",".join(map(str, properties["VPCZoneIdentifier"]))
    if "Cooldown" in properties:
        given["DefaultCooldown"] = properties["Cooldown"]
    return typed("autoscaling", "CreateAutoScalingGroupType", given)


def _tags(request: Request) -> list[dict[str, Any]]:
    """Give the tags of the stack, which instances get too, and over them those of the properties."""
    tags = {
        key: {"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in request.tags.items()
    }
    for tag in request.properties.get("Tags", []):
        if "PropagateAtLaunch" not in tag:
            raise HandlerFailed("[#/Tags/0: required key [PropagateAtLaunch] not found]")
        tags[str(tag.get("Key"))] = typed("autoscaling", "Tag", tag)
    return list(tags.values())
