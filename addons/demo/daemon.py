"""One daemon as a process of its own, the way a pod would run it."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp

from addons.demo.reach import connector
from addons.demo.world import World
from addons.sim.net import Namespace

STOP_SECONDS = 25.0


class Daemon:
    """Starts, kills and restarts one daemon; its log goes to a file in the world's folder.

    `environment` replaces ours with the world's; `inside` is the network namespace that it lives in; `node`
    tells the daemons of several nodes apart.
    """

    def __init__(
        self,
        world: World,
        name: str,
        arguments: Sequence[str],
        port: int,
        *,
        environment: Mapping[str, str] | None = None,
        inside: Namespace | None = None,
        node: str = "",
    ) -> None:
        self.name = " of ".join(filter(None, (name, node)))
        self.url = f"http://127.0.0.1:{port}"
        self.log: Path = world.folder / f"{'-'.join(filter(None, (name, node)))}.log"
        command = (sys.executable, "-m", f"addons.{name}", *arguments, "--listen", f"127.0.0.1:{port}")
        self._command = inside.command(*command) if inside else command
        self.inside = inside
        self._environment = {**os.environ, **world.environment()} if environment is None else environment
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process; it need not be ready yet."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self, seconds: float = 20.0) -> None:
        """Wait until it says that it is; raises RuntimeError when it does not, or ends."""
        deadline = asyncio.get_running_loop().time() + seconds
        async with aiohttp.ClientSession(
            connector=connector(self.inside), timeout=aiohttp.ClientTimeout(total=2)
        ) as session:
            while asyncio.get_running_loop().time() < deadline and self._running():
                try:
                    async with session.get(f"{self.url}/readyz") as reply:
                        if reply.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.1)
        raise RuntimeError(f"{self.name} does not get ready; see its log")

    async def kill(self) -> None:
        """End it as the kernel would: SIGKILL, no goodbye."""
        if self._process is not None and self._running():
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, and insist when it does not."""
        if self._process is None or not self._running():
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()

    def tail(self, lines: int = 15) -> str:
        """Give the end of its log, which is empty before the start."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _running(self) -> bool:
        return self._process is not None and self._process.returncode is None


@contextlib.asynccontextmanager
async def running(daemon: Daemon) -> AsyncIterator[Daemon]:
    """Run the daemon for the length of the context, and end it whatever happens."""
    await daemon.start()
    try:
        yield daemon
    finally:
        await asyncio.shield(daemon.stop())


async def output_of(*command: str) -> str:
    """Run a command to its end and give what it prints, errors too; it is killed when we are interrupted."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode(errors="replace").strip()
