"""One call of the plugin: from the HTTP request to the status and body of its answer."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from prometheus_client import Counter

from addons.cni.model.requests import IO_FAILURE, NOT_AVAILABLE, TRY_LATER, CniError, CniRequest, Command
from addons.cni.server.operations import Operations, View
from addons.cni.server.requests import VERSIONS, read_request
from addons.cni.server.results import error_of, version_of
from addons.runtime.errors import Unavailable

log = logging.getLogger(__name__)

_REFUSED = Counter("addons_cni_refused_calls_total", "Calls that ended with an error.", ["command", "code"])

_PREFIX = "cni-"


def environment_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the variables that came as headers: COMMAND, CONTAINERID, NETNS, IFNAME, ARGS."""
    return {
        name.removeprefix(_PREFIX).upper(): value
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    }


class Calls:
    """Answers the calls of container runtimes."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def answer(
        self, headers: Mapping[str, str], body: bytes, gone: asyncio.Future[None]
    ) -> tuple[int, bytes]:
        """Do what is asked; the status, and the result or the error as the specification has it."""
        environment = environment_of(headers)
        command = environment.get("COMMAND", "")
        version = VERSIONS[0]
        try:
            request = read_request(environment, body)
            version = request.cni_version
            result = await self._do(request, gone)
            return 200, b"" if result is None else msgspec.json.encode(result)
        except CniError as error:
            failure = error
        _REFUSED.labels(command if command in get_args(Command) else "", str(failure.code)).inc()
        log.warning("%s refused: %s", _about(environment), _words(failure))
        return _status(failure.code), msgspec.json.encode(error_of(failure, version))

    async def _do(self, request: CniRequest, gone: asyncio.Future[None]) -> dict[str, Any] | None:
        match request.command:
            case "ADD":
                return await self._operations.add(request, gone)
            case "DEL":
                await self._operations.delete(request)
            case "CHECK":
                await self._operations.check(request)
            case "GC":
                await self._operations.collect(request)
            case "STATUS":
                self._operations.status()
            case "VERSION":
                return version_of(request.cni_version, VERSIONS)
        return None


def look(view: View, query: Mapping[str, str]) -> tuple[int, bytes]:
    """Answer a GET by a view; a fault of ours is in the log, and nobody else's connection ends by it."""
    try:
        found = view(query)
    except ValueError as error:
        return 400, msgspec.json.encode({"error": str(error)})
    except Unavailable as error:
        return 503, msgspec.json.encode({"error": error.message})
    except Exception:
        log.exception("a question was not answered")
        return 500, b'{"error":"this failed, and the log says why"}'
    if found is None:
        return 404, b'{"error":"not found"}'
    return 200, msgspec.json.encode(found, enc_hook=str)


def _about(environment: Mapping[str, str]) -> str:
    container = environment.get("CONTAINERID", "")[:12]
    return f"{environment.get('COMMAND', '')} {container}/{environment.get('IFNAME', '')}".rstrip("/ ")


def _words(error: CniError) -> str:
    return f"{error.message}; {error.details}" if error.details else error.message


def _status(code: int) -> int:
    if code in (TRY_LATER, NOT_AVAILABLE, NOT_AVAILABLE + 1):
        return 503
    return 500 if code == IO_FAILURE or code >= 100 else 400
