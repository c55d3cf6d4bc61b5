"""What was done to AWS lately, which a listing may not show yet."""

import asyncio
from collections.abc import Iterable
from math import inf

LAG_SECONDS = 60.0
"""For so long a listing may not show what was just made, and show what was just deleted."""


class Recent:
    """The loop times of our last changes, by ARN or id."""

    def __init__(self) -> None:
        self._made: dict[str, float] = {}
        self._changed: dict[str, float] = {}
        self._deleted: dict[str, float] = {}

    def made(self, arn: str) -> None:
        """Note that something was made just now."""
        self._made[arn] = self._changed[arn] = now()

    def changed(self, arn: str) -> None:
        """Note that something was changed just now."""
        self._changed[arn] = now()

    def deleted(self, arn: str) -> None:
        """Note that something was deleted just now."""
        self._made.pop(arn, None)
        self._changed.pop(arn, None)
        self._deleted[arn] = now()
        self._forget()

    def is_new(self, arns: Iterable[str]) -> bool:
        """Whether any of these may not be seen yet by all of AWS."""
        return any(_lately(self._made.get(arn, -inf)) for arn in arns)

    def is_gone(self, arn: str) -> bool:
        """Whether something was deleted that listings may still show."""
        return _lately(self._deleted.get(arn, -inf))

    def changed_since(self, arn: str, then: float) -> bool:
        """Whether something was changed at that time or later."""
        return self._changed.get(arn, -inf) >= then

    def _forget(self) -> None:
        for times in (self._made, self._changed, self._deleted):
            for arn in [arn for arn, then in times.items() if not _lately(then)]:
                del times[arn]


def now() -> float:
    """The time of the running loop."""
    return asyncio.get_running_loop().time()


def _lately(then: float) -> bool:
    return then > now() - LAG_SECONDS
