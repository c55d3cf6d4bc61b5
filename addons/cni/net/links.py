"""Hear of links: interfaces that appear after they were attached, pods' links that vanish or go down and up.

Every pod that comes or goes makes some notifications: they are read without pyroute2, which takes longer for
one than the pod is wired in. The kernel tells of no route when a link goes: links are what counts.
"""

import asyncio
import logging
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from msgspec import Struct

from addons.cni.net.wiring import FROM_ENI, FROM_POD, MARKED, TO_POD, written_mac
from addons.netlink import route
from addons.netlink.messages import decode_answers
from addons.netlink.sockets import ROUTE, NetlinkSocket
from addons.runtime.errors import OutsideError

DOWNS_OF_NEW = 1
"""The kernel makes both ends of a pair without the other one, and counts that."""

_TOGETHER_SECONDS = 0.01
_KEPT = 10_000
_OF_ALL = (TO_POD, MARKED, FROM_POD)
_OF_LINKS = (route.NEW_LINK, route.DELETE_LINK)

log = logging.getLogger(__name__)


class LinkChanged(Struct, frozen=True, kw_only=True):
    """A link is new, another than before, or gone. `is_running`: both ends of a pair are up.

    `downs`: how often the other end has been down, from `DOWNS_OF_NEW` on. A link that goes down and up at
    once may be told of but once, and runs by then: this is what is left of it.
    """

    index: int
    name: str
    alias: str
    mac: str
    is_there: bool
    is_running: bool
    downs: int


class RulesChanged(Struct, frozen=True):
    """A rule that all pods need, or an interface, was removed: others flush the rules they do not know."""


class EventsLost(Struct, frozen=True):
    """There were more changes than the kernel keeps for us: look at everything; all links are told anew."""


LinkEvent = LinkChanged | RulesChanged | EventsLost


class LinkMonitor:
    """The changes of links and rules in the namespace in which it is made; a context manager.

    It begins with all links that are there: what happened while nobody listened is not missed. Of several
    changes of one link within `_TOGETHER_SECONDS` the last is told: who makes a link is not held up by reading
    each step of it.
    """

    def __init__(self) -> None:
        self._socket, self._asking = NetlinkSocket(ROUTE), NetlinkSocket(ROUTE)
        for group in (route.LINKS_CHANGED, route.RULES_CHANGED):
            self._socket.subscribe(group)
        self._arrived = asyncio.Event()
        self._events: list[LinkEvent] = []
        self._reading: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._listen()
        self._tell_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        if self._reading:
            self._reading.cancel()
        self._socket.close()
        self._asking.close()

    async def changes(self) -> list[LinkEvent]:
        """Wait for changes; give all that came since the last call, in their order."""
        await self._arrived.wait()
        self._arrived.clear()
        found, self._events = self._events, []
        return found

    def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._receive_soon)

    def _receive_soon(self) -> None:
        """Read what has come together with what follows at once."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket.fileno())
        self._reading = loop.call_later(_TOGETHER_SECONDS, self._receive)

    def _receive(self) -> None:
        self._listen()
        try:
            self._events += _read(self._socket.notifications())
        except OutsideError as error:
            log.warning("changes of links were lost: %s", error.message)
            self._lose()
        if len(self._events) > _KEPT:
            self._lose()
        if self._events:
            self._arrived.set()

    def _lose(self) -> None:
        self._events = [EventsLost()]
        self._tell_all()

    def _tell_all(self) -> None:
        try:
            links = self._asking.dump(route.LINKS)
        except OutsideError as error:
            log.warning("not all links could be read: %s", error.message)
            return
        self._events += [_changed(payload, is_there=True) for payload in links]
        self._arrived.set()


def _read(datagrams: bytes) -> Iterator[LinkEvent]:
    found = list(decode_answers(datagrams))
    last = {route.read_index(told.payload): told for told in found if told.type in _OF_LINKS}
    for told in found:
        if told.type == route.DELETE_RULE:
            priority, is_of_one = route.read_rule(told.payload)
            if (priority in _OF_ALL and not is_of_one) or priority == FROM_ENI:
                yield RulesChanged()
        elif told.type == route.DELETE_LINK:
            yield _changed(told.payload, is_there=False)
        elif told.type == route.NEW_LINK and last[route.read_index(told.payload)] is told:
            yield _changed(told.payload, is_there=True)


def _changed(payload: bytes, *, is_there: bool) -> LinkChanged:
    link = route.read_link(payload)
    return LinkChanged(
        index=link.index,
        name=link.name,
        alias=link.alias,
        mac=written_mac(link.mac),
        is_there=is_there,
        is_running=link.is_running,
        downs=link.downs,
    )
