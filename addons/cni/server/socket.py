"""The Unix socket at which container runtimes (by the plugin), other daemons and people ask."""

import asyncio
import logging
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from addons.cni.server.calls import Calls
from addons.cni.server.connection import Connection, Served
from addons.cni.server.operations import Operations, View
from addons.runtime.settings import SettingError

log = logging.getLogger(__name__)

_BACKLOG = 1024
_DRAIN_SECONDS = 2.0


class SocketServer:
    """Serves `POST /v1/cni` and the views, by their paths, on a socket that only root may use.

    A new daemon's socket takes the place of the old one's in one step: no plugin finds none because of it.
    """

    def __init__(self, path: Path, *, operations: Operations, views: Mapping[str, View]) -> None:
        self._path = path
        self._calls, self._views = Calls(operations), views
        self.is_listening = asyncio.Event()

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping`, then end what is under way. Raises SettingError where it cannot listen."""
        served = Served(self._calls, self._views)
        loop = asyncio.get_running_loop()
        with _bound(self._path) as listener:
            inode = self._path.stat().st_ino
            server = await loop.create_unix_server(
                lambda: Connection(served), sock=listener, backlog=_BACKLOG
            )
            log.info("listening: container runtimes at %s", self._path)
            self.is_listening.set()
            try:
                await stopping.wait()
            finally:
                self.is_listening.clear()
                self._give_up_name(inode)
                server.close()
                await _drain(served)

    def _give_up_name(self, inode: int) -> None:
        """Take the name away, unless it is the next daemon's already."""
        with suppress(FileNotFoundError):
            if self._path.stat().st_ino == inode:
                self._path.unlink()


def _bound(path: Path) -> socket.socket:
    """Give a socket that has the name; it is open to root alone from its first moment."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(str(new))
        listener.listen(_BACKLOG)
        new.rename(path)
    except OSError as error:
        listener.close()
        raise SettingError(f"--socket {path}: {error.strerror or error}") from error
    return listener


async def _drain(served: Served) -> None:
    served.is_draining = True
    for connection in list(served.connections):
        connection.drain()
    if served.tasks:
        await asyncio.wait(served.tasks, timeout=_DRAIN_SECONDS)
        await asyncio.sleep(0)
    for task in served.tasks:
        log.warning("cancelled: a call did not end within %.0f s", _DRAIN_SECONDS)
        task.cancel()
    for connection in list(served.connections):
        connection.drain()
