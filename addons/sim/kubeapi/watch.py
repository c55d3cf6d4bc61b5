"""Watch streams: backlog, changes, bookmarks, WatchList, and the ways in which a stream goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from aiohttp import web

from addons.sim.kubeapi.calls import Call
from addons.sim.kubeapi.faults import Fault, expired_event
from addons.sim.kubeapi.reads import read_filter, read_version
from addons.sim.kubeapi.resources import Object
from addons.sim.kubeapi.status import Cause, StatusError, invalid_options
from addons.sim.kubeapi.store import Store
from addons.sim.kubeapi.tables import Entry, Event, EventType, Filter, Watcher, encode

Render = Callable[[Entry], bytes]
_LONGEST = 3600.0
_SLACK = 0.001
"""Seconds that a timer may be early: an event loop calls one that is almost due."""


class _Ended(Exception):
    """The stream is over: a fault ended it."""


class _Stream:
    """The reply of one watch, with its fault if it has one."""

    def __init__(self, request: web.BaseRequest, response: web.StreamResponse, fault: Fault | None) -> None:
        self._request = request
        self._response = response
        self._fault = fault or Fault()
        self._sent = 0

    async def send(self, lines: Iterable[bytes]) -> None:
        """Write lines at once; raises _Ended when the fault's moment has come."""
        out = list(self._fault.distort(list(lines)))
        limit = self._fault.limit()
        over = limit is not None and self._sent + len(out) >= limit
        if over and limit is not None:
            out = out[: limit - self._sent]
        self._sent += len(out)
        if out:
            await self._response.write(b"".join(out))
        if over:
            await self._disturb()

    async def _disturb(self) -> None:
        if self._fault.half_close:
            await asyncio.sleep(_LONGEST)
        elif self._fault.expire_after is not None:
            await self._response.write(_error_line(expired_event()))
        elif self._request.transport is not None:
            self._request.transport.abort()
        raise _Ended


async def serve_watch(
    request: web.BaseRequest,
    call: Call,
    store: Store,
    *,
    bookmark_seconds: float,
    fault: Fault | None,
    render: Render,
) -> web.StreamResponse:
    """Stream the changes that a call asks for, until its timeout, a fault or the end of the server."""
    _check_options(call)
    wanted = read_filter(call)
    version = read_version(call, store)
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
    )
    await response.prepare(request)
    stream = _Stream(request, response, fault)
    watcher: Watcher | None = None
    try:
        watcher, initial = _open(call, store, wanted, version, render)
        opening = (fault or Fault()).opening(call.target.kind, call.target.api_version)
        await stream.send([*([opening] if opening else []), *initial])
        await _follow(call, store, watcher, wanted, stream, bookmark_seconds, render)
    except StatusError as error:
        await response.write(_error_line(error))
    except (_Ended, ConnectionResetError):
        pass  # who watched may be gone before that is noticed
    finally:
        if watcher is not None:
            watcher.close()
    return response


def _check_options(call: Call) -> None:
    if not call.flag("sendInitialEvents"):
        return
    if call.query.get("resourceVersionMatch") != "NotOlderThan":
        why = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise invalid_options("ListOptions", Cause("FieldValueForbidden", "resourceVersionMatch", why))


def _open(
    call: Call, store: Store, wanted: Filter, version: int | None, render: Render
) -> tuple[Watcher, list[bytes]]:
    """A watcher, and what it gets first: the present state unless it says which state it knows."""
    table = store.table(call.target)
    with_state = call.flag("sendInitialEvents")
    if version and not with_state:
        return table.watch(table.since(version)), []
    lines = [_line("ADDED", render(entry)) for entry in table.entries(call.namespace) if wanted(entry)]
    if with_state and call.flag("allowWatchBookmarks"):
        lines.append(_bookmark(call, store.rv, end=True))
    return table.watch(), lines


async def _follow(
    call: Call,
    store: Store,
    watcher: Watcher,
    wanted: Filter,
    stream: _Stream,
    bookmark_seconds: float,
    render: Render,
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + float(call.query.get("timeoutSeconds") or _LONGEST)
    bookmarks = call.flag("allowWatchBookmarks")
    next_bookmark = loop.time() + bookmark_seconds if bookmarks else end
    while not watcher.closed and (now := loop.time()) < end - _SLACK:
        events = await watcher.take(min(end, next_bookmark) - now)
        lines = [line for event in events if (line := _event_line(call, store, event, wanted, render))]
        if lines:
            await stream.send(lines)
        if bookmarks and loop.time() >= next_bookmark - _SLACK and not watcher.is_behind:
            await stream.send([_bookmark(call, store.rv)])
            next_bookmark = loop.time() + bookmark_seconds


def _event_line(call: Call, store: Store, event: Event, wanted: Filter, render: Render) -> bytes | None:
    seen = wanted.seen_as(event)
    if seen is None:
        return None
    if seen == "DELETED" and event.type != "DELETED" and event.old is not None:
        return _line(seen, _moved(call, store, event.old, event.rv))
    return _line(seen, render(event.entry))


def _moved(call: Call, store: Store, entry: Entry, rv: int) -> bytes:
    """The last version that matched, at the resource version of the change that took it out of sight."""
    obj = store.view(call.target, entry)
    obj["metadata"]["resourceVersion"] = str(rv)
    return encode(obj)


def _line(kind: EventType, obj: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), obj)


def _bookmark(call: Call, rv: int, *, end: bool = False) -> bytes:
    metadata: Object = {"resourceVersion": str(rv)}
    if end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    obj = {"kind": call.target.kind, "apiVersion": call.target.api_version, "metadata": metadata}
    return encode({"type": "BOOKMARK", "object": obj}) + b"\n"


def _error_line(error: StatusError) -> bytes:
    return encode({"type": "ERROR", "object": error.body()}) + b"\n"
