"""The life of the daemon on its node: what is begun in which order, and what runs side by side."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from random import Random

from addons.cni.config import Config
from addons.cni.controller.assembly import assembled
from addons.cni.controller.explanation import decisions_on
from addons.cni.controller.node import Node
from addons.cni.controller.state import node_state
from addons.cni.kube.watches import NodeWatches
from addons.cni.model.assignments import PodId
from addons.cni.model.objects import Pod
from addons.runtime.backoff import Backoff
from addons.runtime.clock import utc_now
from addons.runtime.daemon import Parts
from addons.runtime.decisions import Decision
from addons.runtime.errors import OutsideError
from addons.runtime.imds import InstanceMetadata
from addons.runtime.outcomes import Fault
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)


class Controller:
    """Finds out which node this is, and then keeps it. `trouble` says why AWS cannot be asked at all."""

    def __init__(
        self,
        config: Config,
        parts: Parts,
        *,
        trouble: Callable[[], str] = lambda: "",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config, self._parts, self._trouble, self._now = config, parts, trouble, now
        self._phase = "nothing was begun yet"
        self._node: Node | None = None
        self.watched = NodeWatches(
            parts.kube,
            node=config.node,
            custom_networking=config.custom_network_cfg,
            on_change=self._changed,
            on_pod_end=self._pod_ended,
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the node until `stopping`. What the kernel has stays."""
        async with AsyncExitStack() as stack:
            node = await self._begin(stack, stopping)
            if node:
                await node.run(stopping)

    async def run_once(self, stopping: asyncio.Event) -> dict[str, str]:
        """Have the pool as pods need it, once; what failed, by what it was about."""
        await self.watched.watches.wait_settled()
        async with AsyncExitStack() as stack:
            node = await self._begin(stack, stopping)
            if node is None:
                return {}
            return self.watched.watches.faults() | await node.run_once(Permit(stopping))

    def not_ready(self) -> str:
        """Why pods cannot be started on this node, in words; empty when they can."""
        return self._node.not_ready() if self._node else self._phase

    def faults(self) -> Iterator[Fault]:
        """What around the daemon keeps it from its work."""
        yield from self.watched.watches.unreadable()
        if self._node:
            yield from self._node.faults()

    def state(self) -> dict[str, object]:
        """What the status page shows."""
        if self._node is None:
            return {"node": self._config.node, "phase": self._phase}
        return node_state(self._config, self._node, self.watched, self._now())

    def decisions_on(self, about: str) -> Iterator[Decision]:
        """What holds now of one pod, pod/namespace/name."""
        if self._node:
            yield from decisions_on(about, self._node, self.watched, self._now())

    def last_pass(self) -> datetime | None:
        """When the pool was planned last."""
        return self._node.pool.last_pass if self._node else None

    async def _begin(self, stack: AsyncExitStack, stopping: asyncio.Event) -> Node | None:
        """Find out what this node is, and put its parts together; None when stopped meanwhile."""
        metadata = await stack.enter_async_context(InstanceMetadata.connect(self._config.imds_endpoint))
        backoff = Backoff(Random(), first=0.2, longest=5.0)  # noqa: S311
        while not stopping.is_set():
            attempt = AsyncExitStack()
            try:
                self._node = await attempt.enter_async_context(
                    assembled(self._config, self._parts, self.watched, metadata, now=self._now)
                )
            except OutsideError as error:
                await attempt.aclose()
                why = f"not started yet: {error.message}"
                self._phase = "; ".join(filter(None, (why, self._trouble())))
                log.warning("%s", self._phase)
                await _pause(stopping, backoff.next(asyncio.get_running_loop().time()))
            else:
                stack.push_async_callback(attempt.aclose)
                return self._node
        return None

    def _changed(self) -> None:
        if self._node:
            self._node.wake()

    def _pod_ended(self, pod: Pod) -> None:
        if self._node:
            meta = pod.metadata
            self._node.sandboxes.attempts.pod_deleted(PodId(meta.namespace, meta.name, meta.uid))


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
