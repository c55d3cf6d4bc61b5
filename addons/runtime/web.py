"""What a daemon shows over HTTP: health, readiness, metrics, state and decisions, and a page for people."""

import asyncio
import errno
import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from addons.pages.page import render
from addons.pages.tables import Asked
from addons.runtime.clock import utc_now
from addons.runtime.decisions import Decisions
from addons.runtime.settings import SettingError, parse_listen

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_READY = Gauge("addons_ready", "1 while /readyz answers ok.")
_LAG = Gauge("addons_event_loop_lag_seconds", "How late the event loop woke up last.")
_BEAT_SECONDS = 1.0
_ALL_DECISIONS = 1000
_STUCK_SECONDS = 10.0
"""A loop that stood still for longer than this is reported as dead once, when it runs again."""


class StatusServer:
    """Serves the status of one daemon.

    `ready` gives the reason why it is not ready, or nothing; `state` gives what it wants to show, as data for
    JSON. Neither may hold a secret. With `reuse_port` two daemons may share the port while one replaces the
    other, and either may answer. Raises SettingError when `listen` is no HOST:PORT.
    """

    def __init__(
        self,
        listen: str,
        *,
        name: str,
        ready: Callable[[], str],
        state: Callable[[], object],
        decisions: Decisions,
        reuse_port: bool = False,
    ) -> None:
        self._reuse_port = reuse_port
        self._host, self._port = parse_listen(listen)
        self._name = name
        self._signature = f"addons-{name}"
        self._ready = ready
        self._state = state
        self._decisions = decisions
        self._beat_at = 0.0
        self.address: tuple[str, int] | None = None
        """Host and port, once it listens."""

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping`. Raises SettingError where it cannot listen."""
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host or None, self._port, reuse_port=self._reuse_port)
            if self._reuse_port:
                await refuse_stranger("--listen", self._host, self._port, signature=self._signature)
            with listening("--listen", f"{self._host}:{self._port}"):
                await site.start()
            host, port, *_ = runner.addresses[0]
            self.address = (host, port)
            log.info("listening: %s on %s port %d", self._name, host, port)
            await self._beat(stopping)
        finally:
            await runner.cleanup()

    async def _beat(self, stopping: asyncio.Event) -> None:
        """Note every second that the event loop is alive."""
        loop = asyncio.get_running_loop()
        while not stopping.is_set():
            self._beat_at = loop.time()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _BEAT_SECONDS)
            _LAG.set(max(0.0, loop.time() - self._beat_at - _BEAT_SECONDS))

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[_errors_as_json])
        application.on_response_prepare.append(self._sign)
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/healthz", self._health),
                web.get("/readyz", self._readiness),
                web.get("/metrics", self._metrics),
                web.get("/api/state", self._api_state),
                web.get("/api/decisions", self._api_decisions),
            ]
        )
        return application

    async def _sign(self, request: web.Request, reply: web.StreamResponse) -> None:
        """Have every answer made anew: no browser and no proxy shows the state of a while ago."""
        reply.headers["Cache-Control"] = "no-store"
        reply.headers["Server"] = self._signature

    async def _health(self, request: web.Request) -> web.Response:
        late = asyncio.get_running_loop().time() - self._beat_at - _BEAT_SECONDS
        return _verdict(f"the event loop stood still for {late:.0f} s" if late > _STUCK_SECONDS else "")

    async def _readiness(self, request: web.Request) -> web.Response:
        return _verdict(self._ready())

    async def _metrics(self, request: web.Request) -> web.Response:
        _READY.set(float(not self._ready()))
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _api_state(self, request: web.Request) -> web.Response:
        return _json(self._state())

    async def _api_decisions(self, request: web.Request) -> web.Response:
        limit = request.query.get("limit", "100")
        if not re.fullmatch(r"[0-9]{1,6}", limit):
            return _json({"error": "limit must be a whole number below 1000000"}, HTTPStatus.BAD_REQUEST)
        return _json(self._decisions.newest(request.query.get("object", ""), int(limit)))

    async def _page(self, request: web.Request) -> web.Response:
        given = request.query
        asked = Asked(utc_now(), given.get("object", ""), given.get("q", ""), given.get("still", ""))
        decisions = self._decisions.newest(asked.object, _ALL_DECISIONS)
        state, told = msgspec.to_builtins((self._state(), decisions), str_keys=True)
        text = render(self._name, self._ready(), state, told, asked)
        return web.Response(text=text, content_type="text/html", headers=_PAGE_HEADERS)


@contextmanager
def listening(flag: str, where: str) -> Iterator[None]:
    """Raise SettingError in place of the kernel's or the resolver's error, while a listener is opened."""
    try:
        yield
    except OSError as error:
        known = _WHY_NOT.get(error.errno or errno.EADDRNOTAVAIL)  # asyncio drops this one
        raise SettingError(f"{flag}: cannot listen on {where}: {known or error.strerror or error}") from error


async def refuse_stranger(flag: str, host: str, port: int, *, signature: str) -> None:
    """Raise SettingError where a server has the port already that does not sign its answers so.

    To share a port is for two daemons while one replaces the other. The kernel would share it among all that
    ask for that: what one daemon shows to pods with the page of another one, after a change of their ports.
    """
    try:
        probe = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, host or None, port, start_serving=False
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE and await _signature_at(host, port) != signature:
            why = _WHY_NOT[errno.EADDRINUSE]
            raise SettingError(f"{flag}: cannot listen on {host}:{port}: {why}") from error
    else:
        probe.close()


async def _signature_at(host: str, port: int) -> str:
    """How a server of this machine signs its answers; empty when it gives none."""
    local = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(local, port)
            try:
                writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
                head = await reader.read(4096)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return ""
    found = re.search(rb"^server: *(\S+)", head, re.IGNORECASE | re.MULTILINE)
    return found[1].decode("ascii", "replace") if found else ""


_ANSWER_SECONDS = 2.0

_WHY_NOT = {
    errno.EADDRINUSE: "the port is in use",
    errno.EADDRNOTAVAIL: "the address is none of this machine",
    errno.EACCES: "a port below 1024 needs a right that the process lacks",
}

_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        reply = _json({"error": error.reason.lower()}, HTTPStatus(error.status))
        if "Allow" in error.headers:
            reply.headers["Allow"] = error.headers["Allow"]
        return reply


def _verdict(complaint: str) -> web.Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE if complaint else HTTPStatus.OK
    return web.Response(text=f"{complaint or 'ok'}\n", status=status)


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    body = msgspec.json.encode(content) + b"\n"
    return web.Response(body=body, status=status, content_type="application/json")
