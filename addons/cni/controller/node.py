"""A node that is known: what runs side by side on it, and what is said of it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from addons.cni import names
from addons.cni.aws.node import NodeMetadata
from addons.cni.config import Config
from addons.cni.controller import metrics
from addons.cni.controller.addresses import AddressPool
from addons.cni.controller.audit import Audit
from addons.cni.controller.calls import CountedCalls
from addons.cni.controller.capacity import CapacityTeller
from addons.cni.controller.interfaces import Interfaces
from addons.cni.controller.link_watch import LinkWatch
from addons.cni.controller.network import Network
from addons.cni.controller.pool import Pool
from addons.cni.controller.replay import replay
from addons.cni.controller.sandboxes import Sandboxes
from addons.cni.controller.sharing import Sharing
from addons.cni.controller.sweep import Sweep
from addons.cni.controller.translation import Translating
from addons.cni.controller.views import views
from addons.cni.kube.watches import NodeWatches
from addons.cni.model.enis import InstanceLimits, NodeIdentity
from addons.cni.net.node import NodeNetwork
from addons.cni.plan.demand_targets import is_scarce
from addons.cni.plan.view import View
from addons.cni.plugin.install import write_conflist
from addons.cni.server.socket import SocketServer
from addons.cni.store.journal import Journal
from addons.cni.store.spool import Spool
from addons.runtime.daemon import Parts
from addons.runtime.errors import OutsideError
from addons.runtime.outcomes import Fault
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)

_PASSES = 20
"""Of a single pass: so often what was gained may lead to something more."""


class Node:
    """Serves the container runtime and keeps the pool, the kernel and the node's capacity."""

    def __init__(
        self,
        config: Config,
        parts: Parts,
        watched: NodeWatches,
        *,
        identity: NodeIdentity,
        limits: InstanceLimits,
        journal: Journal,
        spool: Spool,
        interfaces: Interfaces,
        addresses: AddressPool,
        pool: Pool,
        sandboxes: Sandboxes,
        network: Network,
        kernel: NodeNetwork,
        metadata: NodeMetadata,
        translating: Translating,
        sweep: Sweep | None,
        now: Callable[[], datetime],
    ) -> None:
        self._config, self._watched, self._spool, self._sweep = config, watched, spool, sweep
        self.identity, self.limits, self.journal, self.translating = identity, limits, journal, translating
        self.interfaces, self.addresses, self.pool, self.sandboxes = interfaces, addresses, pool, sandboxes
        self.sharing = Sharing(
            watched, node=config.node, is_scarce=self._is_scarce, audit=config.audit_interval
        )
        self.capacity = CapacityTeller(
            config,
            kube=parts.kube,
            watched=watched,
            view=self._view,
            sharers=self.sharing.current,
            reporter=parts.reporter,
        )
        self.audit = Audit(
            config,
            journal=journal,
            spool=spool,
            sandboxes=sandboxes,
            interfaces=interfaces,
            pool=pool,
            network=network,
            node=kernel,
            metadata=metadata,
            pods=watched.pods,
            reporter=parts.reporter,
            now=now,
        )
        self._link_watch = LinkWatch(
            interfaces=interfaces,
            allocations=journal.allocations,
            network=network,
            pool=pool,
            audit=self.audit,
        )
        self.server = self._served(parts, now)
        pool.on_change = self._pool_changed
        pool.sharers = self.sharing.known
        self.sharing.on_change = self.capacity.wake

    def _served(self, parts: Parts, now: Callable[[], datetime]) -> SocketServer:
        calls = CountedCalls(
            self.sandboxes,
            pod_came=self.pool.pod_came,
            why=lambda: self.addresses.why,
            reporter=parts.reporter,
            now=now,
        )
        answers = views(self._config, self, self._watched, parts.decisions)
        return SocketServer(Path(self._config.socket), operations=calls, views=answers)

    async def run(self, stopping: asyncio.Event) -> None:
        """Do all of it until `stopping`."""
        await replay(self._spool, self.sandboxes)
        async with asyncio.TaskGroup() as group:
            for part in (
                self.server.serve,
                partial(self._run_permitted, self.pool.run),
                partial(self._run_permitted, self.capacity.run),
                self.audit.run,
                self._link_watch.run,
                self.translating.run,
                self.sharing.run,
                self._write_conflist_when_ready,
                *((self._sweep.run,) if self._sweep else ()),
            ):
                group.create_task(part(stopping))

    async def run_once(self, permit: Permit) -> dict[str, str]:
        """Have the pool as pods need it; what failed, by what it was about."""
        failures: dict[str, str] = {}
        for _ in range(_PASSES):
            try:
                await self.pool.reconcile("pool", permit)
            except OutsideError as error:
                return {"pool": error.message}
            await self.pool.settle()
            failures |= self.pool.failures
            if not self.pool.plan.actions or self.pool.failures or permit.stopping.is_set():
                break
        return failures

    def wake(self) -> None:
        """Plan anew: something that was watched has changed."""
        self.pool.wake()
        self.capacity.wake()

    def not_ready(self) -> str:
        """Why pods cannot be started, in words; empty when they can."""
        if reason := self.pool.not_ready():
            return reason
        if self.journal.failure:
            return f"assignments cannot be written down: {self.journal.failure}"
        return "" if self.server.is_listening.is_set() else "the socket is not served yet"

    def faults(self) -> Iterator[Fault]:
        """What around the daemon keeps it from its work."""
        yield from self.pool.faults()
        if self._watched.knows_node and self._watched.node() is None:
            about, words = f"node {self._config.node}", "Kubernetes has no node of this name: see --node"
            yield Fault("kubernetes", about, names.NODE_UNKNOWN, words)
        for about, error in (self.audit.errors | self.translating.errors).items():
            yield Fault("aws", about, error.reason, error.message)

    def _is_scarce(self) -> bool:
        return self.interfaces.is_known and is_scarce(self.pool.view())

    def _view(self) -> View | None:
        return self.pool.view() if not self.pool.not_ready() and self._watched.knows_pods else None

    def _pool_changed(self) -> None:
        self.capacity.wake()
        self.translating.wake()
        self.sharing.wake()
        metrics.set_pool(self.pool.view(), self.addresses.waiting)

    async def _run_permitted(
        self, run: Callable[[Permit], Coroutine[Any, Any, None]], stopping: asyncio.Event
    ) -> None:
        await run(Permit(stopping))

    async def _write_conflist_when_ready(self, stopping: asyncio.Event) -> None:
        """Tell the runtime that pods can start, as soon as that is so; it is never taken back."""
        while not stopping.is_set():
            if not self.not_ready():
                write_conflist(self._config)
                await stopping.wait()
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await stopping.wait()
