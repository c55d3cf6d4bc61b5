"""Groups that no cell asks for are emptied node by node under the budgets of their pods, and deleted.

How far it is stands in the stacks and on the nodes, so a run that was killed is simply made again.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from addons.autoscaler.aws.change_sets import ChangeSets
from addons.autoscaler.aws.matrix_groups import MatrixGroup, groups_of, let_end
from addons.autoscaler.aws.stack_calls import left_by_a_stop, looks
from addons.autoscaler.aws.stacks import Stacks
from addons.autoscaler.controller.node_drains import NodeDrains
from addons.autoscaler.matrix.leaving import LEAVING, leaving_tags, leaving_template
from addons.autoscaler.matrix.template import HOOK_NAME, body_of
from addons.autoscaler.model.drains import DrainNote
from addons.autoscaler.model.matrix import Stack
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Invalid, NotFound, OutsideError, Unavailable, Withheld
from addons.runtime.permit import Permit

BY: Final = "matrix prune"
"""What nodes say of who removes them."""
_WHY: Final = "the matrix has no cell for its group any more"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became of a stack, or so far of its group (`going`)."""

    name: str
    result: Literal["going", "deleted", "failed", "left"]
    why: str = ""


class Prune:
    """Empties groups and deletes their stacks, one after the other."""

    def __init__(self, aws: AwsSession, drains: NodeDrains, permit: Permit) -> None:
        self._aws = aws
        self._drains = drains
        self._permit = permit
        self._stacks = Stacks(aws)
        self._change_sets = ChangeSets(aws)

    def assure_cluster(self, going: Iterable[str], groups: Mapping[str, MatrixGroup]) -> None:
        """Raises Unavailable where groups that go have instances, and none of all `groups` is a node here."""
        if any(groups[name].instances for name in going if name in groups):
            self._drains.assure_cluster([each for group in groups.values() for each in group.instances])

    async def prune(self, stack: Stack) -> AsyncIterator[Pruned]:
        """Have a stack go; give how far it is, and at last what became of it."""
        try:
            if refusal := self._permit.refusal():
                raise refusal
            if stack.state == "settled" and stack.spec.digest != LEAVING:
                await self._retire(stack)
                yield Pruned(stack.name, "going", "nothing grows in its group any more")
            if not stack.has_nothing:
                async for each in self._empty(stack):
                    yield each
            await self._stacks.remove(stack, self._permit)
            yield Pruned(stack.name, "deleted")
        except Withheld as error:
            yield Pruned(stack.name, "left", error.message)
        except OutsideError as error:
            yield Pruned(stack.name, "failed", error.message)

    async def _retire(self, stack: Stack) -> None:
        """Have nothing grow in a group, by its stack, so that a cell that comes back undoes it."""
        try:
            template = leaving_template(await self._stacks.template(stack), stack.owner[0])
        except ValueError as error:
            raise Invalid(str(error), code="StrangeTemplate") from None
        name = await self._change_sets.make(
            stack.name, body_of(template), leaving_tags(stack.tags), self._permit, kind="UPDATE"
        )
        if name is None:
            return
        await self._change_sets.execute(stack.name, name, self._permit)
        after = await self._stacks.settled(stack.name, self._permit)
        if after is None or after.status != "UPDATE_COMPLETE":
            why = f"{after.status}: {await self._stacks.cause(after)}" if after else "gone"
            raise Invalid(f"nothing is drained, as its stack is {why}", code="NotRetired")

    async def _empty(self, stack: Stack) -> AsyncIterator[Pruned]:
        """Taint all nodes, then drain one after the other and end its instance; wait until none is left."""
        group = (await groups_of(self._aws, [stack.name])).get(stack.name)
        if group is None:
            return
        staying = [each for each in group.instances if each not in group.leaving]
        if staying and group.least:
            raise Invalid(_keeps(stack, group.least), code="KeepsMinimum")
        self._drains.see()
        for instance in staying:
            await self._taint(group, instance)
        failed: list[OutsideError] = []
        for number, instance in enumerate(staying, 1):
            try:
                await self._drains.drain(group.name, instance, _WHY)
            except Withheld:
                raise
            except OutsideError as error:
                failed.append(error)
                continue
            yield Pruned(stack.name, "going", f"{number} of {len(staying)} instances: {instance} is ended")
        if failed:
            message = f"{len(failed)} of {len(staying)} instances stay: {failed[0].message}"
            raise Unavailable(message, code="NotDrained")
        with left_by_a_stop("its last instances are ending, and the next run deletes its stack"):
            async for _ in looks(f"group {stack.name}", self._permit):
                left = (await groups_of(self._aws, [stack.name])).get(stack.name)
                if left is None or not left.instances:
                    return
                for instance in sorted(left.held):
                    await let_end(self._aws, left.name, instance, HOOK_NAME, self._permit)

    async def _taint(self, group: MatrixGroup, instance: str) -> None:
        """Keep pods off a node that is drained later, so that none moves from one that goes to the next."""
        node, tools = self._drains.node_of(instance), self._drains.tools
        if node is None:
            return
        now = tools.now().timestamp()
        note = DrainNote(
            why=_WHY, since=now, stage="taint", at=now, instance=instance, group=group.name, by=BY
        )
        try:
            await tools.taints.mark_going(
                node.name, node.uid, note, cordons=tools.options.cordons, permit=self._permit
            )
        except NotFound:
            return


def _keeps(stack: Stack, least: int) -> str:
    """What to tell of a group that AWS lets not become empty, and what helps."""
    return (
        f"nothing is drained, as its stack is in {stack.status} and its group has a minimum of {least}:"
        f" `aws autoscaling update-auto-scaling-group --auto-scaling-group-name {stack.name} --min-size 0`"
    )
