"""Groups of a matrix beside their stacks: AZRebalance, which no template can suspend and which ends instances
undrained; what instances there are; and the end of instances that were drained."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from addons.autoscaler.aws.calls import MOST_NAMES, chunks, listed
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Conflict, Invalid
from addons.runtime.permit import Permit

AZ_REBALANCE: Final = "AZRebalance"
_HELD: Final = "Terminating:Wait"
_LEAVING: Final = "Terminat"


@dataclass(frozen=True, slots=True)
class MatrixGroup:
    """A group as it is: its minimum, its desired capacity, its instances, and those of them that end; `held`:
    for which a lifecycle hook waits."""

    name: str
    least: int
    desired: int
    instances: tuple[str, ...]
    leaving: frozenset[str]
    held: frozenset[str]


async def rebalanced_and_missing(
    aws: AwsSession, names: Collection[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Those of the groups in which AZRebalance is not suspended, and those that are not there; by one call
    for 100. Raises OutsideError."""
    there = {each["AutoScalingGroupName"]: _rebalances(each) async for each in _groups(aws, names)}
    return frozenset(name for name, does in there.items() if does), frozenset(names) - there.keys()


async def groups_of(aws: AwsSession, names: Iterable[str]) -> dict[str, MatrixGroup]:
    """The groups that there are, by name; by one call for 100. Raises OutsideError."""
    found = [_read(each) async for each in _groups(aws, names)]
    return {each.name: each for each in found}


async def end_instance(aws: AwsSession, instance: str, permit: Permit, *, shrinks: bool = True) -> None:
    """End an instance; one that ends already is as it should be. Its group wants one less then if it
    `shrinks`, else AWS replaces the instance.

    Raises OutsideError.
    """
    try:
        await aws.call(
            "autoscaling",
            "terminate_instance_in_auto_scaling_group",
            InstanceId=instance,
            ShouldDecrementDesiredCapacity=shrinks,
            permit=permit,
        )
    except (Conflict, Invalid) as error:
        if not isinstance(error, Conflict) and "not found" not in error.message.lower():
            raise


async def let_end(aws: AwsSession, group: str, instance: str, hook: str, permit: Permit) -> None:
    """Tell a hook that nothing is left to wait for; one that waits no more is as it should be.

    Raises OutsideError.
    """
    try:
        await aws.call(
            "autoscaling",
            "complete_lifecycle_action",
            AutoScalingGroupName=group,
            LifecycleHookName=hook,
            InstanceId=instance,
            LifecycleActionResult="CONTINUE",
            permit=permit,
        )
    except Invalid as error:
        if "no active lifecycle action" not in error.message.lower():
            raise


def _read(group: Mapping[str, Any]) -> MatrixGroup:
    members = {each["InstanceId"]: each.get("LifecycleState", "") for each in group.get("Instances", ())}
    return MatrixGroup(
        name=group["AutoScalingGroupName"],
        least=group["MinSize"],
        desired=group["DesiredCapacity"],
        instances=tuple(sorted(members)),
        leaving=frozenset(each for each, state in members.items() if state.startswith(_LEAVING)),
        held=frozenset(each for each, state in members.items() if state == _HELD),
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
