"""The pages of the daemons at ports of loopback: who is there is put through into the network of the pod."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from addons.demo.suite.logs import daemons_of
from addons.demo.suite.pods import PodRun
from addons.demo.suite.site import Site

DAEMONS = ("cni", "iamproxy", "dns", "albingress", "autoscaler")


@asynccontextmanager
async def pages(site: Site) -> AsyncIterator[Mapping[str, str]]:
    """Give the URL of each daemon's page; of those on every node it is that of one of them."""
    async with AsyncExitStack() as stack:
        urls = {}
        for daemon in DAEMONS:
            server = await asyncio.start_server(partial(_put_through, site, daemon), "127.0.0.1", 0)
            await stack.enter_async_context(server)
            urls[daemon] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield urls


async def _put_through(
    site: Site, daemon: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    run = next((run for name, run in daemons_of(site) if name == daemon), None)
    try:
        if run is None:
            return
        there = run.inside.open_socket()
        there.setblocking(False)
        await asyncio.get_running_loop().sock_connect(there, ("127.0.0.1", _port(run)))
        back, forth = await asyncio.open_connection(sock=there)
        await asyncio.gather(_copy(reader, forth), _copy(back, writer))
    except OSError:
        return
    finally:
        writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Hand on what comes, to its end."""
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


def _port(run: PodRun) -> int:
    """The port of a daemon's page, which its probes know."""
    container = run.pod["spec"]["containers"][0]
    port = container["readinessProbe"]["httpGet"]["port"]
    ports = {each["name"]: each["containerPort"] for each in container.get("ports", ())}
    return int(ports.get(port, port))
