"""Sends the pods of a node away, and waits until they are gone."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from addons.autoscaler import names
from addons.autoscaler.controller.drain_tools import Tools
from addons.autoscaler.controller.waiting import Waiting
from addons.autoscaler.model.drains import Drain
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Pod
from addons.autoscaler.plan.budgets import Budgets
from addons.autoscaler.plan.utilization import HEADROOM_SECONDS, is_hanging
from addons.autoscaler.plan.windows import eviction_windows
from addons.runtime.permit import Permit


class Emptying:
    """The pods of one node that goes. `deadline` is the Unix time after which nobody waits for them;
    `evicted` are those that were sent away.
    """

    def __init__(self, drain: Drain, tools: Tools, permit: Permit, waiting: Waiting) -> None:
        self.deadline = drain.deadline
        self.evicted: list[Pod] = []
        self._drain = drain
        self._tools = tools
        self._permit = permit
        self._waiting = waiting
        self._hurried = asyncio.Event()

    def hurry(self, deadline: float) -> None:
        """End the instance at `deadline` (Unix time), whatever still runs; an earlier one stands."""
        self.deadline = min(deadline, self.deadline or deadline)
        self._hurried.set()
        self._waiting.changed()

    async def empty(self) -> WhyNot | None:
        """Send all pods away at once and wait until they are gone; the first that does not go ends it.

        With a deadline nothing ends it, and at the deadline it goes on without those that are left.
        """
        tools = self._tools
        now = tools.now().timestamp()
        pods = [
            pod
            for pod in tools.view.pods(self._drain.node)
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
                    watched, timeout=self.left(), return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    return None
                stuck += [why for task in pending & done if (why := task.result())]
                pending -= done
                if stuck and self.deadline is None:
                    return min(stuck, key=lambda why: why.about)
        finally:
            for task in (*tasks, hurried):
                task.cancel()
            await asyncio.gather(*tasks, hurried, return_exceptions=True)
        if stuck:
            await self._waiting.until(lambda: False, self.left())
        return None

    def left(self) -> float | None:
        """Seconds until the deadline; None without one."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - self._tools.now().timestamp())

    async def _send_away(self, pod: Pod, window: float) -> WhyNot | None:
        """Evict a pod and wait until it is gone: its grace, and a little more."""
        left = self.left()
        longest = self._tools.options.longest_grace
        grace = longest if left is None else min(longest, left)
        if pod.delete_at is None:
            found = await self._waiting.insist(
                lambda: self._tools.evictions.evict(
                    pod, longest_grace=grace, seconds=window, permit=self._permit
                )
            )
            if isinstance(found, WhyNot):
                return None if self._drain.is_dead else found
            if found == "evicted":
                self.evicted.append(pod)
            seconds = min(float(pod.grace_seconds), grace) + HEADROOM_SECONDS
        else:
            seconds = pod.delete_at + HEADROOM_SECONDS - self._tools.now().timestamp()
        if await self._waiting.until(lambda: self._is_gone(pod), seconds) or self._drain.is_dead:
            return None
        message = f"pod {pod} still runs {HEADROOM_SECONDS:.0f} s after its grace"
        return WhyNot(names.POD_OUTLIVES_GRACE, message, str(pod))

    def _is_gone(self, pod: Pod) -> bool:
        return all(each.uid != pod.uid for each in self._tools.view.pods(self._drain.node))

    async def evict_daemons(self) -> None:
        """Have DaemonSet pods end in order, where that is wanted: tried once, and not waited for."""
        options = self._tools.options
        wanted = options.evicts_daemons_of_empty if self._drain.is_empty else options.evicts_daemons
        chosen = [
            pod
            for pod in self._tools.view.pods(self._drain.node)
            if pod.is_daemon
            and pod.delete_at is None
            and (wanted if pod.allows_daemonset_eviction is None else pod.allows_daemonset_eviction)
        ]
        await asyncio.gather(*(self._try_to_evict(pod) for pod in chosen))

    async def _try_to_evict(self, pod: Pod) -> None:
        await self._waiting.insist(
            lambda: self._tools.evictions.evict_once(
                pod, longest_grace=self._tools.options.longest_grace, permit=self._permit
            )
        )
