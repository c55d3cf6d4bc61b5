"""Stacks of CloudFormation: what there is, until when something is done with one, and how one goes."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from addons.autoscaler.aws.calls import listed
from addons.autoscaler.aws.stack_calls import left_by_a_stop, looks, says_it_is_missing
from addons.autoscaler.model.matrix import Stack
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Invalid, OutsideError
from addons.runtime.permit import Permit

GONE: Final = "DELETE_COMPLETE"
_MOVING: Final = ("busy", "going")
_STACK: Final = "AWS::CloudFormation::Stack"
_GROUP: Final = "AWS::AutoScaling::AutoScalingGroup"
_GOES_ON: Final = "CloudFormation goes on with its stack, and the next run looks what became of it"
_CONSEQUENCES: Final = ("cancelled", "The following resource(s) failed")
"""Failures that only say that something else failed."""


class Stacks:
    """The stacks of an account in a region. All of it raises OutsideError."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws

    async def all(self) -> list[Stack]:
        """All stacks, whosesoever, by one call for each page: their tags say whose they are."""
        pages = self._aws.pages("cloudformation", "describe_stacks")
        return [stack_of(each) async for page in pages for each in listed(page, "Stacks")]

    async def find(self, name: str) -> Stack | None:
        """A stack by its name or id; None where there is none, or not any more."""
        try:
            reply = await self._aws.call("cloudformation", "describe_stacks", StackName=name)
        except OutsideError as error:
            if says_it_is_missing(error):
                return None
            raise
        found = [stack_of(each) for each in listed(reply, "Stacks")]
        return next((each for each in found if each.status != GONE), None)

    async def settled(
        self,
        stack: str,
        permit: Permit,
        *,
        is_begun: bool = True,
        saw: Callable[[Stack], None] = lambda _: None,
    ) -> Stack | None:
        """Wait until nothing is being done with a stack; None when it is gone.

        Where what is waited for may not be `is_begun` yet, a stack that was never made is waited for, too.
        `saw` is called with each look at it that says to wait on. Raises Withheld after a stop.
        """
        waits_for = _MOVING if is_begun else (*_MOVING, "empty")
        with left_by_a_stop(_GOES_ON):
            async for _ in looks(f"stack {stack}", permit):
                found = await self.find(stack)
                if found is None or found.state not in waits_for:
                    break
                saw(found)
        return found

    async def remove(self, stack: Stack, permit: Permit) -> None:
        """Delete a stack, and wait until it is gone. Raises Invalid where it stays, with the cause."""
        name = stack.id or stack.name
        await self._aws.call("cloudformation", "delete_stack", StackName=name, permit=permit)
        left = await self.settled(name, permit)
        if left is not None:
            message = f"its stack could not be removed: {left.status}: {await self.cause(left)}"
            raise Invalid(message, code=left.status)

    async def protect(self, name: str, permit: Permit, *, is_protected: bool) -> None:
        """Turn termination protection on or off."""
        await self._aws.call(
            "cloudformation",
            "update_termination_protection",
            StackName=name,
            EnableTerminationProtection=is_protected,
            permit=permit,
        )

    async def template(self, stack: Stack) -> dict[str, Any]:
        """The template of a stack. Raises Invalid where it is no JSON, which all of ours are."""
        reply = await self._aws.call("cloudformation", "get_template", StackName=stack.id or stack.name)
        body = reply.get("TemplateBody", "")
        try:
            found = json.loads(body) if isinstance(body, str) else body
        except ValueError:
            raise Invalid("the template of its stack is not ours", code="StrangeTemplate") from None
        return dict(found)

    async def cause(self, stack: Stack) -> str:
        """Why the last thing that was done with a stack failed, in the words of its first failure."""
        reply = await self._aws.call(
            "cloudformation", "describe_stack_events", StackName=stack.id or stack.name
        )
        failures = list(_failures(listed(reply, "StackEvents")))
        causes = [each for each in failures if not any(word in each for word in _CONSEQUENCES)]
        return next(reversed(causes or failures), stack.reason or "its events do not say why")

    async def newest(self, stack: Stack) -> str:
        """What was last heard of a stack under way: of its group, where instances are waited for."""
        reply = await self._aws.call(
            "cloudformation", "describe_stack_events", StackName=stack.id or stack.name
        )
        event: Mapping[str, Any] = next(iter(listed(reply, "StackEvents")), {})
        heard = ""
        if event.get("ResourceType") == _GROUP and event.get("PhysicalResourceId"):
            heard = await self._launching(event["PhysicalResourceId"])
        parts = (event.get("LogicalResourceId", ""), heard or event.get("ResourceStatusReason", ""))
        return ": ".join(each for each in parts if each)

    async def _launching(self, group: str) -> str:
        """What the newest activity of a group says."""
        reply = await self._aws.call(
            "autoscaling", "describe_scaling_activities", AutoScalingGroupName=group, MaxRecords=1
        )
        newest: Mapping[str, Any] = next(iter(listed(reply, "Activities")), {})
        return str(newest.get("StatusMessage") or newest.get("Description", ""))


def _failures(events: list[Mapping[str, Any]]) -> Iterator[str]:
    """What failed since something was last begun by a user, the latest first, as events come."""
    for event in events:
        status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
        if status.endswith("_FAILED") and reason:
            yield f"{event.get('LogicalResourceId', '')}: {reason}"
        is_stack = event.get("ResourceType") == _STACK
        if is_stack and status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"):
            return


def stack_of(item: Mapping[str, Any]) -> Stack:
    """A stack as DescribeStacks shows it."""
    return Stack(
        name=item.get("StackName", ""),
        id=item.get("StackId", ""),
        status=item.get("StackStatus", ""),
        reason=item.get("StackStatusReason", ""),
        tags={each["Key"]: each.get("Value", "") for each in item.get("Tags", ())},
        is_protected=item.get("EnableTerminationProtection", False),
    )
