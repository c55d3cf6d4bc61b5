"""The status of a controller as its daemon shows it, with its faults and its AWS identity."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from addons.runtime.daemon import Daemon, Parts, faults_of, status_server
from addons.runtime.web import StatusServer


@asynccontextmanager
async def status(name: str, parts: Parts, controller: Any, **more: Any) -> AsyncIterator[StatusServer]:
    """Put together what serves the status at a free port; `more` replaces parts of the daemon."""
    given: dict[str, Any] = {
        "act": controller.run,
        "once": controller.run_once,
        "caches": (),
        "state": controller.state,
        "faults": controller.faults,
    }
    daemon = Daemon(**given | more)
    faults = faults_of(parts, daemon)
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(faults.run(stopping))
        if parts.identity:
            group.create_task(parts.identity.run(stopping))
        yield status_server(name, "127.0.0.1:0", parts, daemon, faults)
        stopping.set()
