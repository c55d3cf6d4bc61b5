"""Bytes to and from the API server: credentials, time limits, and errors by type."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import inf

import aiohttp
import msgspec

from addons.runtime.clock import least_difference, utc_now
from addons.runtime.errors import Unavailable
from addons.runtime.kube_access import Access, AccessSource
from addons.runtime.kube_errors import is_json, response_error
from addons.runtime.settings import SettingError

log = logging.getLogger(__name__)

LINE_LIMIT = 16 * 1024 * 1024
_CONNECT_SECONDS = 5.0
_STREAM_OPEN_SECONDS = 30.0
_RENEWAL_SECONDS = 60.0
_RENEWAL_PAUSE_SECONDS = 10.0

_CONNECTION_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)


class LineTooLong(Exception):
    """A stream sent a line beyond every size that an object can have."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One request; `what` names it in messages, query parameters with an empty value are left out."""

    what: str
    method: str
    path: str
    query: Mapping[str, str]
    limits: aiohttp.ClientTimeout
    body: object = None
    content: str = "application/json"


class Transport:
    """Sends requests to one API server. Raises an OutsideError, and nothing else, when one fails.

    The credentials are read again when they are due, and once at a 401: tokens of EKS live a quarter of an
    hour, and an exec plugin of a kubeconfig has to be run again for the next. A plugin may take longer than a
    request may: one renewal serves all requests, and goes on when those that wait for it have timed out.
    """

    def __init__(self, http: aiohttp.ClientSession, source: AccessSource, access: Access) -> None:
        self._http = http
        self._source = source
        self._access = access
        self.clock_difference = 0.0
        """Seconds by which the API server's clock is ahead of ours at least, by its latest reply."""
        self._renewing: asyncio.Task[str] | None = None
        self._renewed_at = -inf
        self._due: asyncio.TimerHandle | None = None
        self._renew_in(access.good_seconds)

    @classmethod
    @asynccontextmanager
    async def connect(cls, source: AccessSource, *, user_agent: str) -> AsyncIterator["Transport"]:
        """Prepare connections to the cluster that `source` finds.

        A proxy is used where a kubeconfig names one (`proxy-url`), not for what the environment says.
        Raises SettingError when there is no usable configuration. No request is made yet.
        """
        access = await source.read()
        # Trusting the environment would send what a ~/.netrc holds, and look there, in a thread, every time.
        async with aiohttp.ClientSession(
            headers={"User-Agent": user_agent, "Accept": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        ) as http:
            transport = cls(http, source, access)
            try:
                yield transport
            finally:
                await transport._end()

    async def request(
        self,
        what: str,
        method: str,
        path: str,
        query: Mapping[str, str] = {},
        *,
        body: object = None,
        content: str = "application/json",
        seconds: float = 15.0,
    ) -> bytes:
        """Send one request and return the body of its 2xx JSON reply, all within `seconds`."""
        limits = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                response = await self._open(_Call(what, method, path, query, limits, body, content))
                return await _json_body(what, response)
        except _CONNECTION_ERRORS as error:
            raise _unavailable(what, error) from error

    async def lines(
        self, what: str, path: str, query: Mapping[str, str], *, silence_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """Yield the lines of a JSON stream until the server ends it.

        Raises Unavailable when it is cut or silent for `silence_seconds`, LineTooLong beyond LINE_LIMIT.
        """
        limits = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS, sock_read=silence_seconds)
        try:
            async with asyncio.timeout(_STREAM_OPEN_SECONDS):
                response = await self._open(_Call(what, "GET", path, query, limits))
        except _CONNECTION_ERRORS as error:
            raise _unavailable(what, error) from error
        try:
            _require_json(what, response)
            async with aclosing(split_lines(response.content.iter_any())) as lines:
                async for line in lines:
                    yield line
        except _CONNECTION_ERRORS as error:
            raise _unavailable(what, error) from error
        finally:
            response.close()

    async def _open(self, call: _Call) -> aiohttp.ClientResponse:
        """Send a request and return the 2xx reply with its body still to be read."""
        access = self._access
        response = await self._send(call, access)
        if response.status == 401:
            await response.read()
            if await self._replace(access, call.what):
                response = await self._send(call, self._access)
        if 200 <= response.status < 300:
            return response
        raise response_error(call.what, response.status, response.headers, await response.read())

    async def _send(self, call: _Call, access: Access) -> aiohttp.ClientResponse:
        headers = {"Authorization": access.authorization} if access.authorization else {}
        body = None
        if call.body is not None:
            headers["Content-Type"] = call.content
            body = msgspec.json.encode(call.body)
        sent = utc_now()
        response = await self._http.request(
            call.method,
            access.server + call.path,
            params=[(name, value) for name, value in call.query.items() if value],
            headers=headers,
            data=body,
            timeout=call.limits,
            allow_redirects=False,
            ssl=access.tls,
            server_hostname=access.tls_server_name,
            proxy=access.proxy,
        )
        with suppress(KeyError, ValueError, TypeError):  # a reply without a time, or with none that is one
            shown = parsedate_to_datetime(response.headers["Date"])
            self.clock_difference = least_difference(shown, sent, utc_now())
        return response

    async def _replace(self, refused: Access, what: str) -> bool:
        """Renew the credentials after `refused` were; False when there are no better ones to try."""
        if self._access.authorization != refused.authorization:
            return True
        pause_ends_at = self._renewed_at + _RENEWAL_PAUSE_SECONDS
        if not self._renewing and asyncio.get_running_loop().time() < pause_ends_at:
            return False
        if why_not := await asyncio.shield(self._renewal()):
            raise Unavailable(f"{what}: cannot renew the credentials: {why_not}")
        return True

    def _renewal(self) -> asyncio.Task[str]:
        """The renewal under way, begun unless it is; nobody who waits for it may cancel it."""
        if not self._renewing:
            self._renewing = asyncio.create_task(self._renew())
        return self._renewing

    async def _renew(self) -> str:
        """Read the access again; gives why that failed, and then the one at hand goes on being used."""
        try:
            async with asyncio.timeout(_RENEWAL_SECONDS):
                self._access = await self._source.read()
            why_not, next_in = "", self._access.good_seconds
        except (SettingError, TimeoutError) as error:
            why_not = str(error) or f"they could not be read within {_RENEWAL_SECONDS:.0f} s"
            next_in = _RENEWAL_PAUSE_SECONDS
            log.warning("credentials for the API server not renewed: %s", why_not)
        finally:
            self._renewing = None
            self._renewed_at = asyncio.get_running_loop().time()
        self._renew_in(next_in)
        return why_not

    def _renew_in(self, seconds: float) -> None:
        if self._due:
            self._due.cancel()
        if seconds < inf:
            self._due = asyncio.get_running_loop().call_later(seconds, self._renewal)

    async def _end(self) -> None:
        """Renew nothing any more."""
        if self._due:
            self._due.cancel()
        if self._renewing:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])


async def split_lines(chunks: AsyncIterator[bytes], limit: int = LINE_LIMIT) -> AsyncGenerator[bytes, None]:
    """Cut a stream at its newlines; empty lines and an unfinished last one are dropped.

    Raises LineTooLong as soon as a line grows beyond `limit` bytes, so that it is never held in memory.
    """
    held = bytearray()
    async for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line = bytes(held) + end if held else end
            held.clear()
            if len(line) > limit:
                raise LineTooLong(f"a line of {len(line)} bytes, more than {limit}")
            if line:
                yield line
        held += rest
        if len(held) > limit:
            raise LineTooLong(f"a line of more than {limit} bytes")
        del chunk, ends, rest  # the next chunk may be minutes away


def _require_json(what: str, response: aiohttp.ClientResponse) -> None:
    if not is_json(response.content_type):
        kind = response.content_type
        raise Unavailable(f"{what}: {response.status}: {kind} instead of JSON", status=response.status)


async def _json_body(what: str, response: aiohttp.ClientResponse) -> bytes:
    try:
        _require_json(what, response)
        return await response.read()
    finally:
        response.release()


def _unavailable(what: str, error: BaseException) -> Unavailable:
    text = str(error) or "no answer in time"
    return Unavailable(f"{what}: {type(error).__name__}: {text}")
