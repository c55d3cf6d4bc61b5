"""The removals that are under way: a task for each, none of which waits for another."""

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping
from functools import partial
from typing import Any, Final

from addons.autoscaler.controller.drain_run import DrainRun
from addons.autoscaler.controller.drain_tools import Tools
from addons.autoscaler.model.drains import (
    OTHERS_SECONDS,
    RESUMED_SECONDS,
    Drain,
    Drained,
    DrainNote,
    read_note,
)
from addons.autoscaler.model.nodes import Node
from addons.runtime.permit import Permit

_REST_SECONDS: Final = 60.0
"""A node that could not be given back is tried again after so long."""


class Drains:
    """Starts removals and knows of them. `told` is given what came of each.

    After a stop, or when the lease is lost, what is under way is left as it stands: the annotation on the
    node lets the next leader go on, with `sweep`.
    """

    def __init__(self, tools: Tools, told: Callable[[Drained], None]) -> None:
        self._tools = tools
        self._told = told
        self._runs: dict[str, DrainRun] = {}
        self._tasks: dict[str, asyncio.Task[Drained]] = {}
        self._ended: set[str] = set()
        self._rests: dict[str, float] = {}
        self._crash: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def under_way(self) -> frozenset[str]:
        """The nodes."""
        return frozenset(self._runs)

    @property
    def stages(self) -> Mapping[str, str]:
        """How far each of them is, by node."""
        return {name: run.stage for name, run in sorted(self._runs.items())}

    def start(self, drain: Drain, permit: Permit) -> bool:
        """Begin a removal; False where one is under way already. One with a deadline hurries that one."""
        run = self._runs.get(drain.node)
        if run is None:
            self._begin(drain, permit)
            return True
        if drain.deadline is not None:
            run.hurry(drain.deadline)
        return False

    def sweep(
        self, nodes: Iterable[Node], permit: Permit, *, rolled: Container[str] = ()
    ) -> tuple[Drain, ...]:
        """Go on with removals that another process has begun, as their nodes say; undo those that are old.

        Those of another program are left to it as long as it goes on, and those in `rolled` groups anyway.
        Answers those that go on here. To be called again and again with all nodes, as only a look at them
        shows what was left.
        """
        now, resumed = self._tools.now().timestamp(), []
        here = tuple(nodes)
        self._ended &= {node.uid for node in here}
        for node in here:
            if not self._is_left(node, now):
                continue
            note = read_note(node.drain)
            is_others = note is not None and note.by != self._tools.by
            if note and is_others and (now - note.at <= OTHERS_SECONDS or note.group in rolled):
                continue
            if note and note.by == self._tools.by and now - note.at <= RESUMED_SECONDS:
                drain = _drain_of(node, note)
                self._begin(drain, permit, resumed=note)
                resumed.append(drain)
            elif note or now - (node.to_be_deleted_since or now) > RESUMED_SECONDS:
                self._undo(node, note, permit)
        return tuple(resumed)

    def changed(self, node: str) -> None:
        """A node, or a pod on it, has changed."""
        if run := self._runs.get(node):
            run.changed()

    async def run(self, stopping: asyncio.Event) -> None:
        """Wait for a stop, and then until each removal has ended after the call in flight.

        Raises what a removal has raised that is no error of the outside world.
        """
        waiting = asyncio.create_task(stopping.wait())
        try:
            either: set[asyncio.Future[Any]] = {waiting, self._crash}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._crash.done():
            self._crash.result()
        for run in tuple(self._runs.values()):
            run.changed()
        await self.settled()

    async def settled(self) -> None:
        """Return when no removal is under way. Raises as `run` does."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks.values()))
            await asyncio.sleep(0)
        if self._crash.done():
            self._crash.result()

    def _is_left(self, node: Node, now: float) -> bool:
        if node.name in self._runs or node.uid in self._ended or self._rests.get(node.uid, now) > now:
            return False
        return bool(node.drain) or node.to_be_deleted_since is not None

    def _begin(self, drain: Drain, permit: Permit, *, resumed: DrainNote | None = None) -> None:
        run = DrainRun(drain, self._tools, permit, resumed=resumed)
        self._follow(run, asyncio.create_task(run.run()))

    def _undo(self, node: Node, note: DrainNote | None, permit: Permit) -> None:
        run = DrainRun(_drain_of(node, note), self._tools, permit, resumed=note)
        self._rests[node.uid] = self._tools.now().timestamp() + _REST_SECONDS
        self._follow(run, asyncio.create_task(run.undo()))

    def _follow(self, run: DrainRun, task: asyncio.Task[Drained]) -> None:
        name = run.drain.node
        self._runs[name], self._tasks[name] = run, task
        task.add_done_callback(partial(self._finish, run.drain))

    def _finish(self, drain: Drain, task: asyncio.Task[Drained]) -> None:
        del self._runs[drain.node], self._tasks[drain.node]
        if task.cancelled():
            return
        if error := task.exception():
            if not self._crash.done():
                self._crash.set_exception(error)
            return
        drained = task.result()
        if drained.ended == "done":
            self._ended.add(drain.uid)
        self._told(drained)


def _drain_of(node: Node, note: DrainNote | None) -> Drain:
    """The removal that a node's annotation tells of."""
    return Drain(
        node=node.name,
        uid=node.uid,
        instance=(note.instance if note else "") or node.instance,
        group=note.group if note else "",
        why=note.why if note else "",
        deadline=note.deadline if note else None,
        is_dead=not node.is_ready,
        is_empty=bool(note and note.empty),
    )
