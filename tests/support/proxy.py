"""A connection that misbehaves on command: between one client and a server, for bytes in either direction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Literal
from urllib.parse import urlsplit

Mode = Literal["pass", "slow", "late", "hang", "deaf", "cut"]


class Proxy:
    """Forwards to `url` by its present `mode`, which may change at any time.

    "slow" holds each piece back for up to `delay` seconds, so requests are carried out late; "late" holds
    each answer back for half of that; "hang" keeps what is sent until the mode changes; "deaf" carries
    requests out and loses the answers; "cut" resets every connection.
    """

    def __init__(self, url: str, rng: Random, *, delay: float = 6.0) -> None:
        target = urlsplit(url)
        self._host, self._port = target.hostname, target.port
        self._rng = rng
        self._delay = delay
        self._mode: Mode = "pass"
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode == "cut":
            for writer in self._writers:
                writer.transport.abort()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self._mode == "cut":
                return
            there, back = await asyncio.open_connection(self._host, self._port)
            self._writers.add(back)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._carry(reader, back, is_answer=False))
                    group.create_task(self._carry(there, writer, is_answer=True))
            finally:
                self._writers.discard(back)
                back.transport.abort()
        except (ExceptionGroup, OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        while data := await reader.read(65536):
            while self._mode == "hang":
                await self._changed.wait()
            if self._mode == "slow":
                await asyncio.sleep(self._rng.uniform(0, self._delay))
            if self._mode == "late" and is_answer:
                await asyncio.sleep(self._delay / 2)
            if self._mode == "deaf" and is_answer:
                continue
            writer.write(data)
            await writer.drain()
        raise ConnectionError("one side closed")
