"""Bytes to and from the API server: configuration, credentials, time limits, and errors by type.

`kubernetes.aio` finds the cluster, authenticates and carries the bytes, and nothing more: its generated API
classes and models cost thirty times the CPU and memory of partial objects.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from addons.runtime.errors import Unavailable
from addons.runtime.kube_errors import is_json, response_error
from addons.runtime.settings import SettingError

LINE_LIMIT = 16 * 1024 * 1024
_CONNECT_SECONDS = 5.0
_STREAM_OPEN_SECONDS = 30.0
_RELOAD_PAUSE_SECONDS = 10.0

_CONNECTION_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)
_CONFIGURATION_ERRORS = (config.ConfigException, yaml.YAMLError, OSError, LookupError, TypeError, ValueError)


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

    A 401 is answered once by reading the credentials anew: tokens of EKS live a quarter of an hour, and
    an exec plugin of a kubeconfig has to be run again for the next.
    """

    def __init__(self, api: ApiClient, kubeconfig: str) -> None:
        self._api = api
        self._kubeconfig = kubeconfig
        self._reloading = asyncio.Lock()
        self._reloaded_at = float("-inf")

    @classmethod
    @asynccontextmanager
    async def connect(cls, kubeconfig: str, *, user_agent: str) -> AsyncIterator["Transport"]:
        """Prepare connections to the cluster that the file `kubeconfig` names, else the one we run in.

        A proxy is used where the kubeconfig names one (`proxy-url`), not for what the environment says.
        Raises SettingError when there is no usable configuration. No request is made yet.
        """
        configuration = Configuration()
        await _load(configuration, kubeconfig)
        # Trusting the environment would send what a ~/.netrc holds, and look there, in a thread, every time.
        configuration.client_session_kwargs = {"cookie_jar": aiohttp.DummyCookieJar(), "trust_env": False}
        async with ApiClient(configuration) as api:
            api.user_agent = user_agent
            yield cls(api, kubeconfig)

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
        response, credentials = await self._send(call)
        if response.status == 401:
            await response.read()
            if await self._reload(call.what, credentials):
                response, _ = await self._send(call)
        if 200 <= response.status < 300:
            return response
        raise response_error(call.what, response.status, response.headers, await response.read())

    async def _send(self, call: _Call) -> tuple[aiohttp.ClientResponse, str]:
        """Send once; also returns the credentials that were sent."""
        headers = {"Accept": "application/json", "Content-Type": call.content}
        query = [(name, value) for name, value in call.query.items() if value]
        try:
            _, url, headers, _, _ = await self._api.param_serialize(
                call.method,
                call.path,
                query_params=query,
                header_params=headers,
                auth_settings=["BearerToken"],
            )
        except _CONFIGURATION_ERRORS as error:
            raise Unavailable(f"{call.what}: cannot read the credentials: {error}") from error
        body = None if call.body is None else msgspec.to_builtins(call.body)
        reply = await self._api.call_api(call.method, url, headers, body=body, _request_timeout=call.limits)
        response: aiohttp.ClientResponse = reply.response
        return response, headers.get("authorization", "")

    async def _reload(self, what: str, refused: str) -> bool:
        """Read the credentials anew after `refused` was; False when there is no better one to try."""
        now = asyncio.get_running_loop().time
        async with self._reloading:
            if self._token() != refused:
                return True
            if now() - self._reloaded_at < _RELOAD_PAUSE_SECONDS:
                return False
            self._reloaded_at = now()
            try:
                await _load(self._api.configuration, self._kubeconfig)
            except SettingError as error:
                raise Unavailable(f"{what}: cannot renew the credentials: {error}") from error
            return True

    def _token(self) -> str:
        return str(self._api.configuration.api_key.get("BearerToken", ""))


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


async def _load(configuration: Configuration, kubeconfig: str) -> None:
    """Read the cluster and credentials into `configuration`, running an exec plugin where there is one."""
    if kubeconfig and not Path(kubeconfig).exists():  # noqa: ASYNC240 (one look at a local file)
        raise SettingError(f"--kubeconfig: {kubeconfig!r}: there is no such file")
    try:
        if kubeconfig:
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=kubeconfig, client_configuration=configuration, persist_config=False
            )
        else:
            config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except _CONFIGURATION_ERRORS as error:
        if not kubeconfig:
            raise SettingError("--kubeconfig is required: this process is not in a cluster") from error
        why = " ".join(str(error).split())
        raise SettingError(f"--kubeconfig: {kubeconfig!r} cannot be used: {why}") from error


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


def _unavailable(what: str, error: Any) -> Unavailable:
    text = str(error) or "no answer in time"
    return Unavailable(f"{what}: {type(error).__name__}: {text}")
