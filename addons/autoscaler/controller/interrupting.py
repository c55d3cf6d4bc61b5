"""Notices of AWS that instances will go: their nodes are drained before, and hooks that wait are told."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from addons.autoscaler import names
from addons.autoscaler.aws.interruptions import Handled, Interruptions
from addons.autoscaler.aws.lifecycle import LifecycleActions
from addons.autoscaler.aws.notices import Notice
from addons.autoscaler.controller.removals import Removals
from addons.autoscaler.controller.telling import Telling
from addons.autoscaler.model.drains import Drain, Drained
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.nodes import Node
from addons.runtime.outcomes import Fault, ObjectRef
from addons.runtime.permit import Permit

_MARGIN_SECONDS = 10.0
"""Before the deadline of AWS, so that the end is in order."""

_HOOK_SECONDS = 600.0
"""A drain for a hook that waits, which is told again and again that it goes on, takes no longer."""

_MOST_REMEMBERED = 1000


class Interrupting:
    """Has nodes drained of which a notice tells. `node_of` finds the node of an instance."""

    def __init__(
        self,
        interruptions: Interruptions,
        actions: LifecycleActions,
        *,
        removals: Removals,
        telling: Telling,
        groups: Callable[[], Mapping[str, Group]],
        node_of: Callable[[str], Node | None],
        now: Callable[[], datetime],
    ) -> None:
        self._interruptions = interruptions
        self._actions = actions
        self._removals = removals
        self._telling = telling
        self._groups = groups
        self._node_of = node_of
        self._now = now
        self._waiting: dict[str, Notice] = {}
        self._emptied: dict[str, None] = {}
        self._leaving: dict[str, None] = {}
        self._completing: set[asyncio.Task[Handled]] = set()

    def ends_by_itself(self, instance: str) -> bool:
        """Whether its group, or EC2, has begun to end an instance: a second word would end one too many."""
        return instance in self._leaving

    def ended(self, drained: Drained, permit: Permit) -> None:
        """A removal has ended: a hook that waits for it need not wait any longer."""
        if drained.ended != "done":
            return
        instance = drained.drain.instance
        _remember(self._emptied, instance)
        if notice := self._waiting.pop(instance, None):
            task = asyncio.create_task(self._over(notice, permit))
            self._completing.add(task)
            task.add_done_callback(self._completing.discard)

    async def run(self, stopping: asyncio.Event, permit: Permit) -> None:
        """Follow the queue until `stopping`."""

        async def handle(notice: Notice) -> Handled:
            return await self._handle(notice, permit)

        await self._interruptions.run(stopping, handle, permit)

    def faults(self) -> list[Fault]:
        """Why the queue cannot be read."""
        return self._interruptions.faults()

    async def _handle(self, notice: Notice, permit: Permit) -> Handled:
        """Begin what a notice asks for. A message goes once its drain is written down on the node, where a
        restart finds it; one of a hook comes again until the node is empty, and has its time begin anew.
        """
        if refusal := permit.refusal():
            raise refusal
        group = self._group_of(notice)
        if not group:
            return "foreign"
        node = self._node_of(notice.instance)
        if node is None or notice.instance in self._emptied:
            return await self._over(notice, permit)
        if notice.kind in ("lifecycle", "state-change"):
            _remember(self._leaving, notice.instance)
        self._start(notice, group, node, permit)
        if notice.lifecycle:
            self._waiting[notice.instance] = notice
            await self._actions.heartbeat(notice.lifecycle, permit)
            return "later"
        return "begun" if node.drain else "later"

    async def _over(self, notice: Notice, permit: Permit) -> Handled:
        """There is nothing to drain, or not any more."""
        if notice.lifecycle:
            outcome = await self._actions.complete(notice.lifecycle, permit)
            return "begun" if outcome.ok else "later"
        return "begun"

    def _start(self, notice: Notice, group: str, node: Node, permit: Permit) -> None:
        drain = Drain(
            node=node.name,
            uid=node.uid,
            instance=notice.instance,
            group=group,
            why=notice.details,
            deadline=self._deadline(notice),
            is_dead=notice.kind == "state-change",
        )
        if self._removals.start(drain, permit):
            ref = ObjectRef("Node", "", node.name, node.uid)
            self._telling.node(ref, names.INTERRUPTED, f"its instance will go: {notice.details}", is_bad=True)

    def _deadline(self, notice: Notice) -> float | None:
        """When the node is ended whatever runs on it, in Unix seconds; None where its pods may take their
        time.
        """
        now = self._now().timestamp()
        if notice.deadline is not None:
            return max(now, notice.deadline - _MARGIN_SECONDS)
        if notice.kind == "state-change":
            return now
        return now + _HOOK_SECONDS if notice.kind == "lifecycle" else None

    def _group_of(self, notice: Notice) -> str:
        groups = self._groups()
        if notice.group in groups:
            return notice.group
        return next(
            (
                name
                for name, group in groups.items()
                if any(each.id == notice.instance for each in group.instances)
            ),
            "",
        )


def _remember(known: dict[str, None], instance: str) -> None:
    known[instance] = None
    while len(known) > _MOST_REMEMBERED:
        del known[next(iter(known))]
