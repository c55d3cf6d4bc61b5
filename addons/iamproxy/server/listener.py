"""The pod-facing port: listens, limits, and ends in an orderly way."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress

from addons.iamproxy.server.answers import SIGNATURE
from addons.iamproxy.server.connection import Connection, SharedState
from addons.iamproxy.server.metadata import Metadata
from addons.runtime.web import listening, refuse_stranger

log = logging.getLogger(__name__)

_BACKLOG = 1024
_SEND_BYTES = 65_536
"""What the kernel may hold of answers that a pod does not read, per connection."""

_SWEEP_SECONDS = 1.0
_DRAIN_SECONDS = 2.0
_STEP_SECONDS = 0.05


Place = tuple[str, int] | socket.socket
"""Where to listen: a host and a port, or a socket that listens already. An empty host means all addresses."""


class MetadataServer:
    """Serves pods at each of the given places.

    With `only_redirected`, a connection is ended unread unless a metadata address was dialled.
    """

    def __init__(
        self,
        metadata: Metadata,
        listen: Sequence[Place],
        *,
        only_redirected: bool = False,
    ) -> None:
        self._metadata = metadata
        self._listen = listen
        self._only_redirected = only_redirected
        self.addresses: tuple[tuple[str, int], ...] = ()
        """Hosts and ports, while it listens."""

    def not_ready(self) -> str:
        """Why pods are not served; empty while it listens."""
        return "" if self.addresses else "nobody listens for pods yet"

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping`, then finish what was asked. Raises SettingError when it cannot listen."""
        shared = SharedState(self._metadata, only_redirected=self._only_redirected)
        servers: list[asyncio.Server] = []
        try:
            for place in self._listen:
                servers.append(await _listen(shared, place))
            sockets = [each for server in servers for each in server.sockets]
            self.addresses = tuple(each.getsockname()[:2] for each in sockets)
            for address, port in self.addresses:
                log.info("listening: metadata for pods on %s port %d", address, port)
            while not stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), _SWEEP_SECONDS)
                shared.sweep()
        finally:
            self.addresses = ()
            for server in servers:
                server.close()
            await _drain(shared)


async def _listen(shared: SharedState, place: Place) -> asyncio.Server:
    if isinstance(place, socket.socket):
        server = await shared.loop.create_server(lambda: Connection(shared), sock=place, backlog=_BACKLOG)
    else:
        host, port = place
        await refuse_stranger("--app-port", host, port, signature=SIGNATURE)
        with listening("--app-port", f"{host}:{port}"):
            server = await shared.loop.create_server(
                lambda: Connection(shared), host or None, port, backlog=_BACKLOG, reuse_port=True
            )
    for each in server.sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
    return server


async def _drain(shared: SharedState) -> None:
    """Let go of all connections: at once where nothing is under way, else with the next answer.

    An SDK sends its three requests over one connection, so one that has just been answered gets a moment to
    ask again, and is told then that the connection ends.
    """
    shared.is_draining = True
    until = shared.loop.time() + _DRAIN_SECONDS
    while shared.connections and shared.loop.time() < until:
        for connection in [each for each in shared.connections if each.is_rested]:
            connection.close()
        await asyncio.sleep(_STEP_SECONDS)
    for connection in list(shared.connections):
        connection.abort()
