"""Groups of a matrix beside their stacks: whether AZRebalance, which no template can suspend and which ends
instances undrained, is suspended, and whether a group is empty."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

from addons.autoscaler.aws.calls import MOST_NAMES, chunks, listed
from addons.runtime.aws import AwsSession
from addons.runtime.permit import Permit

AZ_REBALANCE: Final = "AZRebalance"


async def rebalanced_groups(aws: AwsSession, names: Iterable[str]) -> frozenset[str]:
    """Those of the groups in which AZRebalance is not suspended; by one call for 100. Raises OutsideError."""
    return frozenset(
        [each["AutoScalingGroupName"] async for each in _groups(aws, names) if _rebalances(each)]
    )


async def instances_in(aws: AwsSession, name: str) -> int:
    """How many instances a group has; 0 where there is no such group. Raises OutsideError."""
    return sum([len(each.get("Instances", ())) async for each in _groups(aws, [name])])


async def suspend_rebalancing(aws: AwsSession, name: str, permit: Permit) -> None:
    """Suspend AZRebalance in a group; where it is suspended nothing happens. Raises OutsideError."""
    await aws.call(
        "autoscaling",
        "suspend_processes",
        AutoScalingGroupName=name,
        ScalingProcesses=[AZ_REBALANCE],
        permit=permit,
    )


def _rebalances(group: Mapping[str, Any]) -> bool:
    return AZ_REBALANCE not in {each.get("ProcessName") for each in group.get("SuspendedProcesses", ())}


async def _groups(aws: AwsSession, names: Iterable[str]) -> AsyncIterator[Mapping[str, Any]]:
    for some in chunks(names, MOST_NAMES):
        pages = aws.pages(
            "autoscaling",
            "describe_auto_scaling_groups",
            AutoScalingGroupNames=list(some),
            MaxRecords=MOST_NAMES,
        )
        async for page in pages:
            for group in listed(page, "AutoScalingGroups"):
                yield group
