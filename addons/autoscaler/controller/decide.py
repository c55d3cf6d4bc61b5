"""One decision over one snapshot, made in a worker thread: nothing here waits, and nothing here acts."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter

from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.model.intents import Memory
from addons.autoscaler.model.plans import GroupState, GrowPlan, Order, ShrinkPlan, WhyNot
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.down import plan_down
from addons.autoscaler.plan.groups import group_states
from addons.autoscaler.plan.intents import advance, ordered
from addons.autoscaler.plan.loads import Loads
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.plausible import plausible
from addons.autoscaler.plan.recheck import why_kept
from addons.autoscaler.plan.shrink_limits import timers
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.up import plan_up
from addons.autoscaler.plan.utilization import Utilizations

log = logging.getLogger(__name__)


class Planner:
    """Decides what grows and what goes. What it keeps from pass to pass saves time and changes nothing."""

    def __init__(self, grow: GrowOptions, shrink: ShrinkOptions) -> None:
        self._grow = grow
        self._shrink = shrink
        self._utilizations = Utilizations()
        self._loads = Loads()
        self.seconds: dict[str, float] = {}
        """How long the parts of the last decision took, by the original's names."""

    def decide(self, snapshot: Snapshot) -> Pass:
        """Bring the ledger of orders up to date, then plan growth, then what may go beside it."""
        with self._timed("updateClusterState"):
            kept = plausible(snapshot.memory, snapshot.now, self._grow)
            if kept is not snapshot.memory:
                snapshot = replace(snapshot, memory=kept)
            states = group_states(snapshot, self._grow)
            memory, news = advance(snapshot.memory, snapshot, states, self._grow)
            if memory != snapshot.memory:
                snapshot = replace(snapshot, memory=memory)
                states = group_states(snapshot, self._grow)
        with self._timed("scaleUp"):
            grow = plan_up(snapshot, self._grow, self._loads)
        with self._timed("scaleDown"):
            shrink = self._plan_down(snapshot, grow, states)
        return Pass(snapshot, states=states, grow=grow, shrink=shrink, memory=memory, news=news)

    def why_kept(self, snapshot: Snapshot, name: str) -> WhyNot | None:
        """Why a node that is marked as one that goes is to be kept after all; None: it may go."""
        return why_kept(snapshot, self._shrink, name, loads=self._loads)

    def _plan_down(self, snapshot: Snapshot, grow: GrowPlan, states: dict[str, GroupState]) -> ShrinkPlan:
        """Plan what goes. A fault in that must not keep groups from growing."""
        try:
            return plan_down(
                snapshot,
                self._shrink,
                grow,
                states=states.values(),
                utilizations=self._utilizations,
                loads=self._loads,
            )
        except Exception:
            log.exception("crashed: nothing is removed in this pass")
            self._utilizations = Utilizations()
            return ShrinkPlan(unneeded=timers(snapshot))

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds[part] = perf_counter() - began


def with_orders(memory: Memory, snapshot: Snapshot, orders: Iterable[Order]) -> Memory:
    """Write down orders that are about to be sent."""
    for order in orders:
        memory = ordered(
            memory,
            order,
            group=snapshot.groups[order.group],
            template=snapshot.templates.get(order.group),
            now=snapshot.now,
        )
    return memory
