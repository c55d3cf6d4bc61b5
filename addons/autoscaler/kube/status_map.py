"""The ConfigMap with the status: written when something of it changed, else now and then."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from addons.autoscaler.kube.config_maps import KeptConfigMap
from addons.autoscaler.names import LAST_UPDATED

KEY: Final = "status"

_CHANGED_SECONDS = 1.0
"""What changes all the time is written once in so long."""


class StatusMap:
    """Keeps the status in a ConfigMap; `idle_seconds` is how old it may get while nothing of it changes.

    It stays when the daemon ends: a status that is old says so.
    """

    def __init__(self, kept: KeptConfigMap, *, idle_seconds: float, clock: Callable[[], float]) -> None:
        self._kept = kept
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._written: object = None
        self._written_at = float("-inf")

    def is_due(self, content: object) -> bool:
        """Whether a status should be written now; `content` is what counts of it, without times."""
        age = self._clock() - self._written_at
        return age >= self._idle_seconds or (content != self._written and age >= _CHANGED_SECONDS)

    async def write(self, text: str, content: object, now: datetime) -> None:
        """Write the status. Raises OutsideError; the next try comes as soon as after a success."""
        self._written_at = self._clock()
        await self._kept.write({KEY: text}, {LAST_UPDATED: _moment(now)})
        self._written = content

    def forget(self) -> None:
        """Take the next status for new: another replica may have written meanwhile."""
        self._written, self._written_at = None, float("-inf")


def _moment(now: datetime) -> str:
    """As Go prints a time: `2026-11-28 21:55:00.123456789 +0000 UTC`; tools read this annotation."""
    return f"{now:%Y-%m-%d %H:%M:%S.%f}000 +0000 UTC"
