"""Keep the redirect in place: our table in nftables, and the listener's addresses.

It outlives the daemon: while nobody listens pods are refused, and never come through to the node's metadata.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from prometheus_client import Counter, Gauge

from addons.iamproxy.net import addresses, nftables, seats
from addons.iamproxy.net.cgroups import ROOT, find_groups
from addons.iamproxy.net.expressions import Address
from addons.iamproxy.net.netlink import NETFILTER, ROUTE, Netlink
from addons.iamproxy.net.seats import SEATS, Seat
from addons.iamproxy.net.succession import Succession
from addons.iamproxy.net.table import (
    INTERCEPT,
    TABLE,
    Chain,
    ControlGroups,
    RedirectSettings,
    wanted_chains,
    write,
)
from addons.runtime.errors import AlreadyExists, Invalid, OutsideError

log = logging.getLogger(__name__)

_IN_PLACE = Gauge(
    "addons_iamproxy_redirect_in_place", "1 when the redirect was as wanted at the last look, or made so."
)
_REPAIRS = Counter("addons_iamproxy_redirect_repairs_total", "How often the redirect was put right.")

_AUDIT_SECONDS = 5.0
_BETWEEN_NEWS_SECONDS = 0.1  # kube-proxy changes its own tables often: look ten times a second at most
_SUCCESSION_SECONDS = 15.0
_ARRIVAL_SECONDS = 0.5
"""So long after the redirect leads elsewhere, no connection arrives any more that was on its way to us."""


class Redirect:
    """The redirect of the network namespace in which it is made.

    `uncovered` says which pods it cannot stop, and why; "" when it stops all.
    """

    def __init__(self, settings: RedirectSettings, *, cgroup_root: Path = ROOT) -> None:
        self._settings = settings
        self._netfilter, self._news, self._route = Netlink(NETFILTER), Netlink(NETFILTER), Netlink(ROUTE)
        self._news.join(nftables.GROUP)
        self._succession: Succession | None = None
        self._is_in_place = False
        self._groups: ControlGroups | None = None
        self.uncovered = ""
        self._look_for_groups(cgroup_root)

    def close(self) -> None:
        """Give the sockets back; the redirect stays."""
        for netlink in (self._netfilter, self._news, self._route):
            netlink.close()

    async def close_off(self) -> None:
        """Close the way to the node's metadata before all else, unless it leads to a daemon already."""
        if not self.is_closed:
            await self.ensure()

    def sit_down(self, *, is_warm: Callable[[], bool]) -> list[socket.socket]:
        """Listen where nobody does, beside another daemon of this node; give the sockets.

        As long as that one lives it keeps the redirect, until `is_warm`. Raises `AlreadyExists` when two
        others listen.
        """
        port = self._settings.port
        for seat in SEATS:
            self._settings = replace(self._settings, listener=self._usable(seat))
            if sockets := seats.take(self._settings.listener, port):
                self._succession = Succession(seat, port, is_warm=is_warm, leads_to=self._leads_to)
                return sockets
        places = " and ".join(f"{seat[0]}:{port}" for seat in SEATS)
        raise AlreadyExists(
            f"others listen on {places}: two daemons of ours, or one on port {port} of the node"
        )

    @property
    def is_in_place(self) -> bool:
        """Whether everything was as wanted, or was made so, when it was looked at last."""
        return self._is_in_place

    @property
    def is_closed(self) -> bool:
        """Whether the way to the node's metadata is closed: pods are led to a daemon, be it ours or not."""
        return any(map(self._leads_to, SEATS))

    @property
    def waits(self) -> bool:
        """Whether another daemon of this node has the redirect until we are warm."""
        return self._succession is not None and self._succession.waits

    @property
    def text(self) -> str:
        """The wanted table in the language of `nft`, for people."""
        return write(self._chains())

    async def observe(self) -> tuple[str, ...]:
        """Say what is not as wanted; empty when all is in place. Raises `OutsideError`."""
        absent = addresses.missing(self._route, self._settings.listener)
        found = nftables.differences(self._netfilter, self._chains())
        return (*found, *(f"the address {address} is not there" for address in absent))

    async def ensure(self) -> tuple[str, ...]:
        """Make everything as wanted, where it is ours to do; say what was amiss. Raises `OutsideError`."""
        self._is_in_place = False
        waited = self.waits
        if self._succession and not self._succession.is_ours():
            self._is_in_place = not self._succession.waits
            return ()
        amiss = await self.observe()
        if amiss:
            self._install()
            self._usable(self._settings.listener)
        self._is_in_place = True
        return () if waited else amiss

    async def remove(self) -> None:
        """Take everything away: from now on pods see the node's metadata."""
        self._is_in_place = False
        nftables.uninstall(self._netfilter)
        for address in (address for seat in SEATS for address in seat):
            addresses.delete(self._route, address)

    async def hand_over(self) -> None:
        """Go on until the other daemon of this node, if any, has the redirect; for 15 seconds at most."""
        if not self._succession:
            return
        try:
            await self._hand_over(self._succession)
        except OutsideError as error:
            log.error("stopping without a hand-over: %s", error.message)

    async def _hand_over(self, succession: Succession) -> None:
        if not succession.has_other:
            return
        if succession.give_back():
            nftables.install(self._netfilter, self._chains(succession.other))
        loop = asyncio.get_running_loop()
        until = loop.time() + _SUCCESSION_SECONDS
        while loop.time() < until:
            if succession.is_settled():
                break
            await asyncio.sleep(_BETWEEN_NEWS_SECONDS)
        await asyncio.sleep(_ARRIVAL_SECONDS)

    async def keep(self, stopping: asyncio.Event) -> None:
        """Ensure it at once, again whenever somebody changes our table, and every five seconds."""
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._news.fileno(), _listen, self._news, wake)
        ending = asyncio.create_task(stopping.wait())
        ending.add_done_callback(lambda _: wake.set())
        try:
            while not stopping.is_set():
                wake.clear()
                await self._ensure_and_tell()
                await asyncio.wait([ending], timeout=_BETWEEN_NEWS_SECONDS)
                if not self.waits:
                    await _wait(wake, _AUDIT_SECONDS)
        finally:
            loop.remove_reader(self._news.fileno())
            ending.cancel()

    async def _ensure_and_tell(self) -> None:
        try:
            amiss = await self.ensure()
        except OutsideError as error:
            log.error("the redirect is not in place: %s", error.message)
            return
        finally:
            _IN_PLACE.set(self._is_in_place)
        if amiss:
            _REPAIRS.inc()
            log.warning("put the redirect in place: %s", "; ".join(amiss))

    def _look_for_groups(self, cgroup_root: Path) -> None:
        groups = find_groups(cgroup_root)
        if isinstance(groups, str):
            self._leave_out_groups(groups)
        else:
            self._groups = groups

    def _leave_out_groups(self, why: str) -> None:
        self._groups = None
        self.uncovered = f"pods in the node's own network reach the node's metadata: {why}"
        log.warning("%s", self.uncovered)

    def _install(self) -> None:
        try:
            nftables.install(self._netfilter, self._chains())
        except Invalid as error:
            if self._groups is None:
                raise
            self._leave_out_groups(error.message)
            nftables.install(self._netfilter, self._chains())

    def _chains(self, listener: Seat = ()) -> tuple[Chain, ...]:
        settings = replace(self._settings, listener=listener) if listener else self._settings
        return wanted_chains(settings, self._groups)

    def _leads_to(self, seat: Seat) -> bool:
        return nftables.mentions(self._netfilter, INTERCEPT, seat[0].packed)

    def _usable(self, seat: Seat) -> Seat:
        """Put the addresses of a seat in place; give those that the node can have: perhaps none of IPv6."""
        absent = addresses.missing(self._route, seat)
        return tuple(address for address in seat if address not in absent or self._add(address))

    def _add(self, address: Address) -> bool:
        try:
            addresses.add(self._route, address)
        except OutsideError as error:
            if address.version == 4:
                raise
            log.warning("not listening for IPv6: %s", error.message)
            return False
        return True


def _listen(news: Netlink, wake: asyncio.Event) -> None:
    """Wake when our table is spoken of; lost news may have been about it."""
    try:
        is_ours = TABLE.encode() in news.heard()
    except OutsideError:
        is_ours = True
    if is_ours:
        wake.set()


async def _wait(wake: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return
