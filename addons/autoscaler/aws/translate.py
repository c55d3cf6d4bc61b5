"""What DescribeAutoScalingGroups says, as the values of the model."""

from collections.abc import Mapping
from typing import Any

from addons.autoscaler.model.groups import Group, Instance
from addons.autoscaler.model.specs import NamedGroup

Item = Mapping[str, Any]

UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
"""What is raised on the way through an answer that is not what it should be."""


def group_from_api(item: Item, wanted: NamedGroup | None, observed: float) -> Group:
    """Read one group, but for what it launches. Raises one of UNREADABLE.

    `wanted` are the limits of --nodes; what they and AWS's own permit both counts.
    """
    least, most, problems = limits_of(item["MinSize"], item["MaxSize"], wanted)
    zones = tuple(item["AvailabilityZones"])
    suspended = frozenset(each["ProcessName"] for each in item.get("SuspendedProcesses") or ())
    if len(zones) > 1 and "AZRebalance" not in suspended:
        problems += (f"AZRebalance is not suspended: AWS may end nodes to even out {len(zones)} zones",)
    return Group(
        name=item["AutoScalingGroupName"],
        min_size=least,
        max_size=most,
        desired=int(item["DesiredCapacity"]),
        instances=tuple(sorted(map(_instance, item.get("Instances") or ()), key=lambda each: each.id)),
        zones=zones,
        subnets=tuple(
            filter(None, (each.strip() for each in (item.get("VPCZoneIdentifier") or "").split(",")))
        ),
        tags={each["Key"]: each.get("Value") or "" for each in item.get("Tags") or ()},
        suspended=suspended,
        problems=problems,
        observed=observed,
    )


def limits_of(least: int, most: int, wanted: NamedGroup | None) -> tuple[int, int, tuple[str, ...]]:
    """Minimum and maximum that both permit, and what of --nodes is not usable, in words."""
    if wanted is None:
        return least, most, ()
    setting = f"--nodes={wanted.min_size}:{wanted.max_size}:{wanted.name}"
    problems: tuple[str, ...] = ()
    if wanted.max_size > most or wanted.min_size < least:
        problems = (f"{setting}: the group itself has {least} to {most}, which counts too",)
    lowest = min(max(least, wanted.min_size), most)
    return lowest, max(lowest, min(most, wanted.max_size)), problems


def _instance(item: Item) -> Instance:
    template = item.get("LaunchTemplate") or {}
    version = f"{template.get('LaunchTemplateId', '')}:{template.get('Version', '')}" if template else ""
    return Instance(
        id=item["InstanceId"],
        zone=item.get("AvailabilityZone") or "",
        type=item.get("InstanceType") or "",
        state=item["LifecycleState"],
        is_healthy=item.get("HealthStatus", "Healthy").lower() == "healthy",
        is_protected=bool(item.get("ProtectedFromScaleIn")),
        launch_template=version or item.get("LaunchConfigurationName") or "",
    )
