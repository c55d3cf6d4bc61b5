"""The pod-facing port: listens, limits, and ends in an orderly way."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress

from addons.iamproxy.server.connection import Connection, Hub
from addons.iamproxy.server.metadata import Metadata

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

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping`, then finish what was asked. Raises OSError when it cannot listen."""
        hub = Hub(self._metadata, only_redirected=self._only_redirected)
        servers: list[asyncio.Server] = []
        try:
            for place in self._listen:
                servers.append(await _listen(hub, place))
            sockets = [each for server in servers for each in server.sockets]
            self.addresses = tuple(each.getsockname()[:2] for each in sockets)
            for address, port in self.addresses:
                log.info("listening: metadata for pods on %s port %d", address, port)
            while not stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), _SWEEP_SECONDS)
                hub.sweep()
        finally:
            self.addresses = ()
            for server in servers:
                server.close()
            await _drain(hub)


async def _listen(hub: Hub, place: Place) -> asyncio.Server:
    if isinstance(place, socket.socket):
        server = await hub.loop.create_server(lambda: Connection(hub), sock=place, backlog=_BACKLOG)
    else:
        host, port = place
        server = await hub.loop.create_server(
            lambda: Connection(hub), host or None, port, backlog=_BACKLOG, reuse_port=True
        )
    for each in server.sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
    return server


async def _drain(hub: Hub) -> None:
    """Let go of all connections: at once where nothing is under way, else with the next answer.

    An SDK sends its three requests over one connection, so one that has just been answered gets a moment to
    ask again, and is told then that the connection ends.
    """
    hub.is_draining = True
    until = hub.loop.time() + _DRAIN_SECONDS
    while hub.connections and hub.loop.time() < until:
        for connection in [each for each in hub.connections if each.is_rested]:
            connection.close()
        await asyncio.sleep(_STEP_SECONDS)
    for connection in list(hub.connections):
        connection.abort()
