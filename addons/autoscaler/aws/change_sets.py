"""Change sets: what a stack is to become, put together by CloudFormation first and carried out then."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from addons.autoscaler.aws.stack_calls import left_by_a_stop, looks
from addons.runtime.aws import AwsSession
from addons.runtime.errors import AlreadyExists, Invalid
from addons.runtime.permit import Permit

Kind = Literal["CREATE", "UPDATE"]

_NOTHING: Final = ("didn't contain changes", "No updates are to be performed")
"""Words by which CloudFormation says that a change set would change nothing."""
_BEING_MADE: Final = ("CREATE_PENDING", "CREATE_IN_PROGRESS")


class ChangeSets:
    """Makes change sets and carries them out. All of it raises OutsideError, and Withheld after a stop.

    The name of a change set is a digest of what it asks for: one that a killed run left is taken up again.
    """

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws

    async def make(
        self, stack: str, body: str, tags: Mapping[str, str], permit: Permit, *, kind: Kind
    ) -> str | None:
        """Make a change set and wait until it can be carried out: its name; None when nothing would change.

        Raises Invalid where CloudFormation cannot make it, with its words.
        """
        name = _name(kind, body, tags)
        try:
            await self._create(stack, name, body, tags, permit, kind)
        except AlreadyExists:
            if await self._is_usable(stack, name, permit):
                return name
            await self._delete(stack, name, permit)
            await self._create(stack, name, body, tags, permit, kind)
        made = await self._made(stack, name, permit)
        if made.get("Status") == "CREATE_COMPLETE":
            return name
        await self._delete(stack, name, permit)
        why = made.get("StatusReason", "no reason given")
        if any(words in why for words in _NOTHING):
            return None
        raise Invalid(f"no change set can be made: {why}", code="ChangeSetFailed")

    async def execute(self, stack: str, name: str, permit: Permit) -> None:
        """Begin to carry a change set out."""
        await self._aws.call(
            "cloudformation", "execute_change_set", StackName=stack, ChangeSetName=name, permit=permit
        )

    async def _create(
        self, stack: str, name: str, body: str, tags: Mapping[str, str], permit: Permit, kind: Kind
    ) -> None:
        await self._aws.call(
            "cloudformation",
            "create_change_set",
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=body,
            Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
            permit=permit,
        )

    async def _made(self, stack: str, name: str, permit: Permit) -> Mapping[str, Any]:
        found: Mapping[str, Any] = {}
        with left_by_a_stop("its change set is asked for and not carried out: the next run does that"):
            async for _ in looks(f"change set {name} of stack {stack}", permit):
                found = await self._aws.call(
                    "cloudformation", "describe_change_set", StackName=stack, ChangeSetName=name
                )
                if found.get("Status") not in _BEING_MADE:
                    break
        return found

    async def _is_usable(self, stack: str, name: str, permit: Permit) -> bool:
        """Whether a change set of an earlier run can be carried out still."""
        return (await self._made(stack, name, permit)).get("ExecutionStatus") == "AVAILABLE"

    async def _delete(self, stack: str, name: str, permit: Permit) -> None:
        await self._aws.call(
            "cloudformation", "delete_change_set", StackName=stack, ChangeSetName=name, permit=permit
        )


def _name(kind: Kind, body: str, tags: Mapping[str, str]) -> str:
    """The same for what is the same."""
    text = json.dumps([kind, body, dict(tags)], sort_keys=True)
    return f"matrix-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
