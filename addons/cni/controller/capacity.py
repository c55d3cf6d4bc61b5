"""Tell the scheduler how many addresses there are for pods, and keep it away while there is none."""

import logging
from collections.abc import Callable, Sequence

from addons.cni import names
from addons.cni.config import Config
from addons.cni.controller.metrics import ADVERTISED
from addons.cni.kube import reports
from addons.cni.kube.node_status import is_tainted, set_taint, tell_capacity, told_capacity
from addons.cni.kube.watches import NodeWatches
from addons.cni.model.objects import Node
from addons.cni.plan.capacity import Capacity, pod_ip_capacity
from addons.cni.plan.view import View
from addons.runtime.errors import Conflict
from addons.runtime.kube import KubeClient
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.permit import Permit
from addons.runtime.reporter import Report, Reporter

log = logging.getLogger(__name__)

KEY = "capacity"
_PAUSE_SECONDS = 1.0
"""The node is written to at most so often."""
_LOOK_SECONDS = 10.0


class CapacityTeller:
    """Has the node's status say what the pool comes to. `view` is None while that is not known.

    `sharers` gives how many nodes draw on the same subnets, and which of them this one is; None likewise.
    """

    def __init__(
        self,
        config: Config,
        *,
        kube: KubeClient,
        watched: NodeWatches,
        view: Callable[[], View | None],
        sharers: Callable[[], tuple[int, int] | None],
        reporter: Reporter,
    ) -> None:
        self._config, self._kube, self._watched = config, kube, watched
        self._view, self._sharers, self._reporter = view, sharers, reporter
        self._loop: ReconcileLoop[str] = ReconcileLoop("cni-capacity", self.reconcile, coalesce_seconds=0.05)
        self.capacity: Capacity | None = None
        """What was worked out last."""

    @property
    def errors(self) -> dict[str, str]:
        """Why the last pass failed, if it did."""
        return self._loop.errors

    def wake(self) -> None:
        """Work it out anew."""
        self._loop.wake(KEY)

    async def run(self, permit: Permit) -> None:
        """Tell it until the permit ends; what was told stays."""
        self.wake()
        await self._loop.run(permit)

    async def reconcile(self, key: str, permit: Permit) -> Result:
        """Tell what is not as it is. Raises OutsideError."""
        view, node, shared = self._view(), self._watched.node(), self._sharers()
        if view is None or node is None or shared is None:
            return Result(again_in=_PAUSE_SECONDS)
        sharers, rank = shared
        before = self.capacity or _told_before(node)
        self.capacity = pod_ip_capacity(view, before, sharers=sharers, rank=rank)
        ADVERTISED.set(self.capacity.value)
        has_told = await self._tell(node, self.capacity)
        is_waiting = self.capacity.lower_since or self.capacity.turned_since
        return Result(again_in=_PAUSE_SECONDS if has_told or is_waiting else _LOOK_SECONDS)

    async def _tell(self, node: Node, capacity: Capacity) -> bool:
        """Write what differs; whether anything was written."""
        changed = False
        if self._config.capacity == "resource" and told_capacity(node) != capacity.value:
            await tell_capacity(self._kube, self._config.node, capacity.value)
            log.info(
                "node %s: %d addresses for pods: %s", self._config.node, capacity.value, capacity.because
            )
            changed = True
        if self._config.exhaustion_taint and is_tainted(node) != capacity.taint:
            try:
                await set_taint(self._kube, node, wanted=capacity.taint)
            except Conflict:
                log.debug("node %s was changed meanwhile", self._config.node)
            changed = True
        self._reporter.tell_current("capacity", self._exhaustion(node, capacity))
        return changed

    def _exhaustion(self, node: Node, capacity: Capacity) -> Sequence[Report]:
        if not capacity.taint or capacity.left > 0:
            return ()
        message = f"no address for another pod: {capacity.because}"
        return (reports.of_node(self._config.node, names.POD_IPS_EXHAUSTED, message, uid=node.metadata.uid),)


def _told_before(node: Node) -> Capacity | None:
    """What a daemon before this one has told: it is not lowered, and no taint taken away, in haste."""
    told = told_capacity(node)
    return None if told is None else Capacity(value=told, exact=told, left=0, taint=is_tainted(node))
