"""Groups get new instances: some more come, old ones are drained under budgets and end, until none differs.

How far it is stands in AWS, on the nodes and in a ConfigMap, so a run that was killed is simply made again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from addons.autoscaler.aws.activities import Activities
from addons.autoscaler.aws.matrix_groups import end_instance, let_end
from addons.autoscaler.aws.roll_groups import RollGroups
from addons.autoscaler.controller.node_drains import NodeDrains
from addons.autoscaler.controller.roll_keeping import RollKeeping
from addons.autoscaler.matrix.roll import plan_roll
from addons.autoscaler.matrix.template import HOOK_NAME
from addons.autoscaler.model.drains import Drain, read_note
from addons.autoscaler.model.matrix import RollGroup, RollInstance, RollPlan, RollStep
from addons.autoscaler.model.nodes import Node
from addons.runtime.aws import AwsSession
from addons.runtime.errors import OutsideError, Unavailable, Withheld
from addons.runtime.permit import Permit

BY: Final = "matrix roll"
"""What nodes say of who removes them."""

_LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Rolled:
    """What became of a group, or so far (`going`). `paused`: `why` says what is in the way; the others are
    not begun. `skipped`: what is left of it is somebody's to free."""

    name: str
    result: Literal["going", "rolled", "unchanged", "paused", "skipped", "left"]
    why: str = ""


class Roll:
    """Rolls groups, one after the other. `keeping` makes what is written of a group; `node` has the node of
    an instance, with what it waits for if it is starting; `members` are the instances of all groups of the
    matrix, of which one must be a node at least."""

    def __init__(
        self,
        aws: AwsSession,
        permit: Permit,
        *,
        drains: Callable[[Callable[[Drain, Permit], Awaitable[OutsideError | None]]], NodeDrains],
        keeping: Callable[[str], RollKeeping],
        node: Callable[[str], Node | None],
        now: Callable[[], datetime],
        members: frozenset[str] = frozenset(),
    ) -> None:
        self._aws = aws
        self._permit = permit
        self._groups = RollGroups(aws)
        self._drains = drains(self._end)
        self._keeping = keeping
        self._node = node
        self._now = now
        self._activities = Activities(aws, now=lambda: now().timestamp())
        self._members = members
        self._bases: dict[str, int] = {}
        self._ended: set[str] = set()

    async def roll(self, name: str, *, batch: int, patience: float) -> AsyncIterator[Rolled]:
        """Roll a group; give how far it is, and at last what became of it. `patience` is how many seconds new
        nodes may need."""
        try:
            keeping = self._keeping(name)
            if other := await keeping.other():
                yield Rolled(name, "going", f"{other}: waiting whether it goes on")
                await keeping.outwait(self._permit)
            async with keeping.kept():
                async for each in self._roll(name, keeping, batch, patience):
                    yield each
        except Withheld as error:
            yield Rolled(name, "left", error.message)
        except OutsideError as error:
            yield Rolled(name, "paused", error.message)

    async def _roll(
        self, name: str, keeping: RollKeeping, batch: int, patience: float
    ) -> AsyncIterator[Rolled]:
        ended, waited = 0, 0.0
        while True:
            if refusal := self._permit.refusal():
                raise refusal
            group, plan = await self.look(name, keeping, batch)
            step = plan.step
            if step.kind in ("done", "paused"):
                if not (held := await self._let_end(group)):
                    await keeping.end()
                    yield _over(name, step, ended)
                    return
                step = RollStep(kind="wait", why=f"{', '.join(held)} to end")
            if step.kind == "wait":
                waited += await self._wait(group, keeping, waited)
                if waited > patience:
                    raise Unavailable(await self._why_late(name, step, patience), code="NotReadyInTime")
                continue
            waited = 0.0
            if step.kind in ("surge", "drain"):
                yield Rolled(name, "going", _told(step, plan))
            await self._take(group, plan, step, keeping)
            ended += step.kind == "drain"

    async def look(
        self, name: str, keeping: RollKeeping | None = None, batch: int = 1
    ) -> tuple[RollGroup, RollPlan]:
        """A group as it is now, and what comes next. Raises OutsideError."""
        self._drains.see()
        found = await self._groups.read(name)
        group = replace(found, instances=tuple(map(self._with_node, found.instances)))
        return group, plan_roll(group, keeping.batch if keeping else None, batch=batch)

    async def _take(self, group: RollGroup, plan: RollPlan, step: RollStep, keeping: RollKeeping) -> None:
        """Take the next step. Raises OutsideError."""
        await keeping.assure()
        await self._let_end(group)
        if step.kind == "begin" and step.batch:
            self._drains.assure_cluster(self._members.union(each.id for each in group.instances))
            await keeping.begin(step.batch, tuple(plan.outdated), group.launch)
        elif step.kind == "surge":
            await self._groups.raise_to(group.name, step.target, self._permit)
        elif step.kind == "drain":
            self._bases[group.name] = keeping.batch.base if keeping.batch else group.desired
            await self._drains.drain(group.name, step.instance, step.why)
            self._ended.add(step.instance)

    def _with_node(self, found: RollInstance) -> RollInstance:
        node = self._node(found.id)
        if node is None:
            return found
        return replace(found, node=node.name, is_ready=node.is_ready and not node.starting_why)

    async def _end(self, drain: Drain, permit: Permit) -> OutsideError | None:
        """End an instance whose node was drained. As long as more are wanted than before the batch, the group
        shrinks by it, which is looked at now: a drain takes its time."""
        try:
            least, desired = await self._groups.sizes(drain.group)
            shrinks = desired > max(least, self._bases.get(drain.group, desired))
            await end_instance(self._aws, drain.instance, permit, shrinks=shrinks)
        except Withheld:
            raise
        except OutsideError as error:
            return error
        return None

    async def _let_end(self, group: RollGroup) -> list[str]:
        """Have no hook wait for instances that were drained, by a run before this one too; answers which are
        not at their hook yet. Raises OutsideError."""
        self._ended &= {each.id for each in group.instances}
        for each in group.instances:
            if each.instance.state == "Terminating:Wait" and self._was_drained(each.id):
                await let_end(self._aws, group.name, each.id, HOOK_NAME, self._permit)
                self._ended.discard(each.id)
        return sorted(self._ended)

    def _was_drained(self, instance: str) -> bool:
        if instance in self._ended:
            return True
        node = self._node(instance)
        note = read_note(node.drain) if node else None
        return bool(note and note.by == BY and note.stage == "end")

    async def _why_late(self, name: str, step: RollStep, patience: float) -> str:
        """What is waited for in vain, and what AWS says of launches that failed."""
        why = f"it waits for {step.why}, which is not so after {patience:.0f} s"
        with suppress(OutsideError):
            for each in await self._activities.failures_of(name):
                if each.at >= self._now().timestamp() - patience:
                    return f"{why}; the last launch failed: {each.message}"
        return why

    async def _wait(self, group: RollGroup, keeping: RollKeeping, waited: float) -> float:
        """Wait a little before the next look, longer each time; so many seconds. Raises OutsideError."""
        await keeping.assure()
        await self._let_end(group)
        seconds = min(_LOOK_SECONDS, waited + 1.0)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._permit.stopping.wait()
        return seconds


def _over(name: str, step: RollStep, ended: int) -> Rolled:
    if step.kind == "paused":
        return Rolled(name, "skipped", step.why)
    return (
        Rolled(name, "rolled", f"{ended} instance{'s' * (ended > 1)}") if ended else Rolled(name, "unchanged")
    )


def _told(step: RollStep, plan: RollPlan) -> str:
    if step.kind == "surge":
        return step.why
    return f"{step.instance} goes, {len(plan.outdated)} differ: {step.why}"
