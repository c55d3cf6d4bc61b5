"""Bytes to and from the API server: credentials, time limits, and errors by type."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import msgspec

from addons.runtime.errors import Unavailable
from addons.runtime.kube_access import Access, AccessSource
from addons.runtime.kube_errors import is_json, response_error
from addons.runtime.settings import SettingError

log = logging.getLogger(__name__)

LINE_LIMIT = 16 * 1024 * 1024
_CONNECT_SECONDS = 5.0
_STREAM_OPEN_SECONDS = 30.0
_RELOAD_PAUSE_SECONDS = 10.0

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
    hour, and an exec plugin of a kubeconfig has to be run again for the next.
    """

    def __init__(self, http: aiohttp.ClientSession, source: AccessSource, access: Access) -> None:
        self._http = http
        self._source = source
        self._access = access
        self._reading = asyncio.Lock()
        self._reread_at = asyncio.get_running_loop().time() + source.good_seconds
        self._reloaded_at = float("-inf")

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
            yield cls(http, source, access)

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
        limits = aiohttp.ClientTimeout(total=seconds, connect=_CONNECT_SECONDS)
        try:
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
        access = await self._current()
        response = await self._send(call, access)
        if response.status == 401:
            await response.read()
            if await self._reload(call.what, access):
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
        return await self._http.request(
            call.method,
            access.server + call.path,
            params=[(name, value) for name, value in call.query.items() if value],
            headers=headers,
            data=body,
            timeout=call.limits,
            ssl=access.tls,
            server_hostname=access.tls_server_name,
            proxy=access.proxy,
        )

    async def _current(self) -> Access:
        """Read the access again when that is due; where this fails the one at hand goes on being used."""
        now = asyncio.get_running_loop().time()
        if now >= self._reread_at:
            self._reread_at = now + self._source.good_seconds
            try:
                self._access = await self._source.read()
            except SettingError as error:
                log.warning("credentials for the API server not renewed: %s", error)
        return self._access

    async def _reload(self, what: str, refused: Access) -> bool:
        """Read the access anew after `refused` was; False when there is no better one to try."""
        now = asyncio.get_running_loop().time
        async with self._reading:
            if self._access.authorization != refused.authorization:
                return True
            if now() - self._reloaded_at < _RELOAD_PAUSE_SECONDS:
                return False
            self._reloaded_at = now()
            try:
                self._access = await self._source.read()
            except SettingError as error:
                raise Unavailable(f"{what}: cannot renew the credentials: {error}") from error
            return True


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
