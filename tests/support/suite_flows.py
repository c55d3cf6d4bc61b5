"""What goes on in the suite while daemons are replaced: packets, a connection, requests of visitors."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from tests.support.suite_apps import Apps, pod
from tests.support.until import until

_PORT = 9000
_COUNTING = "n=0; while :; do n=$((n+1)); echo $n; sleep 0.2; done"


class Flows:
    """Between pods on two nodes: echo requests, each answered or not, and lines over one connection."""

    def __init__(self, apps: Apps) -> None:
        self._apps = apps

    async def start(self, here: str, there: str) -> None:
        """Start it, on two nodes."""
        listening = ("sh", "-c", f"sleep 10000 | nc -l -p {_PORT}")
        await self._apps.apply(pod("listener", node=there, command=listening))
        await self._apps.ready("listener")
        address = await self._apps.address("listener")
        talking = ("sh", "-c", f"({_COUNTING}) | nc {address} {_PORT}; echo cut")
        await self._apps.apply(
            pod("talker", node=here, command=talking),
            pod("pinger", node=here, command=("ping", address)),
        )
        await self._apps.ready("talker", "pinger")
        await self.go_on()

    async def go_on(self) -> None:
        """Wait until both have come further than now."""
        echoes, lines = len(await self.echoes()), len(await self.lines())

        async def further() -> bool:
            return len(await self.echoes()) > echoes and len(await self.lines()) > lines

        await until(further, "packets and lines come")

    async def echoes(self) -> list[int]:
        """The numbers of the requests that were answered."""
        return [int(each) for each in re.findall(r"seq=(\d+)", await self._apps.log("pinger"))]

    async def lines(self) -> list[int]:
        """The numbers that came over the connection."""
        return [int(each) for each in (await self._apps.log("listener")).split()]

    async def lost(self) -> tuple[set[int], set[int]]:
        """The numbers that never came."""
        echoes, lines = await self.echoes(), await self.lines()
        return set(range(echoes[-1])) - set(echoes), set(range(1, lines[-1])) - set(lines)


@asynccontextmanager
async def visitors(url: str, host: str) -> AsyncIterator[Counter[int]]:
    """Ask a load balancer without end, over a new connection each time; the answers by status, 0 for none."""
    seen: Counter[int] = Counter()

    async def visit() -> None:
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=timeout, headers={"Connection": "close"}) as session:
            while True:
                try:
                    async with session.get(url, headers={"Host": host}) as reply:
                        await reply.read()
                        seen[reply.status] += 1
                except (aiohttp.ClientError, TimeoutError):
                    seen[0] += 1
                await asyncio.sleep(0.05)

    visiting = asyncio.create_task(visit())
    try:
        yield seen
    finally:
        visiting.cancel()
        with suppress(asyncio.CancelledError):
            await visiting
