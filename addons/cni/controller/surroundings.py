"""What lies around the node's interfaces: the subnets that pods' addresses come from, and security groups."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from addons.cni import names
from addons.cni.aws.node import NodeMetadata
from addons.cni.aws.subnets import Subnets
from addons.cni.config import Config
from addons.cni.desired.placement import eni_config_name, placed_by_eni_config, placed_by_node
from addons.cni.model.enis import NodeIdentity, Subnet
from addons.cni.model.objects import EniConfig, Node
from addons.cni.model.pool import Placement
from addons.cni.plan.pace import subnets_period
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError

log = logging.getLogger(__name__)


class Surroundings:
    """Reads all of it again when that is due. What cannot be read stays as it was; `errors` say why."""

    def __init__(
        self,
        config: Config,
        node: NodeIdentity,
        *,
        subnets: Subnets,
        metadata: NodeMetadata,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config, self._node = config, node
        self._door, self._metadata, self._now = subnets, metadata, now
        self._discovered: tuple[str, ...] | None = None
        self._read_at: dict[str, datetime] = {}
        self.subnets: dict[str, Subnet] = {}
        """What EC2 said of subnets, less what was taken since; by id."""
        self.security_groups = node.security_groups
        self.errors: dict[str, OutsideError] = {}

    def placement(self, node: Node | None, eni_configs: Mapping[str, EniConfig]) -> Placement:
        """Where interfaces for pods are made, and whether the first one serves pods."""
        around = replace(self._node, security_groups=self.security_groups)
        if not self._config.custom_network_cfg:
            found = self._discovered
            known = None if found is None else [self.subnets[each] for each in found if each in self.subnets]
            return placed_by_node(around, known)
        if node is None:
            return Placement(
                primary_serves=False,
                is_custom=True,
                reason=names.NOT_READY,
                problem="the node is not known yet",
            )
        annotation, label = self._config.eni_config_annotation_def, self._config.eni_config_label_def
        name = eni_config_name(node, annotation=annotation, label=label)
        return placed_by_eni_config(name, eni_configs, around, self.subnets)

    async def refresh(self, subnet_ids: Iterable[str], *, is_scarce: bool, sharers: int) -> None:
        """Read what is out of date; `subnet_ids` are needed beside those that are discovered.

        `sharers`: so many nodes draw on them.
        """
        wanted = {*subnet_ids, self._node.subnet_id}
        free = max((subnet.free for subnet in self.subnets.values()), default=0)
        period = subnets_period(self._config.audit_interval, free=free, is_scarce=is_scarce, sharers=sharers)
        if not wanted <= self.subnets.keys() or self._is_due("subnets", period):
            await self._try("subnets", lambda: self._read_subnets(wanted))
        if self._is_due("security groups", self._config.audit_interval / 2):
            await self._try("security groups", self._read_groups)

    def expire(self) -> None:
        """Have subnets read again at the next refresh: EC2 has less left than was thought."""
        self._read_at.pop("subnets", None)

    def took(self, subnet_id: str, addresses: int) -> None:
        """Count what was taken of a subnet, or given back (less than 0), until EC2 is asked again."""
        if subnet := self.subnets.get(subnet_id):
            self.subnets[subnet_id] = replace(
                subnet, free=max(0, subnet.free - addresses), taken=subnet.taken + addresses
            )

    async def _read_subnets(self, wanted: set[str]) -> None:
        found: dict[str, Subnet] = {}
        if self._config.enable_subnet_discovery and not self._config.custom_network_cfg:
            found = {subnet.subnet_id: subnet for subnet in await self._door.discover()}
            self._discovered = tuple(found)
        if missing := wanted - found.keys():
            found |= {subnet.subnet_id: subnet for subnet in await self._door.read(missing)}
        self.subnets = found

    async def _read_groups(self) -> None:
        self.security_groups = await self._metadata.security_groups(self._node.primary_mac)

    async def _try(self, what: str, read: Callable[[], Awaitable[None]]) -> None:
        self._read_at[what] = self._now()
        try:
            await read()
            self.errors.pop(what, None)
        except OutsideError as error:
            if what not in self.errors:
                log.warning("%s: %s", what, error.message)
            self.errors[what] = error

    def _is_due(self, what: str, period: timedelta) -> bool:
        at = self._read_at.get(what)
        return at is None or self._now() - at >= period
