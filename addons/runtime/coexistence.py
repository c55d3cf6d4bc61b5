"""Beside the original: while its Lease is held, nothing is changed here, unless that is forced."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from addons.runtime.clock import utc_now
from addons.runtime.errors import NotFound, OutsideError, Withheld
from addons.runtime.kube import KubeClient
from addons.runtime.leader import leader_now
from addons.runtime.objects import LEASES, Lease, LeaseSpec
from addons.runtime.outcomes import Fault

log = logging.getLogger(__name__)

NAMESPACE: Final = "kube-system"
"""Where originals write down who of their replicas leads, unless they were told otherwise."""

LOOK_SECONDS: Final = 10.0
"""The original renews its Lease every 2 s, and it is over after 15 s."""

_SECOND_LOOK_SECONDS: Final = 5.0
"""A Lease that is over by our clock, and that was renewed within so long, is not: clocks differ."""


class Coexistence:
    """Looks again and again whether the original leads, by its `lease`. `force` acts all the same.

    `code` is the reason code of what is not done meanwhile.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        lease: str,
        code: str,
        force: bool,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._kube = kube
        self._lease = lease
        self._code = code
        self._force = force
        self._now = now
        self._over = LeaseSpec()
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
            leader = await self._find()
        except OutsideError as error:
            if error.message != self._why_unknown:
                log.warning("whether the original leads is not known: %s", error.message)
            self._why_unknown = error.message
            return
        if leader and leader != self._leader:
            verb = "acting beside it by force" if self._force else "nothing is changed meanwhile"
            where = f"{NAMESPACE}/{self._lease}"
            log.warning("%s leads by the lease %s of the original: %s", leader, where, verb)
        self._leader, self._why_unknown = leader, ""
        self._known.set()

    async def _find(self) -> str:
        """Who leads: by our clock or, where clocks differ, as the Lease is seen to be renewed."""
        leader = await leader_now(self._kube, NAMESPACE, self._lease, self._now)
        if leader or not (before := await self._read()).holder_identity or before == self._over:
            return leader
        await asyncio.sleep(_SECOND_LOOK_SECONDS)
        after = await self._read()
        if after.renew_time != before.renew_time:
            return after.holder_identity
        self._over = after
        return ""

    async def _read(self) -> LeaseSpec:
        """The Lease as it stands there; one without a holder where there is none."""
        try:
            return (await self._kube.get(LEASES, Lease, namespace=NAMESPACE, name=self._lease)).spec
        except NotFound:
            return LeaseSpec()

    def in_the_way(self) -> str:
        """Why nothing may be changed here, in words; empty when all may."""
        if self._force:
            return ""
        if not self._known.is_set():
            return f"whether the original leads is not known: {self._why_unknown}"
        if not self._leader:
            return ""
        fix = "stop it, or set --force-take-over"
        return f"{self._leader} of the original leads by the lease {NAMESPACE}/{self._lease}: {fix}"

    def refusal(self) -> Withheld | None:
        """The same as what a permit says."""
        why = self.in_the_way()
        return Withheld(f"not begun: {why}", code=self._code) if why else None

    def fault(self) -> Fault | None:
        """The same as what keeps the daemon from its work, once it is known."""
        why = self.in_the_way() if self._known.is_set() or self._why_unknown != "not looked at yet" else ""
        return Fault("kubernetes", f"lease {NAMESPACE}/{self._lease}", self._code, why) if why else None
