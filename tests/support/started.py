"""Daemons as processes, and what they say over HTTP."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.processes import running
from tests.support.until import until


@dataclass
class Started:
    """A daemon as a process."""

    port: int
    process: asyncio.subprocess.Process
    http: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, str]:
        try:
            async with self.http.get(f"http://127.0.0.1:{self.port}{path}") as reply:
                return reply.status, await reply.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    async def reach(self, path: str, says: Callable[[int, str], bool]) -> None:
        """Wait until a path gives what it is to give."""

        async def look() -> bool:
            return says(*await self.get(path))

        await until(look, path, unless=lambda: "it ended" if self.process.returncode is not None else "")


@asynccontextmanager
async def daemon(
    name: str,
    api: KubeApi,
    aws: AwsEndpoint,
    folder: Path,
    *flags: str,
    environment: Mapping[str, str] = {},
) -> AsyncIterator[Started]:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(api.kubeconfig())
    port = free_port()
    where = (f"--kubeconfig={kubeconfig}", f"--aws-endpoint-url={aws.url}", f"--listen=127.0.0.1:{port}")
    command = (sys.executable, "-m", f"addons.{name}", "--aws-region=eu-central-1", *where, *flags)
    async with (
        running(*command, env={**os.environ, **environment}, stderr=PIPE) as process,
        aiohttp.ClientSession() as http,
    ):
        yield Started(port, process, http)
