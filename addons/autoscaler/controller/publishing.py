"""Has the status written beside the loop, which never waits for that."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from addons.autoscaler import names
from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.controller.status import Status
from addons.autoscaler.kube.status_map import StatusMap
from addons.runtime.errors import OutsideError
from addons.runtime.outcomes import Fault
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)

_SECONDS = 10.0


class Publishing:
    """Writes the status after passes, one write at a time. `kept` is None where it is not wanted."""

    def __init__(self, kept: StatusMap | None, *, now: Callable[[], datetime]) -> None:
        self._kept = kept
        self._now = now
        self._status = Status()
        self._writing: asyncio.Task[None] | None = None
        self._error = ""

    def publish(self, done: Pass, permit: Permit) -> None:
        """Have the status after a pass written, if it is news or the last one is old."""
        if self._kept is None or (self._writing and not self._writing.done()) or permit.refusal():
            return
        content = self._status.content(done)
        if self._kept.is_due(content):
            text = self._status.text(content, self._now())
            self._writing = asyncio.create_task(self._write(self._kept, text, content))

    async def _write(self, kept: StatusMap, text: str, content: object) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                await kept.write(text, content, self._now())
        except (OutsideError, TimeoutError) as error:
            why = error.message if isinstance(error, OutsideError) else "no answer in time"
            if why != self._error:
                log.warning("status: not written: %s", why)
            self._error = why
            return
        self._error = ""

    async def settled(self) -> None:
        """Return when nothing is being written any more."""
        if self._writing:
            await asyncio.wait([self._writing])

    def forget(self) -> None:
        """Write the next status whatever it is."""
        if self._kept:
            self._kept.forget()

    def fault(self) -> Fault | None:
        """Why the status could not be written."""
        if not self._error:
            return None
        return Fault("kubernetes", "configmap of the status", names.STATUS_NOT_WRITTEN, self._error)
