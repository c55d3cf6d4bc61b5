"""Keep a webhook trusted: an authority that all replicas share, and a certificate for each."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from addons.admission.authorities import Authorities
from addons.admission.certificates import KeyPair, is_good, issue, new_authority
from addons.admission.server import Webhook
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError

log = logging.getLogger(__name__)

_LOOK_SECONDS = 60.0
_RETRY_SECONDS = 5.0


class Trust:
    """Sees to it, every minute, that the API server trusts the webhook and that no certificate runs out."""

    def __init__(
        self,
        authorities: Authorities,
        webhook: Webhook,
        *,
        host: str,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._authorities = authorities
        self._webhook = webhook
        self._host = host
        self._now = now
        self._authority: KeyPair | None = None
        self._serving: KeyPair | None = None
        self._is_trusted = False
        self.error = "nothing was tried yet"
        """What failed when it was looked last; empty when nothing did."""

    def not_ready(self) -> str:
        """Why the API server does not trust the webhook, in words; what fails later takes no trust away."""
        return "" if self._is_trusted else self.error

    async def run(self, stopping: asyncio.Event) -> None:
        """Look again and again until `stopping`."""
        while not stopping.is_set():
            try:
                await self.ensure()
                self.error = ""
            except OutsideError as error:
                log.warning("webhook: %s", error.message)
                self.error = error.message
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_SECONDS if self.error else _LOOK_SECONDS):
                    await stopping.wait()

    async def ensure(self) -> None:
        """Look once. Of two replicas that begin at once, the authority of the first one stays."""
        authority = await self._shared_authority()
        if authority != self._authority or not self._serving or not is_good(self._serving, self._now()):
            self._serving = issue(authority, self._host, self._now())
            self._authority = authority
            self._webhook.use(self._serving)
        await self._authorities.trust(authority.certificate)
        self._is_trusted = True

    async def _shared_authority(self) -> KeyPair:
        kept = await self._authorities.read()
        if kept and is_good(pair := KeyPair(*kept), self._now()):
            return pair
        made = new_authority(f"authority of {self._host}", self._now())
        await self._authorities.keep(made.certificate, made.key)
        kept = await self._authorities.read()
        return KeyPair(*kept) if kept else made
