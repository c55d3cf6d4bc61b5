"""The removal of one node, from its taint to the end of its instance; or back."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.controller.drain_options import DrainOptions
from addons.autoscaler.kube.evictions import Evictions
from addons.autoscaler.kube.taints import Taints
from addons.autoscaler.model.drains import Drain, Drained, DrainNote, Stage
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Budget, Pod
from addons.autoscaler.plan.budgets import Budgets
from addons.autoscaler.plan.utilization import HEADROOM_SECONDS, is_hanging
from addons.autoscaler.plan.windows import eviction_windows
from addons.runtime.errors import NotFound, OutsideError, Throttled, Unavailable, Withheld
from addons.runtime.permit import LEASE_ENDING, RETRY_SECONDS, STOPPING, Permit

_TRIES: Final = 4
_WAIT_SECONDS: Final = 3.0
"""After a call that may succeed next time; twice as long after each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The caches as they are at the moment of asking."""

    node: Callable[[str], Node | None]
    pods: Callable[[str], Sequence[Pod]]
    budgets: Callable[[], Sequence[Budget]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a removal needs. `still_removable` looks at a tainted node once more, and says why it is to be
    kept after all; `terminate` ends an instance and answers the error, if any. `now` is wall time.
    """

    taints: Taints
    evictions: Evictions
    options: DrainOptions
    view: View
    still_removable: Callable[[Drain], Awaitable[WhyNot | None]]
    terminate: Callable[[Drain, Permit], Awaitable[OutsideError | None]]
    now: Callable[[], datetime]


class DrainRun:
    """One removal under way. `changed` is to be called when its node or one of its pods has changed."""

    def __init__(
        self, drain: Drain, tools: Tools, permit: Permit, *, resumed: DrainNote | None = None
    ) -> None:
        self.drain = drain
        self.evicted: list[str] = []
        self._tools = tools
        self._permit = permit
        self._deadline = drain.deadline
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
        )
        self._changed = asyncio.Event()
        self._hurried = asyncio.Event()

    @property
    def stage(self) -> Stage:
        """How far it is."""
        return self._note.stage

    def changed(self) -> None:
        """Have what waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def hurry(self, deadline: float) -> None:
        """End the instance at `deadline` (Unix time), whatever still runs; an earlier one stands."""
        self._deadline = min(deadline, self._deadline or deadline)
        self._hurried.set()
        self.changed()

    async def run(self) -> Drained:
        """Carry the removal out, or give the node back."""
        loop = asyncio.get_running_loop()
        began = loop.time()

        def ended(how: Any, why: WhyNot | None = None) -> Drained:
            return Drained(self.drain, how, loop.time() - began, why, tuple(sorted(self.evicted)))

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
                if why := await self._empty():
                    return why
            await self._until(self._may_end, self._tools.options.deletion_delay)
            await self._evict_daemons()
            await self._write_stage("end")
            return await self._terminate()
        except Withheld:
            raise
        except OutsideError as error:
            return WhyNot(error.reason, error.message)

    async def _mark(self) -> WhyNot | None:
        drain, cordons = self.drain, self._tools.options.cordons
        try:
            self._note = await self._insist(
                lambda: self._tools.taints.mark_going(
                    drain.node, drain.uid, self._fresh_note(), cordons=cordons, permit=self._permit
                )
            )
        except NotFound:
            return WhyNot(names.NODE_REPLACED, f"node {drain.node} is gone, or another one has its name")
        return None

    async def _look_again(self) -> WhyNot | None:
        """Wait until the scheduler has seen the taint, then judge the node by what is on it now."""
        if self._deadline is not None:
            return None
        await self._until(self._is_hurried, self._tools.options.delay_after_taint)
        return None if self._is_hurried() else await self._tools.still_removable(self.drain)

    async def _write_stage(self, stage: Stage) -> None:
        """Write down how far it is; a node that is gone is no matter any more."""
        self._note = replace(self._note, stage=stage, deadline=self._deadline)
        try:
            await self._insist(
                lambda: self._tools.taints.write_note(
                    self.drain.node, self.drain.uid, self._fresh_note(), self._permit
                )
            )
        except NotFound:
            return

    def _fresh_note(self) -> DrainNote:
        self._note = replace(self._note, at=self._tools.now().timestamp())
        return self._note

    async def _empty(self) -> WhyNot | None:
        """Send all pods away at once and wait until they are gone; the first that does not go ends it.

        With a deadline nothing ends it, and at the deadline it goes on without those that are left.
        """
        tools = self._tools
        now = tools.now().timestamp()
        pods = [
            pod
            for pod in tools.view.pods(self.drain.node)
            if not (pod.is_mirror or pod.is_daemon or is_hanging(pod, now))
        ]
        windows = eviction_windows(
            pods,
            Budgets(tools.view.budgets()),
            least=tools.options.eviction_seconds,
            longest_grace=tools.options.longest_grace,
        )
        return await self._race([self._send_away(pod, windows[pod.uid]) for pod in pods])

    async def _race(self, leaving: Sequence[Coroutine[Any, Any, WhyNot | None]]) -> WhyNot | None:
        hurried = asyncio.create_task(self._hurried.wait())
        tasks = [asyncio.create_task(each) for each in leaving]
        pending, stuck = set(tasks), list[WhyNot]()
        try:
            while pending:
                watched = pending if hurried.done() else {*pending, hurried}
                done, _ = await asyncio.wait(
                    watched, timeout=self._left(), return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    return None
                stuck += [why for task in pending & done if (why := task.result())]
                pending -= done
                if stuck and self._deadline is None:
                    return min(stuck, key=lambda why: why.about)
        finally:
            for task in (*tasks, hurried):
                task.cancel()
            await asyncio.gather(*tasks, hurried, return_exceptions=True)
        if stuck:
            await self._until(lambda: False, self._left())
        return None

    def _left(self) -> float | None:
        """Seconds until the deadline; None without one."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - self._tools.now().timestamp())

    async def _send_away(self, pod: Pod, window: float) -> WhyNot | None:
        """Evict a pod and wait until it is gone: its grace, and a little more."""
        left = self._left()
        longest = self._tools.options.longest_grace
        grace = longest if left is None else min(longest, left)
        if pod.delete_at is None:
            found = await self._insist(
                lambda: self._tools.evictions.evict(
                    pod, longest_grace=grace, seconds=window, permit=self._permit
                )
            )
            if isinstance(found, WhyNot):
                return None if self.drain.is_dead else found
            self.evicted.append(str(pod))
            seconds = min(float(pod.grace_seconds), grace) + HEADROOM_SECONDS
        else:
            seconds = pod.delete_at + HEADROOM_SECONDS - self._tools.now().timestamp()
        if await self._until(lambda: self._is_gone(pod), seconds) or self.drain.is_dead:
            return None
        message = f"pod {pod} still runs {HEADROOM_SECONDS:.0f} s after its grace"
        return WhyNot(names.POD_OUTLIVES_GRACE, message, str(pod))

    def _is_gone(self, pod: Pod) -> bool:
        return all(each.uid != pod.uid for each in self._tools.view.pods(self.drain.node))

    def _is_hurried(self) -> bool:
        return self._deadline is not None

    def _may_end(self) -> bool:
        """Whether no annotation asks to delay the end, or it cannot wait."""
        node = self._tools.view.node(self.drain.node)
        return node is None or not node.delays_deletion or self._left() == 0.0

    async def _evict_daemons(self) -> None:
        """Have DaemonSet pods end in order, where that is wanted: tried once, and not waited for."""
        options = self._tools.options
        wanted = options.evicts_daemons_of_empty if self.drain.is_empty else options.evicts_daemons
        chosen = [
            pod
            for pod in self._tools.view.pods(self.drain.node)
            if pod.is_daemon
            and pod.delete_at is None
            and (wanted if pod.allows_daemonset_eviction is None else pod.allows_daemonset_eviction)
        ]
        await asyncio.gather(
            *(
                self._tools.evictions.evict_once(
                    pod, longest_grace=self._tools.options.longest_grace, permit=self._permit
                )
                for pod in chosen
            )
        )

    async def _terminate(self) -> WhyNot | None:
        """End the instance; what may succeed next time is tried again."""
        wait = _WAIT_SECONDS
        for _ in range(_TRIES):
            self._check()
            error = await self._tools.terminate(self.drain, self._permit)
            if error is None:
                return None
            if isinstance(error, Withheld):
                raise error
            told = WhyNot(
                names.TERMINATION_FAILED,
                f"instance {self.drain.instance} could not be ended: {error.message}",
            )
            if not isinstance(error, Throttled | Unavailable):
                return told
            await self._until(lambda: False, max(wait, error.retry_after or 0.0))
            wait *= 2
        return told

    async def _give_back(self) -> None:
        """Let the node take pods again. What cannot be written is left to who finds the old annotation."""
        wait = _WAIT_SECONDS
        for _ in range(_TRIES):
            try:
                await self._insist(
                    lambda: self._tools.taints.give_back(self.drain.node, self.drain.uid, self._permit)
                )
            except Withheld:
                raise
            except NotFound:
                return
            except OutsideError:
                await self._until(lambda: False, wait)
                wait *= 2
            else:
                return

    async def _insist(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """Take a step as soon as it is permitted: caches become fresh again, a lost lease does not come
        back.
        """
        while True:
            self._check()
            try:
                return await step()
            except Withheld as error:
                if error.code in (STOPPING, LEASE_ENDING):
                    raise
            await self._until(lambda: False, RETRY_SECONDS)

    async def _until(self, holds: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until something holds, looking whenever the node or its pods have changed; and whether there
        still is permission to act, every now and then.
        """
        loop = asyncio.get_running_loop()
        end = None if seconds is None else loop.time() + seconds
        while True:
            self._check()
            changed = self._changed
            if holds():
                return True
            if end is not None and loop.time() >= end:
                return False
            soon = loop.time() + RETRY_SECONDS
            try:
                async with asyncio.timeout_at(soon if end is None else min(end, soon)):
                    await changed.wait()
            except TimeoutError:
                continue

    def _check(self) -> None:
        """Raise Withheld when nothing may be sent any more."""
        refusal = self._permit.refusal_to_send()
        if refusal and refusal.code in (STOPPING, LEASE_ENDING):
            raise refusal
