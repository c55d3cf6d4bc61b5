"""A container as a process: started, probed, restarted when it ends or is no longer alive, and stopped."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from addons.demo.reach import connector
from addons.sim.net import Namespace

Object = dict[str, Any]
PROBE_SCALE = 0.25
"""Probes come four times as often as is written: a story is shorter than a day."""
_RESTART_SECONDS, _LONGEST_RESTART_SECONDS = 0.5, 8.0


@dataclass(frozen=True)
class Command:
    """What is to run, where, and the file that its output goes to."""

    words: Sequence[str]
    environment: Mapping[str, str]
    inside: Namespace
    log: Path

    async def start(self) -> asyncio.subprocess.Process:
        """Start the process."""
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self.inside.command(*self.words),
                env=dict(self.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def complete(self) -> int:
        """Run it to its end, as an init container; its exit code."""
        process = await self.start()
        try:
            return await process.wait()
        finally:
            await kill(process)


class Container:
    """Keeps one container running; `changed` is called when it is ready, or no longer.

    `pid` is 0 while there is no process; `restarts` counts as a kubelet does.
    """

    def __init__(self, spec: Object, command: Command, changed: Callable[[], None]) -> None:
        self.name: str = spec["name"]
        self.is_ready = False
        self.restarts = 0
        self.pid = 0
        self._spec, self._command, self._changed = spec, command, changed
        self._process: asyncio.subprocess.Process | None = None
        self._has_started = False

    async def run(self) -> None:
        """Start it, and again whenever it ends or its liveness probe fails, until cancelled."""
        nap = _RESTART_SECONDS
        while True:
            self._process = await self._command.start()
            self.pid = self._process.pid
            has_started = await self._attend(self._process)
            await kill(self._process)
            self.pid = 0
            self.restarts += 1
            self._set_ready(False)
            nap = _RESTART_SECONDS if has_started else min(2 * nap, _LONGEST_RESTART_SECONDS)
            await asyncio.sleep(nap)

    async def stop(self, grace_seconds: float) -> None:
        """Ask it to end, and insist when it does not; `run` must have been cancelled."""
        self._set_ready(False)
        if self._process is None or self._process.returncode is not None:
            return
        if grace_seconds:
            with suppress(ProcessLookupError):
                self._process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace_seconds)
        await kill(self._process)
        self.pid = 0

    async def _attend(self, process: asyncio.subprocess.Process) -> bool:
        """Probe it until it has ended, or is to be; whether it had started."""
        ended = asyncio.create_task(process.wait())
        life = asyncio.create_task(self._probe_life())
        try:
            await asyncio.wait((ended, life), return_when=asyncio.FIRST_COMPLETED)
            return self._has_started
        finally:
            for task in (ended, life):
                task.cancel()
            await asyncio.gather(ended, life, return_exceptions=True)

    async def _probe_life(self) -> None:
        """Return when the container is to be restarted."""
        self._has_started = False
        if not await self._until("startupProbe", wanted=True):
            return
        self._has_started = True
        readiness = asyncio.create_task(self._probe_readiness())
        try:
            await self._until("livenessProbe", wanted=False)
        finally:
            readiness.cancel()
            await asyncio.gather(readiness, return_exceptions=True)

    async def _probe_readiness(self) -> None:
        while True:
            self._set_ready(await self._succeeds("readinessProbe"))
            period = self._probe("readinessProbe").get("periodSeconds", 10) * PROBE_SCALE
            await asyncio.sleep(period if self.is_ready else min(period, 0.5))

    async def _until(self, kind: str, *, wanted: bool) -> bool:
        """Probe until it succeeds (`wanted`), else until it fails so often as is written; whether it did."""
        probe, failures = self._probe(kind), 0
        if not probe and wanted:
            return True
        while True:
            is_well = not probe or await self._succeeds(kind)
            if is_well and wanted:
                return True
            failures = 0 if is_well else failures + 1
            if failures >= probe.get("failureThreshold", 3):
                return False
            await asyncio.sleep(probe.get("periodSeconds", 10) * PROBE_SCALE)

    async def _succeeds(self, kind: str) -> bool:
        probe = self._probe(kind)
        if not probe:
            return True
        get = probe["httpGet"]
        ports = {port["name"]: port["containerPort"] for port in self._spec.get("ports", ())}
        url = f"http://127.0.0.1:{ports.get(get['port'], get['port'])}{get['path']}"
        timeout = aiohttp.ClientTimeout(total=max(2, probe.get("timeoutSeconds", 1)))
        ask = aiohttp.ClientSession(connector=connector(self._command.inside), timeout=timeout)
        try:
            async with ask as session, session.get(url) as reply:
                return 200 <= reply.status < 400
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    def _probe(self, kind: str) -> Object:
        return dict(self._spec.get(kind) or {})

    def _set_ready(self, is_ready: bool) -> None:
        if is_ready != self.is_ready:
            self.is_ready = is_ready
            self._changed()


async def kill(process: asyncio.subprocess.Process) -> None:
    """End a process at once, if it has not ended."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
