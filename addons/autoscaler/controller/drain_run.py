"""The removal of one node, from its taint to the end of its instance; or back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.controller.drain_tools import Tools
from addons.autoscaler.controller.emptying import Emptying
from addons.autoscaler.controller.waiting import Waiting
from addons.autoscaler.model.drains import Drain, Drained, DrainNote, Stage
from addons.autoscaler.model.plans import WhyNot
from addons.runtime.errors import Conflict, NotFound, OutsideError, Throttled, Unavailable, Withheld
from addons.runtime.permit import Permit

T = TypeVar("T")

_TRIES: Final = 4
_WAIT_SECONDS: Final = 3.0
"""After a call that may succeed next time; twice as long after each."""


class DrainRun:
    """One removal under way. `changed` is to be called when its node or one of its pods has changed."""

    def __init__(
        self, drain: Drain, tools: Tools, permit: Permit, *, resumed: DrainNote | None = None
    ) -> None:
        self.drain = drain
        self._tools = tools
        self._permit = permit
        self._waiting = Waiting(permit)
        self._pods = Emptying(drain, tools, permit, self._waiting)
        now = tools.now().timestamp()
        self._note = resumed or DrainNote(
            why=drain.why,
            since=now,
            stage="taint",
            at=now,
            instance=drain.instance,
            group=drain.group,
            deadline=drain.deadline,
            empty=drain.is_empty,
            by=tools.by,
        )

    @property
    def stage(self) -> Stage:
        """How far it is."""
        return self._note.stage

    def changed(self) -> None:
        """Have what waits look again."""
        self._waiting.changed()

    def hurry(self, deadline: float) -> None:
        """End the instance at `deadline` (Unix time), whatever still runs; an earlier one stands."""
        self._pods.hurry(deadline)

    async def run(self) -> Drained:
        """Carry the removal out, or give the node back."""
        loop = asyncio.get_running_loop()
        began = loop.time()

        def ended(how: Any, why: WhyNot | None = None) -> Drained:
            return Drained(
                self.drain, how, loop.time() - began, why, tuple(sorted(self._pods.evicted, key=str))
            )

        try:
            why = await self._steps()
            if why is None:
                return ended("done")
            await self._give_back()
            return ended("failed", why)
        except Withheld as error:
            return ended("left", WhyNot(error.reason, error.message))

    async def undo(self) -> Drained:
        """Give a node back whose removal nobody ends."""
        why = WhyNot(names.DRAIN_ABANDONED, "its removal was begun long ago, and nobody goes on with it")
        try:
            await self._give_back()
        except Withheld as error:
            return Drained(self.drain, "left", 0.0, WhyNot(error.reason, error.message))
        return Drained(self.drain, "undone", 0.0, why)

    async def _steps(self) -> WhyNot | None:
        """Go through all stages; answers why the node is to be given back, if it is."""
        try:
            if self.stage != "end":
                if why := await self._mark() or await self._look_again():
                    return why
                await self._write_stage("evict")
                if why := await self._pods.empty():
                    return why
            await self._waiting.until(self._may_end, self._tools.options.deletion_delay)
            await self._pods.evict_daemons()
            await self._write_stage("end")
            return await self._terminate()
        except Withheld:
            raise
        except OutsideError as error:
            return WhyNot(error.reason, error.message)

    async def _mark(self) -> WhyNot | None:
        """Keep new pods off the node; before a deadline its pods are sent away although that fails."""
        drain, cordons = self.drain, self._tools.options.cordons
        try:
            self._note = await self._try_again(
                lambda: self._tools.taints.mark_going(
                    drain.node, drain.uid, self._fresh_note(), cordons=cordons, permit=self._permit
                )
            )
        except NotFound:
            return WhyNot(names.NODE_REPLACED, f"node {drain.node} is gone, or another one has its name")
        except (Throttled, Unavailable, Conflict):
            if self._pods.deadline is None:
                raise
        return None

    async def _look_again(self) -> WhyNot | None:
        """Wait until the scheduler has seen the taint, then judge the node by what is on it now."""
        if self._pods.deadline is not None:
            return None
        await self._waiting.until(self._is_hurried, self._tools.options.delay_after_taint)
        return None if self._is_hurried() else await self._tools.still_removable(self.drain)

    async def _write_stage(self, stage: Stage) -> None:
        """Write down how far it is. Where that cannot be written, what stands there is good enough."""
        self._note = replace(self._note, stage=stage, deadline=self._pods.deadline)
        drain, taints = self.drain, self._tools.taints
        with _passed_over():
            await self._try_again(
                lambda: taints.write_note(drain.node, drain.uid, self._fresh_note(), self._permit)
            )

    def _fresh_note(self) -> DrainNote:
        self._note = replace(self._note, at=self._tools.now().timestamp())
        return self._note

    def _is_hurried(self) -> bool:
        return self._pods.deadline is not None

    def _may_end(self) -> bool:
        """Whether no annotation asks to delay the end, or it cannot wait."""
        node = self._tools.view.node(self.drain.node)
        return node is None or not node.delays_deletion or self._pods.left() == 0.0

    async def _terminate(self) -> WhyNot | None:
        """End the instance; answers why it is not ended."""
        try:
            await self._try_again(self._ask_to_terminate)
        except Withheld:
            raise
        except OutsideError as error:
            what = f"instance {self.drain.instance} could not be ended: {error.message}"
            return WhyNot(names.TERMINATION_FAILED, what)
        return None

    async def _ask_to_terminate(self) -> None:
        if error := await self._tools.terminate(self.drain, self._permit):
            raise error

    async def _give_back(self) -> None:
        """Let the node take pods again. What cannot be written is left to who finds the old annotation."""
        drain, taints = self.drain, self._tools.taints
        with _passed_over():
            await self._try_again(lambda: taints.give_back(drain.node, drain.uid, self._permit))

    async def _try_again(self, step: Callable[[], Awaitable[T]]) -> T:
        """Take a step; again, some times, when what kept it from success may pass."""
        wait = _WAIT_SECONDS
        for _ in range(_TRIES - 1):
            try:
                return await self._waiting.insist(step)
            except (Throttled, Unavailable, Conflict) as error:
                await self._waiting.until(lambda: False, max(wait, error.retry_after or 0.0))
            wait *= 2
        return await self._waiting.insist(step)


@contextmanager
def _passed_over() -> Iterator[None]:
    """What goes wrong outside is no matter, other than that there is no permission to act any more."""
    try:
        yield
    except Withheld:
        raise
    except OutsideError:
        return
