"""Orders to AWS: more instances for a group, or the end of one."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from addons.autoscaler.aws.calls import in_time
from addons.autoscaler.aws.groups import Groups
from addons.autoscaler.model.groups import Group
from addons.autoscaler.names import AT_MAX, MIN_SIZE
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Conflict, Exhausted, Invalid, OutsideError, Unavailable
from addons.runtime.outcomes import Outcome
from addons.runtime.permit import Permit

_FRESH_SECONDS: Final = 2.0
"""A view that is older is read again before an order."""


@dataclass(frozen=True, slots=True)
class Resize:
    """What was asked of a group: a size, or the end of `instance`. `desired` is what AWS was told, or has."""

    group: str
    target: int = 0
    instance: str = ""
    desired: int = 0


class Resizer:
    """Makes orders, one after the other for each group; none waits for those of another group.

    What AWS refuses, or does not answer, comes back as the error of the Outcome and is not tried again here.
    """

    def __init__(self, aws: AwsSession, groups: Groups) -> None:
        self._aws = aws
        self._groups = groups
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def raise_to(
        self, group: str, target: int, permit: Permit, *, by: int | None = None
    ) -> Outcome[Resize]:
        """Have a group want `target` instances, as far as its maximum permits, and by no more than `by` more.

        Never fewer than it wants already, whoever told it to: that is read anew before.
        """
        asked = Resize(group, target=target)
        async with self._locks[group]:
            try:
                return await self._raise(asked, by, permit)
            except OutsideError as error:
                return Outcome(asked, error)

    async def terminate(self, group: str, instance: str, permit: Permit) -> Outcome[Resize]:
        """End an instance of a group, and have the group want one less.

        One that is ending, or gone, is as it should be. Below the minimum of the group nothing is sent.
        """
        asked = Resize(group, instance=instance)
        async with self._locks[group]:
            try:
                return await self._terminate(asked, permit)
            except OutsideError as error:
                return Outcome(asked, error)

    async def _raise(self, asked: Resize, by: int | None, permit: Permit) -> Outcome[Resize]:
        group = await self._fresh(asked.group)
        enough = asked.target if by is None else min(asked.target, group.desired + by)
        desired = min(enough, group.max_size)
        if group.desired >= desired:
            if group.desired < enough:
                message = f"group {group.name}: {group.desired} are wanted already, {group.max_size} is most"
                return Outcome(asked, Exhausted(message, code=AT_MAX))
            return Outcome(Resize(asked.group, asked.target, desired=group.desired))
        await self._change(
            "set_desired_capacity",
            asked.group,
            permit,
            AutoScalingGroupName=asked.group,
            DesiredCapacity=desired,
            HonorCooldown=False,
        )
        self._groups.ordered(asked.group, desired)
        return Outcome(Resize(asked.group, asked.target, desired=desired))

    async def _terminate(self, asked: Resize, permit: Permit) -> Outcome[Resize]:
        group = await self._fresh(asked.group)
        found = next((each for each in group.instances if each.id == asked.instance), None)
        if found is None or found.is_leaving:
            return Outcome(Resize(asked.group, instance=asked.instance, desired=group.desired))
        if group.desired <= group.min_size:
            message = (
                f"group {group.name}: {asked.instance} stays: {group.desired} are wanted, "
                f"and {group.min_size} is least"
            )
            return Outcome(asked, Invalid(message, code=MIN_SIZE))
        try:
            await self._change(
                "terminate_instance_in_auto_scaling_group",
                asked.group,
                permit,
                InstanceId=asked.instance,
                ShouldDecrementDesiredCapacity=True,
            )
        except Invalid as error:
            if not says_it_is_gone(error):
                raise
        except Conflict:
            if not await self._is_leaving(asked):
                raise
        self._groups.ended(asked.group, asked.instance)
        return Outcome(Resize(asked.group, instance=asked.instance, desired=group.desired - 1))

    async def _is_leaving(self, asked: Resize) -> bool:
        """Whether somebody else ended an instance before us. Raises OutsideError."""
        group = await self._groups.read(asked.group)
        return not any(each.id == asked.instance and not each.is_leaving for each in group.instances)

    async def _change(self, operation: str, group: str, permit: Permit, **arguments: Any) -> None:
        """Make a call; whatever comes of it, the group is read again at once."""
        try:
            async with in_time(f"group {group}: {operation}"):
                await self._aws.call("autoscaling", operation, permit=permit, **arguments)
        finally:
            self._groups.hurry(group)

    async def _fresh(self, name: str) -> Group:
        """The group as AWS has it now. Raises OutsideError."""
        if self._groups.age(name) > _FRESH_SECONDS:
            await self._groups.read(name)
        group = self._groups.view.get(name)
        if group is None or self._groups.age(name) > _FRESH_SECONDS:
            message = f"group {name}: what AWS says of it is not understood"
            raise Unavailable(message, code="GroupUnreadable")
        return group


def says_it_is_gone(error: OutsideError) -> bool:
    """Whether AWS says that a group has no such instance any more."""
    return "not found" in error.message.lower() and "instance" in error.message.lower()
