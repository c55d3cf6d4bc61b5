"""Compare what is believed with what is: metadata, the kernel, the journal, spooled calls; every minute."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from addons.cni.aws.node import NodeMetadata
from addons.cni.config import Config
from addons.cni.controller.interfaces import Interfaces
from addons.cni.controller.metrics import COUNTS, FORCE_REMOVED_IPS, LEAKED
from addons.cni.controller.network import Network
from addons.cni.controller.pauses import first_of
from addons.cni.controller.pool import Pool
from addons.cni.controller.recovery import routed
from addons.cni.controller.replay import replay
from addons.cni.controller.sandboxes import Sandboxes
from addons.cni.kube import reports
from addons.cni.model.assignments import Assignment, PodId
from addons.cni.model.objects import Pod
from addons.cni.model.requests import CniError
from addons.cni.net.leaks import left_links
from addons.cni.net.node import NodeNetwork
from addons.cni.net.wanted import Observed
from addons.cni.net.wiring import owner_of
from addons.cni.store.journal import Journal
from addons.cni.store.records import Cleared
from addons.cni.store.spool import Spool
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError
from addons.runtime.reporter import Reporter

log = logging.getLogger(__name__)

_YOUNG = timedelta(seconds=60)
"""What is younger may be on its way still: an ADD that wires, a DEL that comes."""


class Audit:
    """Looks every `--audit-interval`, and at once when woken. One comparison that fails stops no other."""

    def __init__(
        self,
        config: Config,
        *,
        journal: Journal,
        spool: Spool,
        sandboxes: Sandboxes,
        interfaces: Interfaces,
        pool: Pool,
        network: Network,
        node: NodeNetwork,
        metadata: NodeMetadata,
        pods: Callable[[], Iterable[Pod]],
        reporter: Reporter,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config, self._journal, self._spool, self._sandboxes = config, journal, spool, sandboxes
        self._interfaces, self._pool, self._network, self._node = interfaces, pool, network, node
        self._metadata, self._reporter, self._now = metadata, reporter, now
        self._pods = pods
        self._woken = asyncio.Event()
        self._asked_for: Mapping[str, frozenset[IPv4Address]] | None = None
        self._strange_since: dict[int, float] = {}
        self._lost: set[IPv4Address] = set()
        self.errors: dict[str, OutsideError] = {}

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Look until `stopping`."""
        while not stopping.is_set():
            self._woken.clear()
            await self.look()
            seconds = self._config.audit_interval.total_seconds()
            await first_of(self._woken, stopping, seconds=seconds)

    async def look(self) -> None:
        """Make all comparisons once."""
        COUNTS.add("reconcile", "audit")
        await self._try("journal", self._journal.retry())
        await self._try("spool", self._replay())
        await self._try("metadata", self._compare_metadata())
        if self._interfaces.is_known:
            await self._try("kernel", self._compare_kernel())
            self._tell_lost()

    async def _replay(self) -> None:
        if done := await replay(self._spool, self._sandboxes):
            log.info("spool: %d DELs made good", done)

    async def _compare_metadata(self) -> None:
        """Have EC2 asked where metadata say something else, once for each thing that they say."""
        found, known = await self._metadata.addresses(), self._interfaces.all()
        ours = {eni.mac: eni.all_addresses() | {eni.primary_ip} for eni in known if eni.is_managed}
        differs = found.keys() != {eni.mac for eni in known} or any(
            found.get(mac) != ips for mac, ips in ours.items()
        )
        if differs and found != self._asked_for and self._interfaces.is_known:
            log.info("metadata differ from what EC2 said: it is asked again")
            self._asked_for = found
            self._interfaces.is_doubtful = True
            self._pool.wake()

    async def _compare_kernel(self) -> None:
        await self._network.prepare(self._interfaces.all())
        observed = await self._network.observe()
        await self._remove_strangers(observed)
        await self._forget_gone(observed)
        await self._clear(observed)
        await self._name_pods()

    async def _remove_strangers(self, observed: Observed) -> None:
        """Remove pairs of ours that belong to no assignment, once that has been so for a while."""
        held, now = [each.key for each in self._assigned()], asyncio.get_running_loop().time()
        ways = routed(observed)
        old, self._strange_since = left_links(observed.links, held, self._strange_since, now, routed=ways)
        if old:
            await self._node.remove_links(old)
        for link in old:
            self._leaked(link.name, "link", f"link {link.name}: removed: no container has it")

    async def _forget_gone(self, observed: Observed) -> None:
        """Release what containers held whose links and namespaces are gone."""
        there = {owner_of(link.alias) for link in observed.links}
        for held in self._assigned():
            is_wired = (held.key.container_id, held.key.if_name) in there
            if is_wired or self._now() - held.since < _YOUNG or _exists(held.netns):
                continue
            with suppress(CniError):
                await self._sandboxes.forget(held)
                self._leaked(str(held.key), "address", f"{held.ip}: released: container {held.key} is gone")

    async def _name_pods(self) -> None:
        """Find out whose the sandboxes are that were recovered while Kubernetes could not be asked."""
        nameless = [held for held in self._assigned() if not held.pod.name]
        by_ip = {pod.status.pod_ip: pod.metadata for pod in self._pods()} if nameless else {}
        for held in nameless:
            if meta := by_ip.get(str(held.ip)):
                with suppress(CniError):
                    await self._sandboxes.identify(held, PodId(meta.namespace, meta.name, meta.uid))

    async def _clear(self, observed: Observed) -> None:
        """Have pods get those addresses again to which nothing leads any more."""
        for ip in sorted(self._journal.allocations.quarantined.keys() - set(routed(observed).values())):
            log.info("address %s: nobody has it any more, pods may", ip)
            await self._journal.write(Cleared(ip))

    def _tell_lost(self) -> None:
        """Tell pods whose address the node does not have any more."""
        there = {ip for eni in self._interfaces.all() for ip in eni.all_addresses()}
        lost = [held for held in self._assigned() if held.ip not in there]
        for held in lost:
            if held.ip not in self._lost:
                FORCE_REMOVED_IPS.inc()
        self._lost = {held.ip for held in lost}
        what = "no interface has it any more"
        self._reporter.tell_current("lost", [reports.of_lost(held, what) for held in lost])

    def _leaked(self, key: str, what: str, message: str) -> None:
        LEAKED.labels(what).inc()
        self._reporter.tell(reports.of_leak(key, message))

    def _assigned(self) -> list[Assignment]:
        return list(self._journal.allocations.by_key.values())

    async def _try(self, what: str, comparison: Awaitable[None]) -> None:
        try:
            await comparison
            self.errors.pop(what, None)
        except OutsideError as error:
            COUNTS.add("error", what)
            if what not in self.errors:
                log.warning("audit of %s: %s", what, error.message)
            self.errors[what] = error


def _exists(netns: str) -> bool:
    """Whether a namespace may still be there; of one that was never told nothing is known."""
    return bool(netns) and Path(netns).exists()
