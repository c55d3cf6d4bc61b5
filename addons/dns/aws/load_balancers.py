"""The hosted zones of load balancers in regions that are newer than this program: AWS is asked."""

import asyncio
import logging
import re
from collections.abc import Collection
from typing import Final

from addons.runtime.aws import AwsSession
from addons.runtime.errors import OutsideError

log = logging.getLogger(__name__)

_HOST: Final = re.compile(
    r"(?:dualstack\.)?[^.]+\.((?:[a-z0-9-]+\.elb|elb\.[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?)"
)
_PATIENCE_SECONDS: Final = 600.0
"""An answer without the zone that was asked for is believed for so long."""


class LoadBalancers:
    """Learns the zones from the load balancers of this region: all of one kind in a region share one zone."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session
        self._zones: dict[str, str] = {}
        self._again = 0.0
        self._lock = asyncio.Lock()

    async def zones_of(self, hosts: Collection[str]) -> dict[str, str]:
        """The hosted zone of each host that is a load balancer; hosts that nothing is known of are left out.

        One listing is enough for all that come later. A failure is logged, and tried again in a while.
        """
        endings = {host: match[1] for host in hosts if (match := _HOST.fullmatch(host))}
        async with self._lock:
            if not self._zones.keys() >= set(endings.values()):
                await self._learn()
        return {host: self._zones[end] for host, end in endings.items() if end in self._zones}

    async def _learn(self) -> None:
        """List the load balancers, unless that was in vain a short while ago."""
        now = asyncio.get_running_loop().time()
        if now < self._again:
            return
        self._again = now + _PATIENCE_SECONDS
        try:
            async for page in self._session.pages("elbv2", "describe_load_balancers"):
                for balancer in page["LoadBalancers"]:
                    if match := _HOST.fullmatch(balancer["DNSName"].lower()):
                        self._zones[match[1]] = balancer["CanonicalHostedZoneId"]
        except OutsideError as error:
            log.warning("the hosted zones of load balancers cannot be learned: %s", error)
