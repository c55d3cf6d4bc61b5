"""Beside the original: while its Lease is held, nothing is changed here, unless that is forced."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from addons.albingress import names
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.kube import KubeClient
from addons.runtime.leader import leader_now
from addons.runtime.outcomes import Fault

log = logging.getLogger(__name__)

NAMESPACE: Final = "kube-system"
LEASE: Final = "aws-load-balancer-controller-leader"
"""Where the original writes down who of its replicas leads, unless it was told otherwise."""

LOOK_SECONDS: Final = 10.0
"""The original renews its Lease every 2 s, and it is over after 15 s."""


class Coexistence:
    """Looks again and again whether the original leads. `force` acts all the same."""

    def __init__(self, kube: KubeClient, *, force: bool) -> None:
        self._kube = kube
        self._force = force
        self._leader = ""
        self._why_unknown = "not looked at yet"
        self._known = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Look until `stopping`."""
        while not stopping.is_set():
            await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await stopping.wait()

    async def look(self) -> None:
        """Look once. What was found before counts while the Lease cannot be read."""
        try:
            leader = await leader_now(self._kube, NAMESPACE, LEASE)
        except OutsideError as error:
            if error.message != self._why_unknown:
                log.warning("whether the original leads is not known: %s", error.message)
            self._why_unknown = error.message
            return
        if leader and leader != self._leader:
            verb = "acting beside it by force" if self._force else "nothing is changed meanwhile"
            log.warning("%s leads by the lease %s/%s of the original: %s", leader, NAMESPACE, LEASE, verb)
        self._leader, self._why_unknown = leader, ""
        self._known.set()

    def in_the_way(self) -> str:
        """Why nothing may be changed here, in words; empty when all may."""
        if self._force:
            return ""
        if not self._known.is_set():
            return f"whether the original leads is not known: {self._why_unknown}"
        if not self._leader:
            return ""
        fix = "stop it, or set --force-take-over"
        return f"{self._leader} of the original leads by the lease {NAMESPACE}/{LEASE}: {fix}"

    def refusal(self) -> Withheld | None:
        """The same as what a permit says."""
        why = self.in_the_way()
        return Withheld(f"not begun: {why}", code=names.OTHER_CONTROLLER) if why else None

    def fault(self) -> Fault | None:
        """The same as what keeps the daemon from its work, once it is known."""
        why = self.in_the_way() if self._known.is_set() or self._why_unknown != "not looked at yet" else ""
        return Fault("kubernetes", f"lease {NAMESPACE}/{LEASE}", names.OTHER_CONTROLLER, why) if why else None
