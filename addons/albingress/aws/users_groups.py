"""Target groups that users made, by ARN or by name."""

from typing import Any

from addons.albingress.aws.remembered import Remembered
from addons.albingress.aws.translate.balancers import target_group_from_api
from addons.albingress.model.elb import TargetGroup
from addons.runtime.aws import AwsSession
from addons.runtime.errors import NotFound

_SECONDS = 600.0


class UsersGroups:
    """Looks target groups up; one that is there is remembered for a while, one that is not never."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws
        self._found: Remembered[str, TargetGroup] = Remembered(_SECONDS)

    async def find(self, text: str) -> TargetGroup | None:
        """The target group of an ARN or a name; None where there is none. Raises OutsideError."""
        if not text:
            return None
        try:
            return await self._found.get(text, lambda: self._read(text))
        except NotFound:
            return None

    async def _read(self, text: str) -> TargetGroup:
        wanted: dict[str, Any] = {"TargetGroupArns" if text.startswith("arn:") else "Names": [text]}
        reply = await self._aws.call("elbv2", "describe_target_groups", **wanted)
        return target_group_from_api(reply["TargetGroups"][0])
