"""Which traffic of pods leaves with the node's address: worked out from the VPC, and kept in the kernel."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Network

from addons.cni.aws.node import NodeMetadata
from addons.cni.aws.vpc import Vpc
from addons.cni.config import Config
from addons.cni.controller.interfaces import Interfaces
from addons.cni.controller.pauses import first_of
from addons.cni.kube import reports
from addons.cni.model.enis import NodeIdentity
from addons.cni.model.routes import Route
from addons.cni.net.snat import Snat
from addons.cni.net.table import Translation
from addons.cni.plan.pace import ROUTES_PERIOD
from addons.cni.plan.snat import SnatRules, exempt_networks
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError
from addons.runtime.reporter import Reporter

log = logging.getLogger(__name__)

_RETRY_SECONDS = 5.0


class Translating:
    """Looks at the blocks of the VPC by metadata twice in each audit, and at routes in every fifteenth.

    What cannot be read stays as it was; until the blocks were read once, nothing is translated.
    """

    def __init__(
        self,
        config: Config,
        node: NodeIdentity,
        *,
        primary_link: str,
        mark: int,
        vpc: Vpc,
        metadata: NodeMetadata,
        interfaces: Interfaces,
        snat: Snat,
        reporter: Reporter,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config, self._node, self._primary_link, self._mark = config, node, primary_link, mark
        self._vpc, self._metadata, self._interfaces = vpc, metadata, interfaces
        self._snat, self._reporter, self._now = snat, reporter, now
        self._cidrs: tuple[IPv4Network, ...] = ()
        self._routes: tuple[tuple[Route, ...], ...] | None = None
        self._routes_of: frozenset[str] = frozenset()
        self._routes_asked: frozenset[str] = frozenset()
        self._routes_at: datetime | None = None
        self._woken = asyncio.Event()
        self._is_original_gone = False
        self.rules: SnatRules | None = None
        self.errors: dict[str, OutsideError] = {}

    def wake(self) -> None:
        """Look now if pods are in a subnet whose routes were not read."""
        if self._config.snat_mode == "auto" and not self._subnets() <= self._routes_asked:
            self._woken.set()

    def _subnets(self) -> frozenset[str]:
        found = {eni.subnet_id for eni in self._interfaces.all() if eni.is_managed}
        return frozenset(found | {self._node.subnet_id})

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the table until `stopping`; it stays then."""
        while not stopping.is_set():
            try:
                await self.ensure()
                self.errors.pop("translation", None)
                await self._remove_original()
            except OutsideError as error:
                log.warning("translation of addresses: %s", error.message)
                self.errors["translation"] = error
            seconds = self._config.audit_interval.total_seconds() / 2
            is_failing = self.errors.keys() - {"original"}
            await first_of(
                self._woken, stopping, seconds=min(seconds, _RETRY_SECONDS) if is_failing else seconds
            )
            self._woken.clear()

    async def ensure(self) -> None:
        """Look once. Raises OutsideError."""
        await self._read()
        excluded = map(IPv4Network, self._config.exclude_snat_cidrs)
        rules = exempt_networks(self._config.snat_mode, self._cidrs, excluded, self._routes)
        amiss = self._snat.ensure(self._translation(rules))
        if rules != self.rules:
            log.info("translation of addresses: %s", rules.because)
        elif amiss:
            log.warning("translation of addresses is put right: %s", "; ".join(amiss))
        self.rules = rules
        told = [reports.of_node(self._config.node, rules.reason, rules.because)] if rules.reason else []
        self._reporter.tell_current("translation", told)

    async def _remove_original(self) -> None:
        """Remove, once, what the original left: it would go on to translate what is exempt by now."""
        if self._is_original_gone:
            return
        try:
            removed = self._snat.remove_original()
        except OutsideError as error:
            if "original" not in self.errors:
                log.warning("packet filter of amazon-vpc-cni-k8s: %s", error.message)
            self.errors["original"] = error
            return
        self._is_original_gone = True
        self.errors.pop("original", None)
        for words in removed:
            log.info("packet filter of amazon-vpc-cni-k8s: removed %s", words)

    def _translation(self, rules: SnatRules) -> Translation:
        return Translation(
            primary_link=self._primary_link,
            primary_ip=self._node.primary_ip,
            exempt=None if rules.mode == "never" else rules.exempt,
            has_node_ports=self._config.node_port_support,
            mark=self._mark,
            ports=self._config.randomizesnat,
            pod_links=self._config.veth_prefix,
        )

    async def _read(self) -> None:
        try:
            self._cidrs = await self._metadata.vpc_cidrs(self._node.primary_mac)
        except OutsideError:
            if not self._cidrs:
                self._cidrs = await self._vpc.cidrs()
        if self._config.snat_mode == "auto":
            await self._read_routes()

    async def _read_routes(self) -> None:
        wanted = self._subnets()
        period = ROUTES_PERIOD * self._config.audit_interval
        is_fresh = self._routes_at and self._now() - self._routes_at < period
        if is_fresh and wanted <= self._routes_of and "routes" not in self.errors:
            return
        self._routes_asked = wanted
        try:
            found = await self._vpc.routes(wanted)
        except OutsideError as error:
            self.errors["routes"] = error
            return
        self.errors.pop("routes", None)
        self._routes = tuple(found[subnet_id] for subnet_id in sorted(found))
        self._routes_of, self._routes_at = wanted, self._now()
