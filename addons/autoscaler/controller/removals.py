"""Nodes that go: by a plan, by a notice of AWS, or as somebody began before us; and what came of each."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial

from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.controller.drains import Drains
from addons.autoscaler.controller.metrics import EMPTY, UNDERUTILIZED, UNREADY, Metrics
from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.controller.remembering import Remembering
from addons.autoscaler.controller.soft_taints import SoftTaints
from addons.autoscaler.controller.telling import Telling
from addons.autoscaler.model.drains import Drain, Drained
from addons.autoscaler.model.intents import GroupRecord, Memory, NodeRecord
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import Removal
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.outcomes import ObjectRef
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)

Terminate = Callable[[str, str, Permit], Awaitable[OutsideError | None]]
"""Ends an instance of a group; why not, if that failed."""


class Removals:
    """Starts removals and learns from them. `finished` is told of each that ended."""

    def __init__(
        self,
        *,
        drains: Callable[[Callable[[Drained], None]], Drains],
        soft_taints: SoftTaints,
        terminate: Terminate,
        remembering: Remembering,
        telling: Telling,
        metrics: Metrics,
        finished: Callable[[Drained], None],
        now: Callable[[], datetime],
    ) -> None:
        self._drains = drains(self._drained)
        self._soft_taints = soft_taints
        self._terminate = terminate
        self._remembering = remembering
        self._telling = telling
        self._metrics = metrics
        self._finished = finished
        self._now = now
        self._ending: dict[str, asyncio.Task[None]] = {}
        self.failures: dict[str, str] = {}
        """Node -> why its last removal failed."""

    def nodes(self) -> frozenset[str]:
        """The nodes that we are removing."""
        return self._drains.under_way

    def stages(self) -> Mapping[str, str]:
        """What is being done with each of them, in words."""
        return {name: _IN_WORDS[stage] for name, stage in self._drains.stages.items()}

    def changed(self, node: str) -> None:
        """A node, or a pod on it, has changed."""
        self._drains.changed(node)

    def begin(self, done: Pass, permit: Permit) -> None:
        """Begin what a pass has decided; go on with what somebody else has begun."""
        snapshot = done.snapshot
        for drain in self._drains.sweep(snapshot.nodes.values(), permit, rolled=snapshot.rolls):
            message = f"its removal goes on: {drain.why}"
            self._telling.node(_ref(drain), names.DRAIN_RESUMED, message)
        for removal in done.shrink.removals:
            if not removal.node:
                self._end_lost(removal, permit)
            elif node := done.snapshot.nodes.get(removal.node):
                self.start(_drain_of(removal, node), permit)
        self._soft_taints.follow(done, permit, leave=self.nodes())

    def start(self, drain: Drain, permit: Permit) -> bool:
        """Begin a removal; False where one of the node is under way already."""
        if not self._drains.start(drain, permit):
            return False
        self._telling.node(_ref(drain), names.SCALE_DOWN, f"node is to be removed: {drain.why}")
        return True

    def _end_lost(self, removal: Removal, permit: Permit) -> None:
        if removal.instance not in self._ending:
            task = asyncio.create_task(self._end(removal, permit))
            self._ending[removal.instance] = task
            task.add_done_callback(lambda _: self._ending.pop(removal.instance, None))

    async def _end(self, removal: Removal, permit: Permit) -> None:
        error = await self._terminate(removal.group, removal.instance, permit)
        if error is None:
            self._metrics.ended_lost()
            self._telling.news(removal.group, names.DELETE_UNREGISTERED, removal.why, is_bad=True)
        elif not isinstance(error, Withheld):
            message = f"{removal.why}; it could not be ended: {error.message}"
            self._telling.news(removal.group, names.SCALE_DOWN_FAILED, message, is_bad=True)

    def _drained(self, drained: Drained) -> None:
        """A removal has ended."""
        drain, why = drained.drain, drained.why
        for pod in drained.evicted:
            self._metrics.evicted(succeeded=True)
            message = f"pod was evicted, as its node {drain.node} is to be removed: {drain.why}"
            self._telling.pod(pod, names.SCALE_DOWN, message, action="shrink")
        if drained.ended == "done":
            self.failures.pop(drain.node, None)
            self._metrics.removed(_reason(drain))
            message = f"node is removed after {drained.seconds:.0f} s; pods evicted: {len(drained.evicted)}"
            self._telling.node(_ref(drain), names.SCALE_DOWN, message)
            self._remembering.amend(partial(_shrunk, drain=drain, now=self._seconds()))
        elif drained.ended == "failed" and why:
            self.failures[drain.node] = why.message
            if why.about:
                self._metrics.evicted(succeeded=False)
            message = f"node is given back: {why.message}"
            self._telling.node(_ref(drain), names.SCALE_DOWN_FAILED, message, is_bad=True)
            self._remembering.amend(partial(_failed, drain=drain, why=why.message, now=self._seconds()))
        elif drained.ended == "undone" and why:
            self._telling.node(_ref(drain), why.code, f"node is given back: {why.message}", is_bad=True)
        self._finished(drained)

    def _seconds(self) -> float:
        return self._now().timestamp()

    async def run(self, stopping: asyncio.Event) -> None:
        """Wait for a stop, and then until nothing is sent any more: what is not over is left for the next."""
        await self._drains.run(stopping)
        await self.settled()

    async def settled(self) -> None:
        """Return when nothing is under way."""
        await self._drains.settled()
        while tasks := list(self._ending.values()):
            await asyncio.wait(tasks)
        await self._soft_taints.settled()


_IN_WORDS = {
    "taint": "it is tainted, and looked at once more",
    "evict": "its pods are sent away",
    "end": "its instance is ended",
}


def _ref(drain: Drain) -> ObjectRef:
    return ObjectRef("Node", "", drain.node, drain.uid)


def _drain_of(removal: Removal, node: Node) -> Drain:
    return Drain(
        node=node.name,
        uid=node.uid,
        instance=removal.instance,
        group=removal.group,
        why=removal.why,
        is_dead=not node.is_ready,
        is_empty=removal.is_empty,
    )


def _reason(drain: Drain) -> str:
    return UNREADY if drain.is_dead else EMPTY if drain.is_empty else UNDERUTILIZED


def _shrunk(memory: Memory, *, drain: Drain, now: float) -> Memory:
    record = memory.groups.get(drain.group, GroupRecord())
    nodes = {name: each for name, each in memory.nodes.items() if name != drain.node}
    groups = {**memory.groups, drain.group: replace(record, shrunk_at=now)}
    return replace(memory, groups=groups if drain.group else memory.groups, nodes=nodes)


def _failed(memory: Memory, *, drain: Drain, why: str, now: float) -> Memory:
    record = memory.nodes.get(drain.node, NodeRecord())
    failed = replace(record, failures=record.failures + 1, last_failure=now, failure=why)
    return replace(memory, nodes={**memory.nodes, drain.node: failed})
