"""What pods have that the journal does not know: left by the original, or by a daemon whose journal is lost.

Done once, when EC2 has been asked and before any address is handed out: what a living pod has must not be
given to another.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path

from msgspec.structs import replace

from addons.cni import names
from addons.cni.config import Config
from addons.cni.controller.interfaces import Interfaces
from addons.cni.controller.network import Network
from addons.cni.model.assignments import Assignment, PodId, SandboxKey
from addons.cni.model.objects import Pod
from addons.cni.net.wanted import Observed
from addons.cni.net.wiring import MAIN_TABLE, POD_TABLE, owner_of, veth_name
from addons.cni.store.checkpoint import read_checkpoint
from addons.cni.store.journal import Journal
from addons.cni.store.records import Assigned, Quarantined, Recovered
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError

log = logging.getLogger(__name__)


class Recovery:
    """Brings the journal up to what pods have. `pods` gives those that Kubernetes has on this node."""

    def __init__(
        self,
        config: Config,
        *,
        journal: Journal,
        interfaces: Interfaces,
        network: Network,
        pods: Callable[[], Iterable[Pod]],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config, self._journal, self._now = config, journal, now
        self._interfaces, self._network, self._pods = interfaces, network, pods

    async def once(self) -> None:
        """Recover, unless that was done. Raises OutsideError, and is to be done again then."""
        if not self._journal.is_new and not self._journal.damage:
            return
        if self._journal.is_new:
            await self._take_over()
        await self._learn(await self._network.observe())
        await self._journal.write(Recovered())

    async def _take_over(self) -> None:
        """Take over what the original wrote down."""
        checkpoint = read_checkpoint(
            Path(self._config.backing_store),
            eni_of=self._eni_of,
            host_name=lambda pod, if_name: veth_name(self._config.veth_prefix, pod, if_name),
        )
        for problem in checkpoint.problems:
            log.warning("%s", problem)
        for found in checkpoint.assignments:
            await self._adopt(found)

    async def _adopt(self, found: Assignment) -> None:
        """Take over one pod of the original, if it still has its links."""
        try:
            found = await self._located(found)
            changed = await self._network.adopt(found)
        except OutsideError as error:
            log.info("pod %s of the checkpoint is gone: %s", found.pod, error.message)
            return
        await self._journal.write(Assigned(found))
        log.info("pod %s is taken over with %s: %s", found.pod, found.ip, "; ".join(changed) or "as it is")

    async def _learn(self, observed: Observed) -> None:
        """Learn from the links that carry our alias what the journal has lost."""
        known = set(self._journal.allocations.by_key)
        lost = [held for held in self._by_links(observed) if held.key not in known]
        for held in lost:
            log.warning("container %s has %s by its link: the journal has lost it", held.key, held.ip)
            await self._journal.write(Assigned(await self._located(held)))
        strangers = {ip for ip in routed(observed).values() if ip not in self._journal.allocations.by_ip}
        for ip in sorted(strangers):
            await self._journal.write(Quarantined(ip, "a link of the node leads to it, and nobody has it"))

    async def _located(self, found: Assignment) -> Assignment:
        """Find where the pod's namespace is, so that it can be looked at and repaired."""
        return replace(found, netns=await self._network.namespace_of(found.host_if))

    def _by_links(self, observed: Observed) -> Iterator[Assignment]:
        by_ip = {pod.status.pod_ip: pod for pod in self._pods() if pod.status.pod_ip}
        ways = routed(observed)
        for link in observed.links:
            owner, ip = owner_of(link.alias), ways.get(link.index)
            if owner is None or ip is None:
                continue
            pod = by_ip.get(str(ip))
            meta = pod.metadata if pod else None
            yield Assignment(
                key=SandboxKey(names.NETWORK, *owner),
                pod=PodId(meta.namespace, meta.name, meta.uid) if meta else PodId(),
                ip=ip,
                eni_id=self._eni_of(ip) or "",
                host_if=link.name,
                netns="",
                since=self._now(),
            )

    def _eni_of(self, ip: IPv4Address) -> str | None:
        found = (eni.eni_id for eni in self._interfaces.all() if ip in eni.all_addresses())
        return next(found, None)


def routed(observed: Observed) -> dict[int, IPv4Address]:
    """The address to which each end of a pair leads, ours and others', by the index of the link."""
    ends = {link.index for link in observed.links if link.kind == "veth"}
    found = {}
    for route in observed.routes:
        if route.index in ends and route.table in (POD_TABLE, MAIN_TABLE):
            with suppress(ValueError):
                if route.network.prefixlen == route.network.max_prefixlen:
                    found[route.index] = route.network.network_address
    return found
