"""What the daemon calls of AWS, how fast, and how long it waits for an answer."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from addons.runtime.bucket import Rate
from addons.runtime.errors import Unavailable

T = TypeVar("T")

OPERATIONS: Final = {
    "autoscaling": (
        "CompleteLifecycleAction",
        "DescribeAutoScalingGroups",
        "DescribeLaunchConfigurations",
        "DescribeScalingActivities",
        "RecordLifecycleActionHeartbeat",
        "SetDesiredCapacity",
        "TerminateInstanceInAutoScalingGroup",
    ),
    "ec2": (
        "DescribeInstanceTypes",
        "DescribeInstances",
        "DescribeLaunchTemplateVersions",
        "DescribeSubnets",
        "GetInstanceTypesFromInstanceRequirements",
    ),
    "eks": ("DescribeNodegroup",),
    "sqs": ("DeleteMessage", "ReceiveMessage"),
}
"""All that is ever called: what the session needs to know of AWS, and the policy to allow."""

RATES: Final = {
    "autoscaling:set_desired_capacity": Rate(per_second=10, burst=50, tries=1),
    "autoscaling:terminate_*": Rate(per_second=10, burst=50, tries=1),
    "autoscaling:*_lifecycle_*": Rate(per_second=10, burst=50, tries=2),
    "autoscaling:describe_auto_scaling_groups": Rate(per_second=10, burst=60, tries=2),
    "autoscaling:describe_scaling_activities": Rate(per_second=10, burst=40, tries=2),
    "autoscaling": Rate(per_second=5, burst=20, tries=2),
    "ec2:*instance_types*": Rate(per_second=2, burst=10, tries=2),
    "ec2:describe_launch_template_versions": Rate(per_second=20, burst=100, tries=2),
    "ec2": Rate(per_second=5, burst=20, tries=2),
    "eks": Rate(per_second=5, burst=20, tries=2),
    "sqs": Rate(per_second=10, burst=20, tries=2),
}
"""Orders wait for nothing but other orders. What is throttled is not tried over and over here: the group has
failed this once, rests for itself, and the others go on."""

CALL_SECONDS: Final = 12.0
"""What has not been answered after so long counts as failed."""

MOST_NAMES: Final = 100
"""Groups, types or subnets in one call."""


@asynccontextmanager
async def in_time(what: str, seconds: float = CALL_SECONDS) -> AsyncIterator[None]:
    """Give what is called no longer than this; raises Unavailable with the code Timeout after it."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable(f"{what}: no answer within {seconds:.0f} s", code="Timeout") from error


def listed(reply: Mapping[str, Any], field: str) -> list[Any]:
    """The list in an answer that always has it; raises Unavailable where it does not."""
    found = reply.get(field)
    if not isinstance(found, list):
        raise Unavailable(f"an answer of AWS has no {field}", code="UnreadableAnswer")
    return found


def chunks(values: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """The values in order, in parts of so many."""
    listed = list(values)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]
