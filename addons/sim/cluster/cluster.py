"""All that a cluster does by itself, in one task: it acts when an object changes or something is due."""

import asyncio
from typing import Any

from addons.sim.aws.autoscaling.state import AutoScaling
from addons.sim.cluster.disruption import Disruption
from addons.sim.cluster.kubelets import Kubelets, Pace
from addons.sim.cluster.nodes import Nodes
from addons.sim.cluster.scheduler import Scheduler
from addons.sim.cluster.workloads import Workloads
from addons.sim.kubeapi.store import Store

_SHORTEST_SECONDS = 0.01


class Cluster:
    """Nodes for the instances of groups, workloads, a scheduler, kubelets, and budgets.

    `tick_seconds` is how soon a new instance is seen at the latest; `turn_seconds` how long after a change
    the parts act on it. `is_paused` stops everything, for tests that look at one moment.
    """

    def __init__(
        self,
        store: Store,
        autoscaling: AutoScaling,
        *,
        pace: Pace | None = None,
        tick_seconds: float = 0.5,
        turn_seconds: float = 0.02,
    ) -> None:
        self.nodes = Nodes(store, autoscaling)
        self.pace = pace or Pace()
        self.workloads = Workloads(store)
        self.scheduler = Scheduler(store)
        self.kubelets = Kubelets(store, self.pace)
        self.disruption = Disruption(store)
        self.is_paused = False
        self._tick, self._turn = tick_seconds, turn_seconds
        self._store = store
        self._seen = -1
        self._woken = asyncio.Event()
        store.listeners.append(self._heed)

    async def run(self) -> None:
        """Act until cancelled."""
        while True:
            self._woken.clear()
            if not self.is_paused:
                self.look()
            await self._wait()

    def look(self) -> None:
        """Bring everything as far as it is to be by now."""
        self.nodes.look()
        if self._seen == self._store.rv and self.kubelets.soonest() == float("inf"):
            return
        self._seen = self._store.rv
        self.workloads.look()
        self.kubelets.look()
        self.scheduler.look()
        self.disruption.look()

    async def _wait(self) -> None:
        seconds = min(self._tick, self.nodes.soonest(), self.kubelets.soonest())
        try:
            async with asyncio.timeout(max(seconds, _SHORTEST_SECONDS)):
                await self._woken.wait()
        except TimeoutError:
            return
        await asyncio.sleep(self._turn)

    def _heed(self, *_: Any) -> None:
        self._woken.set()
