"""The quotas of the account, which AWS raises for who asks."""

import logging
from typing import Any, Final

from addons.albingress.aws.remembered import Remembered
from addons.albingress.model.quotas import Quotas
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Denied

log = logging.getLogger(__name__)

_SECONDS = 600.0
_NAMES: Final = {
    "rules-per-application-load-balancer": "rules",
    "target-groups-per-application-load-balancer": "target_groups",
    "certificates-per-application-load-balancer": "certificates",
    "listeners-per-application-load-balancer": "listeners",
}


class AccountQuotas:
    """Reads what a load balancer may have in this account; where that is denied, the usual is assumed."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws
        self._read: Remembered[str, Quotas] = Remembered(_SECONDS)

    async def of_load_balancers(self) -> Quotas:
        """What holds now, some minutes old at most. Raises OutsideError."""
        return await self._read.get("load balancers", self._ask)

    async def _ask(self) -> Quotas:
        items: list[dict[str, Any]] = []
        try:
            async for page in self._aws.pages("elbv2", "describe_account_limits"):
                items += page["Limits"]
        except Denied as error:
            log.warning("the usual quotas of load balancers are assumed: %s", error.message)
            return Quotas()
        found = {_NAMES[item["Name"]]: int(item["Max"]) for item in items if item.get("Name") in _NAMES}
        return Quotas(**found)
