"""The life of a webhook: trust, the door for the API server, its status, and what it answers from."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import Struct

from addons.admission.authorities import Authorities
from addons.admission.server import Webhook
from addons.admission.trust import Trust
from addons.runtime.app import run_until_stopped, version
from addons.runtime.decisions import Decisions
from addons.runtime.web import StatusServer

_GRACE_SECONDS = 5.0

Part = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Runs until the event is set."""


class Sources(Struct, frozen=True, kw_only=True):
    """What a webhook answers from besides the pod: who keeps that up to date, and why it is not."""

    parts: tuple[Part, ...] = ()
    not_ready: Callable[[], str] = lambda: ""


ALONE = Sources()
"""It answers from the pod alone."""


async def live(
    name: str, listen: str, webhook: Webhook, authorities: Authorities, sources: Sources = ALONE
) -> None:
    """Serve until SIGTERM; `listen` is where the status is. Raises SettingError where it cannot listen."""
    trust = Trust(authorities, webhook, host=authorities.host)

    def not_ready() -> str:
        return trust.not_ready() or webhook.not_ready() or sources.not_ready()

    status = StatusServer(
        listen,
        name=name,
        ready=not_ready,
        state=lambda: {
            "daemon": name,
            "version": version(),
            "host": authorities.host,
            "configuration": authorities.configuration,
            "trouble": trust.error or sources.not_ready(),
        },
        decisions=Decisions(),
    )
    await run_until_stopped(status.serve, webhook.serve, trust.run, *sources.parts, grace=_GRACE_SECONDS)
