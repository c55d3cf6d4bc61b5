"""Stacks become what their cells ask for: several at a time, each failing for itself alone.

What is done and what is left is known from the stacks alone, so a run that was killed is simply made again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from addons.autoscaler.aws.change_sets import ChangeSets
from addons.autoscaler.aws.matrix_groups import instances_in, rebalanced_and_missing, suspend_rebalancing
from addons.autoscaler.aws.stack_calls import left_by_a_stop
from addons.autoscaler.aws.stacks import Stacks
from addons.autoscaler.controller.matrix_waiting import Waiting
from addons.autoscaler.matrix.expansion import Matrix
from addons.autoscaler.matrix.plan import plan, without_group
from addons.autoscaler.matrix.template import body_of
from addons.autoscaler.model.matrix import Stack, StackPlan
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Invalid, OutsideError, Withheld
from addons.runtime.permit import Permit

Result = Literal["created", "updated", "unchanged", "failed", "left"]

_GOOD: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a stack. `failed`: `why` says what went wrong. `left`: a stop came before it was done;
    what CloudFormation has begun goes on without us."""

    name: str
    result: Result
    why: str = ""


class Apply:
    """Carries plans of one matrix out, `parallel` at a time. `version` is that of the tool, for the tags.

    `tell` gets a line about each stack that is waited for, every 30 seconds.
    """

    def __init__(
        self,
        aws: AwsSession,
        matrix: Matrix,
        permit: Permit,
        *,
        version: str,
        parallel: int,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._aws = aws
        self._matrix = matrix
        self._permit = permit
        self._version = version
        self._turns = asyncio.Semaphore(parallel)
        self._stacks = Stacks(aws)
        self._change_sets = ChangeSets(aws)
        self._waiting = Waiting(self._stacks, tell)
        self._rebalanced: frozenset[str] = frozenset()

    async def to_do(self, plans: Iterable[StackPlan]) -> list[StackPlan]:
        """The plans for which there is something to do, or something to tell. Raises OutsideError.

        One of them may be to suspend AZRebalance in a group whose stack was made by a run that was killed,
        another to tell that somebody deleted a group.
        """
        of_cells = [each for each in plans if each.cell]
        made = [each.name for each in of_cells if each.kind != "create"]
        self._rebalanced, missing = await rebalanced_and_missing(self._aws, made)
        of_cells = [_seen(each, missing) for each in of_cells]
        return [each for each in of_cells if each.is_change or each.blocked or each.name in self._rebalanced]

    async def carry_out(self, plans: Iterable[StackPlan]) -> AsyncIterator[Applied]:
        """Carry them out; give what became of each as soon as it is known."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._applied(each)) for each in plans]
            telling = group.create_task(self._waiting.tell_of_them())
            for ended in asyncio.as_completed(tasks):
                yield await ended
            telling.cancel()

    async def _applied(self, plan: StackPlan) -> Applied:
        async with self._turns:
            if refusal := self._permit.refusal():
                return Applied(plan.name, "left", refusal.message)
            try:
                return await self._apply(plan)
            except Withheld as error:
                return Applied(plan.name, "left", error.message)
            except OutsideError as error:
                return Applied(plan.name, "failed", error.message)
            finally:
                self._waiting.over(plan.name)

    async def _apply(self, plan: StackPlan) -> Applied:
        was_busy = plan.is_busy
        if plan.is_busy and plan.stack:
            stack = await self._stacks.settled(
                plan.stack.id or plan.name, self._permit, saw=self._waiting.saw
            )
            plan = self._planned_again(plan, stack)
        if plan.blocked:
            return Applied(plan.name, "failed", plan.blocked)
        if plan.is_remade and plan.stack:
            await self._removed(plan.stack)
            plan = replace(plan, stack=None)
        result = await self._changed(plan)
        if result == "created" or was_busy or plan.name in self._rebalanced:
            with left_by_a_stop("its stack is done, and the next run suspends AZRebalance of its group"):
                await suspend_rebalancing(self._aws, plan.name, self._permit)
        if result == "unchanged" and plan.name in self._rebalanced:
            return Applied(plan.name, "updated", "AZRebalance is suspended")
        return Applied(plan.name, result, "; ".join(plan.reasons) if result == "updated" else "")

    async def _removed(self, stack: Stack) -> None:
        """Remove what is left of a stack, as long as no instance would end undrained by it."""
        if not stack.has_nothing and (count := await instances_in(self._aws, stack.name)):
            message = (
                f"its stack is in {stack.status}, and its group has {count} instances: drain and end them"
            )
            raise Invalid(message, code="GroupNotEmpty")
        await self._stacks.remove(stack, self._permit)

    def _planned_again(self, before: StackPlan, stack: Stack | None) -> StackPlan:
        """What is to be done with a stack that was waited for."""
        cells = tuple(each for each in self._matrix.cells if each.name == before.name)
        (found,) = plan(replace(self._matrix, cells=cells), [stack] if stack else [], self._version)
        return found

    async def _changed(self, plan: StackPlan) -> Result:
        """Have the stack become what its cell asks for. Raises OutsideError."""
        result: Result = "unchanged"
        wanted, found = (each.spec.digest if each and each.spec else "" for each in (plan, plan.stack))
        if plan.kind == "create" or wanted != found:
            result = await self._change_set(plan)
        is_wanted = bool(plan.cell and plan.cell.is_protected)
        if is_wanted != bool(plan.stack and plan.stack.is_protected):
            await self._stacks.protect(plan.name, self._permit, is_protected=is_wanted)
            result = "updated" if result == "unchanged" else result
        return result

    async def _change_set(self, plan: StackPlan) -> Result:
        is_new = plan.kind == "create"
        name = await self._change_sets.make(
            plan.name,
            body_of(dict(plan.template)),
            plan.tags,
            self._permit,
            kind="CREATE" if is_new else "UPDATE",
        )
        if name is None:
            return "unchanged"
        await self._change_sets.execute(plan.name, name, self._permit)
        stack = await self._stacks.settled(
            plan.name, self._permit, is_begun=not is_new, saw=self._waiting.saw
        )
        if stack is None:
            raise Invalid("somebody deleted its stack meanwhile", code="StackGone")
        if stack.status not in _GOOD:
            raise Invalid(
                f"its stack is in {stack.status}: {await self._stacks.cause(stack)}", code=stack.status
            )
        return "created" if is_new else "updated"


def _seen(plan: StackPlan, missing: Container[str]) -> StackPlan:
    """The plan as it is where a group may be missing: no update could be carried out then, or undone."""
    is_missing = plan.name in missing and not plan.is_busy
    return replace(plan, blocked=without_group(plan.name)) if is_missing else plan
