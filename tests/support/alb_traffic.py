"""Users of simulated load balancers: real requests, by real rules, to servers that say who they are."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import NamedTuple

import aiohttp
from aiohttp import web

from addons.sim.alb.plane import DataPlane
from addons.sim.alb.reach import Reach
from addons.sim.ports import free_port
from tests.support.alb_targets import DISCOVERY, service, slice_of
from tests.support.alb_world import World
from tests.support.processes import running
from tests.support.started import Started
from tests.support.until import until

MOST_REQUESTS = 4000
"""Of one visit: as many as a load balancer of this kind answers in some ten seconds."""

_VISITORS = 4
_PAUSE_SECONDS = 0.01


class Answer(NamedTuple):
    """Status and text; 0 where no load balancer listens."""

    status: int
    text: str


@dataclass
class Seen:
    """What visitors were answered: by host and path, in order, the same answer in a row only once."""

    runs: dict[str, list[Answer]] = field(default_factory=dict)
    requests: int = 0

    def note(self, url: str, answer: Answer) -> None:
        """Add an answer."""
        self.requests += 1
        runs = self.runs.setdefault(url, [])
        if not runs or runs[-1] != answer:
            runs.append(answer)


class Backends:
    """Servers on loopback, one for each address that targets have."""

    def __init__(self) -> None:
        self._words: dict[int, str] = {}
        self._ports: dict[str, int] = {}

    async def start(self) -> None:
        """Be ready to serve."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()

    async def stop(self) -> None:
        """End every server."""
        await self._runner.cleanup()

    async def serve(self, address: str, word: str) -> None:
        """Let somebody at this address answer with a word."""
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._ports[address] = port = self._runner.addresses[-1][1]
        self._words[port] = word

    def reach(self, id_: str, port: int) -> tuple[str, int]:
        """Where a target is served; an address that nobody has refuses connections."""
        return "127.0.0.1", self._ports.get(id_, 1)

    async def _answer(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        return web.Response(text=self._words[request.transport.get_extra_info("sockname")[1]])


class Traffic:
    """Asks the load balancer of a world, whose Services have servers."""

    def __init__(self, world: World, plane: DataPlane, backends: Backends) -> None:
        self.plane, self._world, self._backends = plane, world, backends
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        self._addresses = (f"192.168.{high}.{low}" for high in range(256) for low in range(1, 255))

    async def close(self) -> None:
        """Ask no more."""
        await self._session.close()

    async def serve(self, *names: str) -> None:
        """Make Services, each with an endpoint that answers with the Service's name."""
        for name in names:
            address = next(self._addresses)
            await self._backends.serve(address, name)
            self._world.create(service(name))
            self._world.create(slice_of(address, of=name), kind="endpointslices", version=DISCOVERY)

    async def ask(self, url: str, port: int = 80) -> Answer:
        """Ask for `host/path`."""
        host, slash, path = url.partition("/")
        arn = next((each.arn for each in self._world.elb.listeners.values() if each.port == port), "")
        try:
            at = self.plane.url(arn)
        except KeyError:
            return Answer(0, "no listener")
        asked = self._session.get(f"{at}{slash}{path}", headers={"Host": host}, allow_redirects=False)
        async with asked as reply:
            return Answer(reply.status, await reply.text())

    async def ask_all(self, urls: Iterable[str]) -> dict[str, Answer]:
        """Ask for each once."""
        return {url: await self.ask(url) for url in urls}

    async def are_answered(self, wanted: Mapping[str, Answer]) -> None:
        """Return when every one of these is answered so."""
        left = dict(wanted)

        async def look() -> bool:
            while left:
                url = next(iter(left))
                if await self.ask(url) != left[url]:
                    return False
                del left[url]
            return True

        await until(look, "all are answered", pause=0.3, seconds=60)

    @asynccontextmanager
    async def visiting(self, urls: Sequence[str], *, pause: float = _PAUSE_SECONDS) -> AsyncIterator[Seen]:
        """Ask for each in turn, all the time but for at most so many requests; in the end each once more."""
        seen, enough = Seen(), asyncio.Event()

        async def visit(mine: Sequence[str]) -> None:
            for url, _ in zip(cycle(mine), range(MOST_REQUESTS // _VISITORS), strict=False):
                seen.note(url, await self.ask(url))
                await asyncio.sleep(pause)
                if enough.is_set():
                    return

        parts = [urls[number::_VISITORS] for number in range(_VISITORS)]
        visitors = [asyncio.create_task(visit(part)) for part in parts if part]
        try:
            yield seen
        finally:
            enough.set()
            await asyncio.gather(*visitors)
        for url, answer in (await self.ask_all(urls)).items():
            seen.note(url, answer)


@asynccontextmanager
async def traffic(
    world: World, *, batch_seconds: float = 0.0, reach: Reach | None = None
) -> AsyncIterator[Traffic]:
    """Serve the load balancers of a world; health is asked for ten times as often as it is written."""
    backends = Backends()
    await backends.start()
    plane = DataPlane(
        world.aws.elbv2, reach=reach or backends.reach, batch_seconds=batch_seconds, health_scale=0.1
    )
    try:
        async with plane:
            users = Traffic(world, plane, backends)
            try:
                yield users
            finally:
                await users.close()
    finally:
        await backends.stop()


@asynccontextmanager
async def daemon(world: World, *flags: str) -> AsyncIterator[Started]:
    """The daemon as a process of its own; its log is in the world's folder."""
    port = free_port()
    where = (
        f"--kubeconfig={world.kubeconfig}",
        f"--aws-endpoint-url={world.aws.url}",
        f"--listen=127.0.0.1:{port}",
        "--aws-region=eu-central-1",
        "--cluster-name=prod",
        f"--aws-vpc-id={world.vpc_id}",
        "--no-leader-elect",
    )
    command = (sys.executable, "-m", "addons.albingress", *where, *flags)
    with (world.folder / "albingress.log").open("ab") as log:
        async with (
            running(*command, env=os.environ, stdout=log, stderr=log) as process,
            aiohttp.ClientSession() as http,
        ):
            yield Started(port, process, http)


async def passes(started: Started) -> int:
    """How many passes over groups a daemon has made."""
    _, text = await started.get("/metrics")
    lines = [line for line in text.splitlines() if line.startswith("addons_albingress_passes_total{")]
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)
