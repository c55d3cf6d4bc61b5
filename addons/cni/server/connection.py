"""One connection to the socket: HTTP requests, and their answers one after the other."""

import asyncio
from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qsl, unquote

import httptools
import msgspec

from addons.cni.server.calls import Calls, look
from addons.cni.server.operations import View

_LONGEST = 1 << 20
_HEAD = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: %b\r\n\r\n"
_REASONS = {
    200: b"OK",
    400: b"Bad Request",
    404: b"Not Found",
    405: b"Method Not Allowed",
    413: b"Content Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}


class Served:
    """What all connections of one server share."""

    def __init__(self, calls: Calls, views: Mapping[str, View]) -> None:
        self.calls, self.views = calls, views
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[tuple[int, bytes]]] = set()
        self.is_draining = False


class Connection(asyncio.Protocol):
    """Serves one connection; httptools calls the methods whose names begin with `on_`.

    A call goes on to its end when its connection ends, but an ADD that still waits for an address is told:
    the runtime has killed the plugin. While the daemon ends, such an ADD is not answered, so that the plugin
    asks the next daemon. A call that fails by a fault of ours ends the connection, and is reported.
    """

    _transport: asyncio.Transport

    def __init__(self, served: Served) -> None:
        self._served = served
        self._parser = httptools.HttpRequestParser(self)
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[tuple[int, bytes]] | None = None
        self._reset()

    def _reset(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take part in what is shared."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._served.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Have an ADD that waits know it."""
        self._served.connections.discard(self)
        self._nobody_waits()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end(400, b'{"error":"there is nothing to upgrade to"}')
        except httptools.HttpParserError:
            self._end(400, b'{"error":"this is no HTTP"}')

    def drain(self) -> None:
        """End: at once where nothing is under way, else with the answer."""
        if self._task is None:
            self._transport.close()
        else:
            self._nobody_waits()

    def _nobody_waits(self) -> None:
        if not self._gone.done():
            self._gone.set_result(None)

    def abort(self) -> None:
        """End, whatever is under way."""
        self._transport.abort()

    def on_url(self, part: bytes) -> None:
        """Take a part of the target, or all of it."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; bytes beyond ASCII are let through as they are."""
        self._headers[name.decode("latin-1").lower()] = value.decode(errors="surrogateescape")

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body, or end what is too large."""
        self._body += part
        if len(self._body) > _LONGEST:
            self._end(413, b'{"error":"the body is too large"}')

    def on_message_complete(self) -> None:
        """Answer, or begin to."""
        if self._transport.is_closing() or self._task:
            return
        keep_alive = self._parser.should_keep_alive()
        path, _, query = self._target.decode("latin-1").partition("?")
        method, headers, body = self._parser.get_method(), self._headers, bytes(self._body)
        self._reset()
        if path == "/v1/cni":
            if method != b"POST":
                self._end(405, b'{"error":"POST is what is understood here"}')
                return
            self._task = asyncio.create_task(self._served.calls.answer(headers, body, self._gone))
            self._served.tasks.add(self._task)
            self._task.add_done_callback(partial(self._answered, keep_alive))
            return
        self._send(*self._look(method, unquote(path), query), keep_alive=keep_alive)

    def _look(self, method: bytes, path: str, query: str) -> tuple[int, bytes]:
        view = self._served.views.get(path)
        if view is None:
            return 404, msgspec.json.encode({"error": f"there is no {path}"})
        if method != b"GET":
            return 405, b'{"error":"GET is what is understood here"}'
        return look(view, dict(parse_qsl(query, keep_blank_values=True)))

    def _answered(self, keep_alive: bool, task: asyncio.Task[tuple[int, bytes]]) -> None:
        self._served.tasks.discard(task)
        self._task = None
        if not task.cancelled() and (error := task.exception()):
            self.abort()
            raise error
        if self._transport.is_closing():
            return
        if task.cancelled() or (self._served.is_draining and self._gone.done() and task.result()[0] == 503):
            self._transport.abort()
            return
        self._send(*task.result(), keep_alive=keep_alive)

    def _end(self, status: int, body: bytes) -> None:
        if not self._transport.is_closing():
            self._send(status, body, keep_alive=False)

    def _send(self, status: int, body: bytes, *, keep_alive: bool) -> None:
        is_kept = keep_alive and not self._served.is_draining
        connection = b"keep-alive" if is_kept else b"close"
        self._transport.write(_HEAD % (status, _REASONS[status], len(body), connection) + body)
        if not is_kept:
            self._transport.close()
