"""The targets of target groups: registered, deregistered, and how AWS finds them."""

from collections.abc import Callable

from addons.albingress.aws.recent import now
from addons.albingress.aws.translate.balancers import target_health_from_api, target_to_api
from addons.albingress.model.targets import DeregisterTargets, RegisterTargets, TargetAction, TargetHealth
from addons.runtime.aws import AwsSession
from addons.runtime.errors import OutsideError, Unavailable
from addons.runtime.outcomes import Outcome
from addons.runtime.permit import Permit
from addons.runtime.waiting import persistently

_TRIES = 3


class Targets:
    """Changes and reads targets. `arn_of` has the ARN of a target group of ours by its name."""

    def __init__(self, aws: AwsSession, arn_of: Callable[[str], str]) -> None:
        self._aws = aws
        self._arn_of = arn_of
        self._seen: dict[str, tuple[float, tuple[TargetHealth, ...]]] = {}

    async def apply(self, action: TargetAction, permit: Permit) -> Outcome[TargetAction]:
        """Register or deregister targets, 200 at most; doing it twice does no harm.

        The error of the outcome is Invalid with code InvalidTarget where AWS refuses one of them, and with it
        all, Exhausted at a quota, NotFound where the group is gone, Withheld where it was not sent.
        """
        operation = _OPERATIONS[type(action)]
        targets = [target_to_api(target) for target in action.targets]

        async def once() -> None:
            arn = self._arn_of(action.key)
            await self._aws.call("elbv2", operation, permit=permit, TargetGroupArn=arn, Targets=targets)

        try:
            await persistently(once, Unavailable, tries=_TRIES)
        except OutsideError as error:
            return Outcome(action, error)
        return Outcome(action)

    async def health(self, group: str) -> tuple[TargetHealth, ...]:
        """The targets of a group, by name or ARN, with how AWS finds them. Raises OutsideError.

        Those that drain are among them; they are registered no more.
        """
        arn = self._arn_of(group)
        reply = await self._aws.call("elbv2", "describe_target_health", TargetGroupArn=arn)
        found = map(target_health_from_api, reply["TargetHealthDescriptions"])
        listed = tuple(sorted(found, key=lambda health: health.target))
        self._seen[group] = (now(), listed)
        return listed

    def seen(self, group: str) -> tuple[float, tuple[TargetHealth, ...]] | None:
        """What `health` has found last, and how many seconds ago; None before it was asked."""
        if (last := self._seen.get(group)) is None:
            return None
        at, found = last
        return now() - at, found

    def forget(self, group: str) -> None:
        """A target group is no more."""
        self._seen.pop(group, None)


_OPERATIONS: dict[type[TargetAction], str] = {
    RegisterTargets: "register_targets",
    DeregisterTargets: "deregister_targets",
}
