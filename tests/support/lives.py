"""The lives of pods as the API server tells of them: when each became ready, began to leave, and was gone."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from typing import Any

from tests.support.api import Api

_ENDED = ("Succeeded", "Failed")

Span = tuple[float, float]


@dataclass
class Life:
    """One pod, and when what became true of it, on the clock of the event loop; infinity means not yet."""

    name: str
    address: str = ""
    ready: float = inf
    leaving: float = inf
    gone: float = inf


class Lives:
    """Follows the pods of a namespace."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._by_uid: dict[str, Life] = {}

    def all(self, name: str = "") -> list[Life]:
        """Every life, or those under one name, the oldest first."""
        return [life for life in self._by_uid.values() if name in ("", life.name)]

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Follow the pods until the block ends."""
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            assert not task.done(), "the watch of pods has ended"
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self) -> None:
        async for event in self._api.watch(self._api.path("pods")):
            self._note(event["type"], event["object"], asyncio.get_running_loop().time())

    def _note(self, kind: str, pod: dict[str, Any], now: float) -> None:
        metadata, status = pod["metadata"], pod["status"]
        life = self._by_uid.setdefault(metadata["uid"], Life(metadata["name"]))
        life.address = status.get("podIP") or life.address
        conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
        if conditions.get("Ready") == "True":
            life.ready = min(life.ready, now)
        if "deletionTimestamp" in metadata:
            life.leaving = min(life.leaving, now)
        if kind == "DELETED" or status.get("phase") in _ENDED:
            life.leaving = min(life.leaving, now)
            life.gone = min(life.gone, now)


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same times with as few spans as possible, in order."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
