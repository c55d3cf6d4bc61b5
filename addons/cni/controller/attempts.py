"""ADDs that are under way: what ends one before its time."""

import asyncio
from collections.abc import Iterator
from datetime import datetime

from addons.cni import names
from addons.cni.controller.addresses import Taken
from addons.cni.model.assignments import PodId, SandboxKey
from addons.cni.model.requests import ABANDONED, CniError


class Attempt:
    """One ADD. The first cause that ends it counts; while it waits for an address it ends at once."""

    def __init__(self, key: SandboxKey, pod: PodId, since: datetime) -> None:
        self.key, self.pod, self.since = key, pod, since
        self.ended_by: CniError | None = None
        self.asked: asyncio.Future[Taken] | None = None
        """The address that it waits for."""

    def end(self, error: CniError) -> None:
        """Have it end with an error."""
        self.ended_by = self.ended_by or error
        if self.asked and not self.asked.done():
            self.asked.set_exception(self.ended_by)

    def raise_if_ended(self) -> None:
        """Raise the error that has ended it."""
        if self.ended_by:
            raise self.ended_by


class Attempts:
    """All ADDs that are under way."""

    def __init__(self) -> None:
        self._attempts: set[Attempt] = set()

    def __iter__(self) -> Iterator[Attempt]:
        return iter(sorted(self._attempts, key=lambda attempt: attempt.since))

    def add(self, attempt: Attempt) -> None:
        """Take part."""
        self._attempts.add(attempt)

    def discard(self, attempt: Attempt) -> None:
        """Take no part any more."""
        self._attempts.discard(attempt)

    def container_deleted(self, key: SandboxKey) -> None:
        """End the ADDs of a container of which a DEL came."""
        message = f"container {key.container_id[:12]} was deleted meanwhile"
        for attempt in list(self._attempts):
            if (attempt.key.container_id, attempt.key.if_name) == (key.container_id, key.if_name):
                attempt.end(CniError(ABANDONED, message, reason=names.CONTAINER_DELETED))

    def pod_deleted(self, pod: PodId) -> None:
        """End the ADDs of a pod that is gone, or is to go: else its end would wait for them."""
        for attempt in list(self._attempts):
            if pod.uid and attempt.pod == pod:
                attempt.end(CniError(ABANDONED, f"pod {pod} was deleted", reason=names.POD_DELETED))
