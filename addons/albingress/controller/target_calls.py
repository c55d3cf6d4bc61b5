"""The targets of one group changed and read in AWS, each change remembered and told."""

import asyncio
from typing import Final

from msgspec.structs import replace

from addons.albingress.aws.targets import Targets
from addons.albingress.controller.target_metrics import TargetMetrics
from addons.albingress.controller.target_state import GroupTargets
from addons.albingress.kube import target_reports as told
from addons.albingress.model.targets import DeregisterTargets, RegisterTargets, TargetPlan
from addons.albingress.plan.targets import halves, room
from addons.runtime.errors import Exhausted, Invalid
from addons.runtime.permit import Permit
from addons.runtime.reporter import Reporter

REFUSED_SECONDS: Final = 60.0
"""After so long a target that AWS refused is tried again: a node may run by then."""

_MOST_REFUSED: Final = 20
"""Where AWS refuses more than that of a group, it is not the targets that are to blame."""


class TargetCalls:
    """Makes the calls that a plan of targets asks for. All methods raise OutsideError."""

    def __init__(self, targets: Targets, reporter: Reporter, metrics: TargetMetrics) -> None:
        self._targets = targets
        self._reporter = reporter
        self._metrics = metrics

    async def read(self, group: str, state: GroupTargets, *, is_shared: bool) -> None:
        """Take what AWS has for true. What changed without us is told where the group is ours alone."""
        gone, extra = state.take_in(await self._targets.health(group))
        if gone or extra:
            self._metrics.drifted(len(gone) + len(extra))
            if not is_shared:
                self._reporter.tell(told.drift_report(group, gone, extra))

    async def register(self, state: GroupTargets, plan: TargetPlan, permit: Permit) -> None:
        """Register what is new. Where AWS takes no more, room is made for the next pass."""
        for action in plan.register:
            try:
                await self._register(state, action, permit)
            except Exhausted:
                await self._make_room(state, plan, permit)
                raise

    async def deregister(self, state: GroupTargets, action: DeregisterTargets, permit: Permit) -> None:
        """Deregister a batch of targets."""
        if refusal := permit.refusal():
            raise refusal
        if error := (await self._targets.apply(action, permit)).error:
            raise error
        state.removed(action.targets)
        self._metrics.changed("deregister", len(action.targets))
        self._reporter.tell(told.done_report(action))

    async def _register(self, state: GroupTargets, action: RegisterTargets, permit: Permit) -> None:
        """Register a batch. AWS takes all or none: those that it refuses are found by halving."""
        error = (await self._targets.apply(action, permit)).error
        if isinstance(error, Invalid) and len(state.refused) < _MOST_REFUSED:
            if len(action.targets) == 1:
                until = asyncio.get_running_loop().time() + REFUSED_SECONDS
                state.refused[action.targets[0]] = (until, error.message)
                return
            for half in halves(action.targets):
                await self._register(state, replace(action, targets=half), permit)
            return
        if error:
            raise error
        state.added(action.targets)
        self._metrics.changed("register", len(action.targets))
        self._reporter.tell(told.done_report(action))

    async def _make_room(self, state: GroupTargets, plan: TargetPlan, permit: Permit) -> None:
        """Give up some of the targets that are over, never all."""
        for action in plan.deregister[:1]:
            if targets := room(plan, len(state.registered or ())):
                gone = replace(action, because="to make room", targets=targets)
                await self.deregister(state, gone, permit)
