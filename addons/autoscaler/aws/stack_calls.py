"""What the commands of the matrix call of AWS, and how fast: the daemon calls none of it for them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, repeat
from typing import Final

from addons.runtime.bucket import Rate
from addons.runtime.errors import Invalid, OutsideError, Unavailable, Withheld
from addons.runtime.permit import STOPPING, Permit

OPERATIONS: Final = {
    "autoscaling": (
        "CompleteLifecycleAction",
        "DescribeAutoScalingGroups",
        "DescribeScalingActivities",
        "SetDesiredCapacity",
        "SuspendProcesses",
        "TerminateInstanceInAutoScalingGroup",
    ),
    "cloudformation": (
        "CreateChangeSet",
        "DeleteChangeSet",
        "DeleteStack",
        "DescribeChangeSet",
        "DescribeStackEvents",
        "DescribeStacks",
        "ExecuteChangeSet",
        "GetTemplate",
        "UpdateTerminationProtection",
    ),
    "ec2": ("DescribeInstances", "DescribeLaunchTemplateVersions"),
    "ssm": ("GetParameters",),
}
"""All that is ever called: what the session needs to know of AWS, and the policy to allow."""

RATES: Final = {
    "cloudformation:describe_*": Rate(per_second=5, burst=10, tries=8),
    "cloudformation": Rate(per_second=3, burst=6, tries=8),
    "autoscaling": Rate(per_second=5, burst=10, tries=8),
    "ec2": Rate(per_second=5, burst=20, tries=8),
    "ssm": Rate(per_second=5, burst=10, tries=8),
}
"""CloudFormation is shared with all who deploy in the account, so nobody hurries; a call that is throttled is
made again at a lower rate."""

_FIRST_LOOKS: Final = (1.0, 2.0, 3.0)
_LATER_LOOKS: Final = 5.0
_LOOKS: Final = 360
"""Half an hour in all: no stack of a matrix takes so long."""


async def looks(what: str, permit: Permit) -> AsyncIterator[None]:
    """Give turns to look whether something has come to its end, with pauses that a stop cuts short.

    Raises Withheld after a stop, and Unavailable with the code StillGoing when it takes too long.
    """
    yield
    for seconds in chain(_FIRST_LOOKS, repeat(_LATER_LOOKS, _LOOKS)):
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await permit.stopping.wait()
        if refusal := permit.refusal_to_send():
            raise refusal
        yield
    raise Unavailable(
        f"{what}: still not over after 30 minutes: it goes on, run this again", code="StillGoing"
    )


@contextmanager
def left_by_a_stop(what: str) -> Iterator[None]:
    """Where a stop ends what is done here, `what` goes on or is to be done still, and is told so.

    Raises Withheld with those words in place of the ones of the call that was not made.
    """
    try:
        yield
    except Withheld as error:
        if error.code != STOPPING:
            raise
        raise Withheld(f"told to stop: {what}", code=STOPPING) from None


def says_it_is_missing(error: OutsideError) -> bool:
    """Whether CloudFormation says that there is no such stack."""
    return isinstance(error, Invalid) and "does not exist" in error.message
