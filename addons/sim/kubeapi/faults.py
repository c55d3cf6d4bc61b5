"""Faults on demand: what a client must survive, from a slow reply to a stream that lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from addons.sim.kubeapi.calls import Call
from addons.sim.kubeapi.status import StatusError, expired

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(slots=True, kw_only=True)
class Fault:
    """What goes wrong, with which requests (None: any) and how many times (None: until cleared).

    Instead of a reply: `status` with `retry_after` seconds, a raw `body` of `content_type`, or `empty`.
    Before the reply: `latency` seconds. In a watch, counted in events sent: `cut_after` breaks the
    connection, or with `half_close` (alone: at once) keeps it and sends nothing any more; `expire_after`
    sends ERROR 410 and ends. `huge_line` puts one event of so many bytes first, `duplicate` sends each event
    twice, `stale` sends the event before it again.
    """

    verb: str | None = None
    resource: str | None = None
    subresource: str | None = None
    user: str | None = None
    times: int | None = None
    latency: float = 0.0
    status: int = 0
    message: str = "injected fault"
    retry_after: int | None = None
    body: bytes | None = None
    content_type: str = "application/json"
    empty: bool = False
    cut_after: int | None = None
    expire_after: int | None = None
    half_close: bool = False
    huge_line: int = 0
    duplicate: bool = False
    stale: bool = False

    def hits(self, call: Call, user: str) -> bool:
        """Whether this fault is meant for a call."""
        plural = call.resource.plural if call.resource else ""
        pairs = ((self.verb, call.verb), (self.resource, plural), (self.subresource, call.subresource))
        return self.times != 0 and all(want in (None, got) for want, got in (*pairs, (self.user, user)))

    def error(self) -> StatusError:
        """The refusal that this fault gives in place of a reply."""
        details = {"retryAfterSeconds": self.retry_after} if self.retry_after is not None else {}
        return StatusError(self.status, _REASONS.get(self.status, ""), self.message, details)

    def limit(self) -> int | None:
        """After how many events a stream is disturbed for good."""
        limits = (self.cut_after, self.expire_after, 0 if self.half_close else None)
        return next((limit for limit in limits if limit is not None), None)

    def distort(self, lines: list[bytes]) -> Iterator[bytes]:
        """The lines as a faulty stream sends them."""
        before = b""
        for line in lines:
            if self.stale and before:
                yield before
            yield line
            if self.duplicate:
                yield line
            before = line

    def opening(self, kind: str, api_version: str) -> bytes:
        """The huge line, when one is wanted: a valid event for an object nobody has heard of."""
        if not self.huge_line:
            return b""
        filler = b"x" * self.huge_line
        return (
            b'{"type":"ADDED","object":{"kind":"%b","apiVersion":"%b","metadata":{"name":"huge","namespace":"default",'
            b'"uid":"huge","resourceVersion":"1","annotations":{"filler":"%b"}}}}\n'
            % (kind.encode(), api_version.encode(), filler)
        )


class Faults:
    """The faults in force, oldest first; the first that hits a request counts."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take back a fault; it may be gone already."""
        self._faults = [each for each in self._faults if each is not fault]

    def clear(self) -> None:
        """Let everything work again."""
        self._faults.clear()

    def take(self, call: Call, user: str) -> Fault | None:
        """The fault for this call, used up once."""
        fault = next((fault for fault in self._faults if fault.hits(call, user)), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        return fault


def expired_event() -> StatusError:
    """What an expired watch says in its stream."""
    return expired("too old resource version: 1 (2)")
