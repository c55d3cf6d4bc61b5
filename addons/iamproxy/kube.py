"""What Kubernetes and the cni say: the pods of this node, namespaces, and who was given which address."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from addons.iamproxy.model import Assignment
from addons.runtime.errors import Denied, OutsideError, Unavailable
from addons.runtime.kube import KubeClient
from addons.runtime.objects import NAMESPACES, PODS, Namespace, Pod
from addons.runtime.reflector import Reflector

log = logging.getLogger(__name__)

_TOKEN_SECONDS = 600
_READ_SECONDS = 2.0
_SHORTLY = 0.02
_USUALLY = 0.5
_LONGEST_AGE = 30.0
"""Seconds for which the network lets a freed address rest: a reading this old names no wrong pod yet."""


class Watches:
    """The pods of one node and all namespaces, kept up to date; `on_change` hears that something changed."""

    def __init__(self, kube: KubeClient, *, node: str, on_change: Callable[[], None]) -> None:
        self._kube = kube
        self.pods: Reflector[Pod] = Reflector(
            kube, PODS, Pod, field_selector=f"spec.nodeName={node}", on_change=lambda change: on_change()
        )
        self.namespaces: Reflector[Namespace] = Reflector(
            kube, NAMESPACES, Namespace, on_change=lambda change: on_change()
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep both up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pods.run(stopping))
            group.create_task(self.namespaces.run(stopping))

    async def wait_synced(self) -> None:
        """Return when both have been read."""
        await self.pods.wait_synced()
        await self.namespaces.wait_synced()

    def not_ready(self) -> str:
        """What is empty or out of date, in words; empty when all is good."""
        reflectors: tuple[tuple[str, Reflector[Any]], ...] = (
            ("pods", self.pods),
            ("namespaces", self.namespaces),
        )
        faults = []
        for what, reflector in reflectors:
            if not reflector.synced:
                faults.append(f"{what} cannot be read: {reflector.last_error}".removesuffix(": "))
            elif not reflector.is_fresh():
                faults.append(f"{what} not heard of for {reflector.staleness():.0f} s")
        return ", ".join(faults)

    def by_name(self) -> dict[str, Namespace]:
        """All namespaces."""
        return {namespace.metadata.name: namespace for namespace in self.namespaces.store.all()}


class Tokens:
    """Tokens that speak for ServiceAccounts, issued by the API server."""

    def __init__(self, kube: KubeClient, *, audience: str) -> None:
        self._kube = kube
        self._audience = audience

    async def issue(self, namespace: str, service_account: str) -> str:
        """Get a token; raises OutsideError, and Unavailable where we lack the right to ask for one."""
        try:
            issued = await self._kube.token(
                namespace, service_account, audiences=(self._audience,), expiration_seconds=_TOKEN_SECONDS
            )
        except Denied as error:
            raise Unavailable(error.message, code=error.code, status=error.status) from error
        return issued.token


class Assignments:
    """Who was given which address, read again and again from the socket of our cni; `on_read` hears of it.

    Without a socket there is nothing to read, and what the API server says of addresses has to do.
    """

    def __init__(self, socket: str, *, on_read: Callable[[], None]) -> None:
        self._socket = Path(socket) if socket else None
        self._on_read = on_read
        self._hurry = asyncio.Event()
        self.found: tuple[Assignment, ...] | None = None
        """What was read last; None where there is no such socket."""
        self.read_at = float("-inf")
        """The loop's time when the last reading began that succeeded."""
        self.error = ""

    def hurry(self) -> None:
        """Read at once: somebody waits for it."""
        self._hurry.set()

    def not_ready(self) -> str:
        """Why the assignments cannot be trusted, in words; empty when they can, or are not used."""
        age = asyncio.get_running_loop().time() - self.read_at
        if self.found is None or age <= _LONGEST_AGE:
            return ""
        return f"assignments not read for {age:.0f} s: {self.error}"

    async def run(self, stopping: asyncio.Event) -> None:
        """Read until `stopping`."""
        if self._socket is None:
            await stopping.wait()
            return
        connector = aiohttp.UnixConnector(str(self._socket), limit=1)
        async with asyncio.TaskGroup() as group, aiohttp.ClientSession(connector=connector) as session:
            reading = group.create_task(self._read_on(session))
            await stopping.wait()
            reading.cancel()

    async def _read_on(self, session: aiohttp.ClientSession) -> None:
        while True:
            self._hurry.clear()
            if self.found is not None or (self._socket and self._socket.is_socket()):
                await self._read(session)
            await self._rest()

    async def _rest(self) -> None:
        await asyncio.sleep(_SHORTLY)
        try:
            async with asyncio.timeout(_USUALLY):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _read(self, session: aiohttp.ClientSession) -> None:
        started = asyncio.get_running_loop().time()
        try:
            found = await _ask(session)
        except OutsideError as error:
            if not self.error:
                log.warning("assignments of the cni cannot be read: %s", error)
            self.error = error.message
            return
        changed, self.found, self.read_at, self.error = found != self.found, found, started, ""
        self._on_read()
        if changed:
            log.debug("%d assignments", len(found))


async def _ask(session: aiohttp.ClientSession) -> tuple[Assignment, ...]:
    try:
        timeout = aiohttp.ClientTimeout(total=_READ_SECONDS)
        async with session.get("http://cni/v1/assignments", timeout=timeout) as reply:
            if reply.status != 200:
                raise Unavailable(f"it answered with status {reply.status}", status=reply.status)
            return msgspec.json.decode(await reply.read(), type=tuple[Assignment, ...])
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error
    except msgspec.MsgspecError as error:
        raise Unavailable(f"it answered what cannot be read: {error}") from error
