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

RETRY_SECONDS: Final = 10.0
"""After a failure, a right that is missing for instance, AWS is asked again so much later."""


class LoadBalancers:
    """Learns the zones from the load balancers of this region: all of one kind in a region share one zone."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session
        self._zones: dict[str, str] = {}
        self._again = 0.0
        self._error: OutsideError | None = None
        self._needed = 0.0
        self._lock = asyncio.Lock()

    async def zones_of(self, hosts: Collection[str]) -> dict[str, str]:
        """The hosted zone of each host that is a load balancer; hosts that nothing is known of are left out.

        One listing is enough for all that come later. After a failure it is tried again soon.
        """
        endings = {host: match[1] for host in hosts if (match := _HOST.fullmatch(host))}
        async with self._lock:
            if not self._zones.keys() >= set(endings.values()):
                self._needed = asyncio.get_running_loop().time()
                await self._learn()
        return {host: self._zones[end] for host, end in endings.items() if end in self._zones}

    @property
    def error(self) -> OutsideError | None:
        """Why the zones cannot be learned; None when they can, or when nobody has needed one for a while."""
        is_needed = asyncio.get_running_loop().time() < self._needed + 6 * RETRY_SECONDS
        return self._error if is_needed else None

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
            self._error = None
        except OutsideError as error:
            self._again = now + RETRY_SECONDS
            if str(error) != str(self._error):
                log.warning("the hosted zones of load balancers cannot be learned: %s", error)
            self._error = error
