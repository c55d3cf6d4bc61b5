"""One connection of a pod: its requests are answered in their order, within its limits."""

import asyncio
from functools import partial

from prometheus_client import Counter, Gauge

from addons.iamproxy import names
from addons.iamproxy.server import answers
from addons.iamproxy.server.answers import Answer, Encoder
from addons.iamproxy.server.limits import Client, Clients, OncePerSecond
from addons.iamproxy.server.metadata import Metadata
from addons.iamproxy.server.original_destination import is_redirected
from addons.iamproxy.server.reader import RequestReader
from addons.iamproxy.server.requests import Peer, Request, hosts_of, plain_ip

_OPEN = Gauge("addons_iamproxy_connections", "Connections of pods that are open.")
_TURNED_AWAY = Counter("addons_iamproxy_turned_away_total", "Connections that were not served.", ["cause"])

_BUSY = answers.refusal(503, names.TOO_MANY_CONNECTIONS, "this pod has too many connections")
_TOO_MANY = answers.refusal(429, names.TOO_MANY_REQUESTS, "this pod asks too often")
_READ_BYTES = 4096
_REST_SECONDS = 0.5


class SharedState:
    """What all connections of one server share.

    They share the buffer to read into, too: what was read is parsed before another connection reads.
    """

    def __init__(self, metadata: Metadata, *, only_redirected: bool) -> None:
        self.metadata = metadata
        self.limits = metadata.limits
        self.only_redirected = only_redirected
        self.clients = Clients(metadata.limits)
        self._told = OncePerSecond()
        self.encoder = Encoder()
        self.connections: set[Connection] = set()
        self.is_draining = False
        self.buffer = memoryview(bytearray(_READ_BYTES))
        self.loop = asyncio.get_running_loop()

    def sweep(self) -> None:
        """End the connections that have been idle, or slow, for too long."""
        now = self.loop.time()
        for connection in [each for each in self.connections if each.expires_at <= now]:
            connection.abort()
        self.clients.forget_rested(now)
        self._told.forget_rested(now)

    def reject(self, ip: str, answer: Answer) -> Answer:
        """Take note of an answer to what is too much, or no proper HTTP."""
        return self.metadata.reject(ip, answer, is_told=self._told.passes(ip, self.loop.time()))


class Connection(asyncio.BufferedProtocol):
    """Serves one connection.

    A request that must wait holds up those behind it, and nothing more is read meanwhile. What is no proper
    HTTP, or too large, or too slow, ends the connection.
    """

    _transport: asyncio.Transport
    _ip: str
    _client: Client
    _reader: RequestReader

    def __init__(self, shared: SharedState) -> None:
        self._shared = shared
        self._waiting: asyncio.Task[Answer] | None = None
        self._is_blocked = False
        self._since = shared.loop.time()

    @property
    def expires_at(self) -> float:
        """The loop's time at which the connection will have been idle, or slow, for too long."""
        limits = self._shared.limits
        if self._is_blocked or self._transport.is_closing():
            return self._since + limits.write_seconds
        if self._waiting:
            return float("inf")
        return self._since + (limits.request_seconds if self._reader.in_request else limits.idle_seconds)

    @property
    def is_rested(self) -> bool:
        """Whether nothing has been under way for a moment."""
        is_busy = self._waiting or self._is_blocked or self._reader.in_request
        return not is_busy and self._shared.loop.time() >= self._since + _REST_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the address; end the connection where it was not redirected, or its address has too many."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        shared = self._shared
        if shared.only_redirected and not is_redirected(transport.get_extra_info("socket")):
            _TURNED_AWAY.labels("direct").inc()
            transport.abort()
            return
        remote, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        peer = Peer(plain_ip(remote[0]), hosts_of(plain_ip(local[0]), local[1]))
        client = shared.clients.enter(peer.ip, shared.loop.time())
        if client is None:
            _TURNED_AWAY.labels("busy").inc()
            self._end(shared.reject(peer.ip, _BUSY))
            return
        self._ip = peer.ip
        self._client = client
        self._reader = RequestReader(peer, shared.limits.request_bytes)
        shared.connections.add(self)
        _OPEN.inc()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        if self not in self._shared.connections:
            return
        self._shared.connections.discard(self)
        self._shared.clients.leave(self._client)
        _OPEN.dec()
        if self._waiting:
            self._waiting.cancel()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Give the place to read into."""
        return self._shared.buffer[: self._reader.room]

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what was read, and answer what is complete."""
        was_in_request = self._reader.in_request
        self._reader.feed(self._shared.buffer[:nbytes])
        if self._reader.in_request and not was_in_request:
            self._since = self._shared.loop.time()
        self._serve()

    def pause_writing(self) -> None:
        """Serve nothing more until the pod has read what it was sent."""
        self._is_blocked = True
        self._since = self._shared.loop.time()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Serve again."""
        self._is_blocked = False
        self._since = self._shared.loop.time()
        self._go_on()

    def abort(self) -> None:
        """End the connection, whatever is under way."""
        self._transport.abort()

    def close(self) -> None:
        """End the connection once all is sent that was written."""
        self._transport.close()

    def _serve(self) -> None:
        """Answer the requests in line, as far as is possible now."""
        metadata, reader = self._shared.metadata, self._reader
        while reader.requests and not (self._waiting or self._is_blocked or self._transport.is_closing()):
            request = reader.requests.popleft()
            if not self._client.take(self._shared.loop.time()):
                self._send(request, self._shared.reject(request.peer.ip, _TOO_MANY))
            elif (answer := metadata.answer_now(request)) is not None:
                self._send(request, answer)
            else:
                self._wait(request)
        if reader.requests or self._waiting or self._transport.is_closing():
            return
        if reader.failure:
            self._end(self._shared.reject(self._ip, reader.failure))
        elif reader.awaits_word:
            reader.awaits_word = False
            self._transport.write(answers.CONTINUE)

    def _wait(self, request: Request) -> None:
        self._waiting = self._shared.loop.create_task(self._shared.metadata.answer_later(request))
        self._waiting.add_done_callback(partial(self._answered, request))
        self._transport.pause_reading()

    def _answered(self, request: Request, task: asyncio.Task[Answer]) -> None:
        self._waiting = None
        if task.cancelled() or self._transport.is_closing():
            return
        if error := task.exception():
            self.abort()
            raise error
        self._send(request, task.result())
        self._go_on()

    def _go_on(self) -> None:
        self._serve()
        if not (self._waiting or self._is_blocked):
            self._transport.resume_reading()

    def _send(self, request: Request, answer: Answer) -> None:
        keep_alive = request.keep_alive and not self._shared.is_draining
        with_body = request.method != b"HEAD"
        self._transport.write(self._shared.encoder.encode(answer, keep_alive=keep_alive, with_body=with_body))
        self._since = self._shared.loop.time()
        if not keep_alive:
            self.close()

    def _end(self, answer: Answer) -> None:
        self._transport.write(self._shared.encoder.encode(answer, keep_alive=False))
        self._since = self._shared.loop.time()
        self.close()
