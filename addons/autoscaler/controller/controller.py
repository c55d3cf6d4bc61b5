"""The loop: what is seen is frozen, decided upon beside the loop, carried out group by group, and told."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from addons.autoscaler.aws.groups import Groups
from addons.autoscaler.config import Config
from addons.autoscaler.controller.acting import Acting
from addons.autoscaler.controller.decide import Planner
from addons.autoscaler.controller.dry_run import plan_lines
from addons.autoscaler.controller.executors import Executors
from addons.autoscaler.controller.explanation import Explanation
from addons.autoscaler.controller.interrupting import Interrupting
from addons.autoscaler.controller.metrics import Metrics
from addons.autoscaler.controller.observing import Observing
from addons.autoscaler.controller.own_node import OwnNode
from addons.autoscaler.controller.passes import Pass, next_due
from addons.autoscaler.controller.plan_thread import PlanThread
from addons.autoscaler.controller.publishing import Publishing
from addons.autoscaler.controller.remembering import Remembering
from addons.autoscaler.controller.removals import Removals
from addons.autoscaler.controller.server_clock import ServerClock
from addons.autoscaler.controller.state import state_of
from addons.autoscaler.controller.telling import Telling
from addons.autoscaler.controller.wake_ups import WakeUps
from addons.autoscaler.model.drains import Drained
from addons.runtime.app import end_within
from addons.runtime.coexistence import Coexistence
from addons.runtime.decisions import Decision
from addons.runtime.errors import Withheld
from addons.runtime.leader import Leader
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.outcomes import Fault
from addons.runtime.permit import RETRY_SECONDS, Permit
from addons.runtime.plan_output import PrintPlan

log = logging.getLogger(__name__)

_ALL = ""
"""The one key of the loop: everything is planned together."""

_SHORTLY = 0.5
_SYNC_SECONDS = 120.0


class Controller:
    """Grows and shrinks the groups. In a dry run nothing is changed, so no permission is needed.

    Without `leader` nobody else is expected to act on the same groups.
    """

    def __init__(
        self,
        config: Config,
        *,
        observing: Observing,
        groups: Groups,
        planner: Planner,
        thread: PlanThread,
        executors: Executors,
        acting: Acting,
        removals: Removals,
        interrupting: Interrupting | None,
        remembering: Remembering,
        publishing: Publishing,
        telling: Telling,
        metrics: Metrics,
        coexistence: Coexistence,
        own_node: OwnNode,
        server_clock: ServerClock,
        leader: Leader | None,
        print_plan: PrintPlan | None,
        now: Callable[[], datetime],
    ) -> None:
        self.last: Pass | None = None
        self.own_node = own_node
        self._caps = _caps_of(config)
        self._scan_seconds = config.scan_interval.total_seconds()
        self._pod_delay = config.new_pod_scale_up_delay.total_seconds()
        self._observing = observing
        self._groups = groups
        self._planner = planner
        self._thread = thread
        self._executors = executors
        self._acting = acting
        self._removals = removals
        self._interrupting = interrupting
        self._permit: Permit | None = None
        self._remembering = remembering
        self._publishing = publishing
        self._telling = telling
        self._metrics = metrics
        self._coexistence = coexistence
        self._server_clock = server_clock
        self._leader = leader
        self._print_plan = print_plan
        self._explanation = Explanation(last=lambda: self.last, drains=removals.stages, now=now)
        self._loop: ReconcileLoop[str] = ReconcileLoop("autoscaler", self._reconcile)
        self._wake_ups = WakeUps(lambda: self._loop.wake(_ALL, after=0))

    def woken(self) -> None:
        """Something has happened that a pass should look at."""
        self._wake_ups.ring()

    def removed(self, drained: Drained) -> None:
        """A removal has ended, somehow."""
        if self._interrupting and self._permit:
            self._interrupting.ended(drained, self._permit)
        self.woken()

    async def watch(self, stopping: asyncio.Event) -> None:
        """Keep the caches, the view of AWS, and who else acts, up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._coexistence.run(stopping))
            group.create_task(self._groups.run(stopping))
            group.create_task(self._follow_groups(stopping))
            group.create_task(self.own_node.run(stopping))
            await self._observing.cluster.watches.run(stopping)

    async def _follow_groups(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await end_within(0.0, self._groups.changed.wait(), stopping)
            self._groups.changed.clear()
            self.woken()

    async def run(self, stopping: asyncio.Event) -> None:
        """Decide and act until `stopping`; what another replica did before is read afresh."""
        permit = self._permit = self.permit(stopping)
        await self._remembering.load()
        self._publishing.forget()
        self._loop.wake(_ALL, after=0)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._removals.run(stopping))
                if self._interrupting and not self._print_plan:
                    tasks.create_task(self._interrupting.run(stopping, permit))
                await self._loop.run(permit)
        finally:
            await self._end()

    async def _end(self) -> None:
        """Have what is under way end, and leave no figure behind: another replica may lead next."""
        left = 10.0 if self._leader is None else min(10.0, self._leader.remaining())
        await self._executors.end(left)
        if not self._print_plan and (self._leader is None or self._leader.is_leading):
            self._remembering.take()
            await self._remembering.save()
        self._telling.forget()
        self._metrics.forget()

    def permit(self, stopping: asyncio.Event) -> Permit:
        """Permission to order until `stopping`, while the lease lasts, pods and nodes are known, the original
        does not lead, and our node will stay."""
        held = {} if self._leader is None else {"lease_left": self._leader.remaining}
        return Permit(stopping, stale=self._observing.cluster.watches.blind, barred=self._barred, **held)

    def _barred(self) -> Withheld | None:
        return self._coexistence.refusal() or self.own_node.refusal()

    async def _reconcile(self, key: str, permit: Permit) -> Result:
        """Make one pass; it waits for none of what it begins."""
        if self._unseen():
            return Result(again_in=_SHORTLY)
        done = await self._decide()
        if self._print_plan:
            self._print_plan(plan_lines(done))
        elif permit.refusal():
            return Result(again_in=min(self._scan_seconds, RETRY_SECONDS))
        else:
            await self._act(done, permit)
        return Result(again_in=min(self._scan_seconds, next_due(done, self._pod_delay)))

    async def _decide(self) -> Pass:
        clock = asyncio.get_running_loop().time
        began = clock()
        snapshot = self._observing.snapshot(self._remembering.take(), self._removals.nodes())
        done = None
        try:
            done = await self._thread.run(partial(self._planner.decide, snapshot))
        finally:
            if done is None:
                self._metrics.failed("internalError")
        self.last = done
        self._groups.expecting = [name for name, state in done.states.items() if state.upcoming]
        self._groups.is_pending = bool(done.grow.waits or done.grow.orders)
        self._metrics.passed(done)
        for part, seconds in {**self._planner.seconds, "main": clock() - began}.items():
            self._metrics.took(part, seconds)
        return done

    async def _act(self, done: Pass, permit: Permit) -> None:
        self._telling.passed(done, self._groups.launching_unread)
        observing = self._observing
        self._telling.problems(self._groups.problems, observing.priority_problems, observing.roll_problems)
        for news in done.news:
            self._acting.news(news)
        await self._acting.order(done, permit)
        self._removals.begin(done, permit)
        self._publishing.publish(done, permit)

    def _unseen(self) -> str:
        """Why no pass can be made yet, in words: nothing is decided on what nothing is known of."""
        if not self._observing.cluster.watches.is_settled:
            return self._observing.cluster.watches.not_ready()
        return self._observing.cluster.watches.blind() or ("" if self._groups.view else self._groups.unread)

    async def run_once(self, stopping: asyncio.Event) -> dict[str, str]:
        """Make one pass, and wait for what it has begun; what failed, by key."""
        if not await self._settle(stopping):
            return self._observing.cluster.watches.unread() | {
                "groups": self._groups.unread or "not read in time"
            }
        permit = self.permit(stopping)
        await self._remembering.load()
        await self._loop.run_once([_ALL], permit)
        await self._executors.settled()
        await end_within(0.0, self._removals.settled(), stopping)
        if not self._print_plan:
            self._remembering.take()
            await self._remembering.save()
            await self._publishing.settled()
        return self.failures | self._observing.cluster.watches.unread()

    async def _settle(self, stopping: asyncio.Event) -> bool:
        """True when all is known; False when that takes too long, or a stop is asked for."""
        try:
            async with asyncio.timeout(_SYNC_SECONDS):
                await end_within(0.0, self._observing.cluster.watches.wait_settled(), stopping)
                await end_within(0.0, self._groups.refresh(), stopping)
                await self._coexistence.look()
        except TimeoutError:
            return False
        return not stopping.is_set()

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: key -> message."""
        passes = {key or "pass": message for key, message in self._loop.errors.items()}
        problems = {str(each.ref): each.message for each in self._groups.problems}
        faults = {each.about: each.message for each in self._groups.faults()}
        refusal = {} if self._print_plan else {"autoscaler": self.in_the_way()}
        held = {key: why for key, why in refusal.items() if why}
        return passes | problems | faults | held | self._acting.failures | self._removals.failures

    def in_the_way(self) -> str:
        """Why nothing may be changed from here, in words."""
        return self._coexistence.in_the_way() or self.own_node.in_the_way()

    def last_pass(self) -> datetime | None:
        """When a pass ended last."""
        return self._loop.last_pass

    def not_ready(self) -> str:
        """Why the daemon does not do its work, in words; empty when it does."""
        unread = "" if self._groups.view else self._groups.unread
        return (
            self._observing.cluster.watches.not_ready()
            or unread
            or ("" if self._print_plan else self.in_the_way())
        )

    def faults(self) -> Iterator[Fault]:
        """What of AWS or the API server is in the way."""
        yield from self._observing.cluster.watches.faults()
        yield from self._groups.faults()
        yield from self._interrupting.faults() if self._interrupting else ()
        yield from filter(None, [self._server_clock.fault()])
        if not self._print_plan:
            found = (self._coexistence.fault(), self.own_node.fault(), self._remembering.fault())
            yield from filter(None, (*found, self._publishing.fault()))
        for _, reason in self._loop.reasons.items():
            yield Fault("kubernetes", "pass", reason, self._loop.errors.get(_ALL, ""))

    def state(self) -> dict[str, object]:
        """What the status page shows."""
        now = asyncio.get_running_loop().time()
        calls = {name: now - since for name, since in self._executors.waiting_since().items()}
        shown = state_of(self.last, calls=calls, drains=self._removals.stages(), caps=self._caps)
        return {"notReady": self.not_ready(), **shown, "failures": dict(sorted(self.failures.items()))}

    def decisions_on(self, about: str) -> Iterator[Decision]:
        """What holds now of a pod or a node."""
        yield from self._explanation.of(about)


def _caps_of(config: Config) -> dict[str, object]:
    """What the whole cluster must not exceed, and one pass."""
    return {
        "maxNodesTotal": config.max_nodes_total or "not set",
        "coresTotal": config.cores_total,
        "memoryTotalGib": config.memory_total,
        "maxStep": config.max_step,
        "maxStepTotal": config.max_step_total,
    }
