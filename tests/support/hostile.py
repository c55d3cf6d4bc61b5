"""An HTTP server that answers exactly as told, byte for byte: what no well-behaved server would do.

A script is a function from a request to an answer; an answer writes to the connection, which is then closed.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml


@dataclass(frozen=True, slots=True)
class Request:
    """What the client sent, and when by the loop's time."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def is_watch(self) -> bool:
        return "watch" in self.query

    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
Script = Callable[[Request], Answer]


class HostileServer:
    """Listens on a free port of loopback; `script` may be replaced at any time."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.url = ""
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["HostileServer"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await server.wait_closed()

    def kubeconfig(self, directory: Path, *, token: str = "t0ken") -> str:
        """Write a kubeconfig for this server and return its path."""
        return write_kubeconfig(directory / "kubeconfig", self.url, {"token": token})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            request = await _read_request(reader)
            self.requests.append(request)
            await self.script(request)(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.transport.abort() if writer.transport.is_closing() else writer.close()


def write_kubeconfig(path: Path, url: str, user: dict[str, Any]) -> str:
    """Write a kubeconfig whose only user has the given credentials; returns its path."""
    entry = {"cluster": "c", "user": "u"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "contexts": [{"name": "x", "context": entry}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


def reply(
    status: int = 200,
    body: object = b"",
    *,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Answer:
    """A complete answer; a body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = {"Content-Type": content_type, "Content-Length": str(len(data)), "Connection": "close"}
        writer.write(_head(status, {**lines, **(headers or {})}) + data)
        await writer.drain()

    return answer


def refusal(status: int, reason: str, message: str = "", *, retry_after: int | None = None) -> Answer:
    """A Status object as the API server answers it."""
    body = {"kind": "Status", "status": "Failure", "code": status, "reason": reason, "message": message}
    return reply(status, body, headers={"Retry-After": str(retry_after)} if retry_after else None)


def stream(*lines: object, then: str = "end", content_type: str = "application/json") -> Answer:
    """A chunked stream of JSON lines, then: "end", "cut" (reset), "half-close" (no last chunk) or "hang".

    A number among the lines is a pause in seconds.
    """

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, {"Content-Type": content_type, "Transfer-Encoding": "chunked"}))
        for line in lines:
            if isinstance(line, float):
                await asyncio.sleep(line)
                continue
            data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await writer.drain()
        if then == "end":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        elif then == "cut":
            writer.transport.abort()
        elif then == "half-close":
            writer.write_eof()
            await asyncio.sleep(3600)
        else:
            await asyncio.sleep(3600)

    return answer


async def hang(writer: asyncio.StreamWriter) -> None:
    """Take the request and never answer."""
    await asyncio.sleep(3600)


async def cut(writer: asyncio.StreamWriter) -> None:
    """Take the request and reset the connection."""
    writer.transport.abort()


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def _read_request(reader: asyncio.StreamReader) -> Request:
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    url = urlsplit(target)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    at = asyncio.get_running_loop().time()
    return Request(method, url.path, dict(parse_qsl(url.query)), headers, body, at)
