"""The order in which the actions of a plan are carried out: as planned where it matters, else together."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from addons.albingress.model.actions import (
    AddListenerCertificates,
    AuthorizeIngress,
    AwsAction,
    CreateListener,
    CreateRule,
    DeleteListener,
    DeleteRule,
    ModifyListener,
    ModifyListenerAttributes,
    ModifyRule,
    RemoveListenerCertificates,
    RevokeIngress,
    SetRulePriorities,
)
from addons.albingress.names import WAITING
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.outcomes import Outcome, Skip
from addons.runtime.permit import RETRY_SECONDS, STOPPING, Permit

Result = Outcome[AwsAction] | Skip

_AT_ONCE: Final = 6
_LEAST_LEASE: Final = 5.0
"""Seconds that the lease must last for an action to be begun."""

_OF_LISTENER = (
    AddListenerCertificates,
    CreateRule,
    DeleteListener,
    DeleteRule,
    ModifyListenerAttributes,
    ModifyRule,
    RemoveListenerCertificates,
    SetRulePriorities,
)
_OF_GROUP = (AuthorizeIngress, RevokeIngress)
_TAKES_AWAY = (RevokeIngress, RemoveListenerCertificates)


def lane_of(action: AwsAction) -> str:
    """What an action changes in steps: actions of one lane are done in the order of the plan.

    A request that arrives between two changes of a listener must be answered as before or as after.
    """
    if isinstance(action, _OF_LISTENER):
        return f"listener {action.listener}"
    if isinstance(action, CreateListener | ModifyListener):
        return f"listener {action.load_balancer}:{action.listener.port}"
    if isinstance(action, _OF_GROUP):
        return f"security group {action.group}"
    name = getattr(action, "load_balancer", None)
    if isinstance(name, str):
        return f"load balancer {name}"
    return f"key {action.key}"


def predecessors(actions: Sequence[AwsAction]) -> list[tuple[set[int], set[int]]]:
    """For each action the numbers of those that must have succeeded, and of those that must have ended.

    Actions of one lane are done one by one. Rules that are made one after the other are made together: those
    that may match the same request need one another. What takes something away that others may need waits
    for all that stands before it in the plan, but for those of its own kind.
    """
    found = []
    lanes: defaultdict[str, _Lane] = defaultdict(_Lane)
    for number, action in enumerate(actions):
        needs = {before for before in range(number) if actions[before].key in action.needs}
        after = lanes[lane_of(action)].enter(number, together=isinstance(action, CreateRule))
        if _waits_for_all(action):
            after |= {before for before in range(number) if type(actions[before]) is not type(action)}
        found.append((needs, after))
    return found


class _Lane:
    """The last actions of a lane: one that was done alone, then some that are done together."""

    def __init__(self) -> None:
        self._alone: set[int] = set()
        self._together: set[int] = set()

    def enter(self, number: int, *, together: bool) -> set[int]:
        """Put an action behind the others; those that must have ended before it."""
        if together:
            self._together.add(number)
            return set(self._alone)
        before = self._together or self._alone
        self._alone, self._together = {number}, set()
        return set(before)


def _waits_for_all(action: AwsAction) -> bool:
    return isinstance(action, _TAKES_AWAY) or (action.is_destructive and not isinstance(action, DeleteRule))


async def carry_out(
    actions: Sequence[AwsAction],
    act: Callable[[AwsAction], Awaitable[None]],
    permit: Permit,
    *,
    now: Callable[[], datetime] = utc_now,
) -> list[Result]:
    """Carry out actions, some at once; give what became of each, in their order.

    `act` raises OutsideError. An action that needs one that failed, or was not begun, is not begun either,
    and nothing is begun without permission.
    """
    running = _Run(act, permit, now)
    tasks: list[asyncio.Task[Result]] = []
    async with asyncio.TaskGroup() as group:
        for action, (needs, after) in zip(actions, predecessors(actions), strict=True):
            needed, ended = [tasks[each] for each in sorted(needs)], [tasks[each] for each in sorted(after)]
            tasks.append(group.create_task(running.one(action, needed, ended)))
    return [task.result() for task in tasks]


class _Run:
    """One plan on its way."""

    def __init__(
        self, act: Callable[[AwsAction], Awaitable[None]], permit: Permit, now: Callable[[], datetime]
    ) -> None:
        self._act = act
        self._permit = permit
        self._now = now
        self._together = asyncio.Semaphore(_AT_ONCE)

    async def one(
        self,
        action: AwsAction,
        needed: Sequence[asyncio.Task[Result]],
        ended: Sequence[asyncio.Task[Result]],
    ) -> Result:
        if needed or ended:
            await asyncio.wait([*needed, *ended])
        for task in needed:
            if not _is_done(result := task.result()):
                return self._waits(action, result)
        async with self._together:
            if refusal := self._permit.refusal(_LEAST_LEASE):
                return self._withheld(action, refusal)
            try:
                await self._act(action)
            except Withheld as error:
                return self._withheld(action, error)
            except OutsideError as error:
                return Outcome(action, error)
        return Outcome(action)

    def _waits(self, action: AwsAction, result: Result) -> Skip:
        key = result.key if isinstance(result, Skip) else result.action.key
        return Skip(action.key, action.ref, WAITING, f"waits for {key}", self._later())

    def _withheld(self, action: AwsAction, refusal: OutsideError) -> Skip:
        again = None if refusal.code == STOPPING else self._later()
        return Skip(action.key, action.ref, refusal.code, refusal.message, again)

    def _later(self) -> datetime:
        return self._now() + timedelta(seconds=RETRY_SECONDS)


def _is_done(result: Result) -> bool:
    return isinstance(result, Outcome) and result.ok
