"""A way to a server on loopback that counts the bytes which come back."""

import asyncio
import socket
from contextlib import suppress

_PIECE = 1 << 16


class Meter:
    """Hands on what clients say to `host:port`, and counts what they are told in `received`, in bytes."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.received = 0

    async def start(self, listener: socket.socket | None = None) -> str:
        """Listen, on a socket of another network where one is given; the URL."""
        if listener:
            self._server = await asyncio.start_server(self._serve, sock=listener)
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """End every connection."""
        for writer in self._open:
            writer.close()
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            self._open |= {writer, far_writer}
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._carry(reader, far_writer))
                    group.create_task(self._carry(far_reader, writer, counts=True))
            except* OSError:
                pass
            finally:
                self._open -= {writer, far_writer}

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool = False
    ) -> None:
        while piece := await reader.read(_PIECE):
            self.received += len(piece) if counts else 0
            writer.write(piece)
            await writer.drain()
        writer.close()
