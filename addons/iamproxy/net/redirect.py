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

from addons.iamproxy.net import listeners, loopback
from addons.iamproxy.net.cgroups import ROOT, find_groups
from addons.iamproxy.net.handover import Handover
from addons.iamproxy.net.listeners import LISTENERS, Listener
from addons.iamproxy.net.table import INTERCEPT, TABLE, ControlGroups, RedirectSettings, wanted_table
from addons.netlink import nftables
from addons.netlink.expressions import Address
from addons.netlink.sockets import NETFILTER, ROUTE, NetlinkSocket
from addons.netlink.table import Table, write
from addons.runtime.errors import AlreadyExists, Invalid, OutsideError

log = logging.getLogger(__name__)

_IN_PLACE = Gauge(
    "addons_iamproxy_redirect_in_place", "1 when the redirect was as wanted at the last look, or made so."
)
_REPAIRS = Counter("addons_iamproxy_redirect_repairs_total", "How often the redirect was put right.")

_AUDIT_SECONDS = 5.0
_SHARED_AUDIT_SECONDS = 0.5
_SHORTEST_AUDIT_SECONDS = 0.1  # kube-proxy changes its own tables often: look ten times a second at most
_HANDOVER_SECONDS = 15.0
_LISTEN_SECONDS = 20.0
_ARRIVAL_SECONDS = 0.5
"""Connections that were redirected before the table changed have arrived by then."""


class Redirect:
    """The redirect of the network namespace in which it is made.

    `uncovered` says which pods it cannot stop, and why; "" when it stops all.
    """

    def __init__(self, settings: RedirectSettings, *, cgroup_root: Path = ROOT) -> None:
        self._settings = settings
        self._netfilter = NetlinkSocket(NETFILTER)
        self._notifications = NetlinkSocket(NETFILTER)
        self._route = NetlinkSocket(ROUTE)
        self._notifications.subscribe(nftables.GROUP)
        self._handover: Handover | None = None
        self._is_in_place = False
        self._groups: ControlGroups | None = None
        self.uncovered = ""
        self._look_for_groups(cgroup_root)

    def close(self) -> None:
        """Give the sockets back; the redirect stays."""
        for netlink in (self._netfilter, self._notifications, self._route):
            netlink.close()

    async def close_off(self) -> None:
        """Close the way to the node's metadata before all else, unless it leads to a daemon already."""
        if not self.is_closed:
            await self.ensure()

    async def listen(self, *, is_warm: Callable[[], bool]) -> list[socket.socket]:
        """Listen on the first listener that is not in use; give the sockets.

        Where another daemon lives, it keeps the redirect until `is_warm`. Where two live, one is given 20
        seconds to end. Raises `AlreadyExists` when both listeners are still in use then.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _LISTEN_SECONDS
        while True:
            try:
                return self._listen(is_warm)
            except AlreadyExists as error:
                if loop.time() > until:
                    raise
                log.info("waiting: %s", error.message)
                await asyncio.sleep(1)

    def _listen(self, is_warm: Callable[[], bool]) -> list[socket.socket]:
        port = self._settings.port
        for listener in LISTENERS:
            self._settings = replace(self._settings, listener=self._usable(listener))
            if sockets := listeners.listen(self._settings.listener, port):
                self._handover = Handover(listener, port, is_warm=is_warm, leads_to=self._leads_to)
                return sockets
        places = " and ".join(f"{listener[0]}:{port}" for listener in LISTENERS)
        raise AlreadyExists(
            f"others listen on {places}: two daemons of ours, or one on port {port} of the node"
        )

    def not_ready(self) -> str:
        """Why pods are not brought here, as of the last look; empty when they are."""
        if self._is_in_place:
            return ""
        return "the redirect leads to the daemon before this one" if self.is_waiting else "no redirect"

    @property
    def is_closed(self) -> bool:
        """Whether the way to the node's metadata is closed: pods are led to a daemon, be it ours or not."""
        return any(map(self._leads_to, LISTENERS))

    @property
    def is_waiting(self) -> bool:
        """Whether another daemon of this node has the redirect until we are warm."""
        return self._handover is not None and self._handover.is_waiting

    @property
    def _is_shared(self) -> bool:
        """Whether another daemon lives, which may die and leave the redirect to this one."""
        try:
            return self._handover is not None and self._handover.has_other
        except OutsideError:
            return False

    @property
    def text(self) -> str:
        """The wanted table in the language of `nft`, for people."""
        return write(self._table())

    async def observe(self) -> tuple[str, ...]:
        """Say what is not as wanted; empty when all is in place. Raises `OutsideError`."""
        absent = loopback.missing(self._route, self._settings.listener)
        found = nftables.differences(self._netfilter, self._table())
        return (*found, *(f"the address {address} is not there" for address in absent))

    async def ensure(self) -> tuple[str, ...]:
        """Make everything as wanted, where it is ours to do; say what was amiss. Raises `OutsideError`."""
        self._is_in_place = False
        was_waiting = self.is_waiting
        if self._handover and not self._handover.should_have_redirect():
            self._is_in_place = not self._handover.is_waiting
            return ()
        amiss = await self.observe()
        if amiss:
            self._install()
            self._usable(self._settings.listener)
        self._is_in_place = True
        return () if was_waiting else amiss

    async def remove(self) -> None:
        """Take everything away: from now on pods see the node's metadata."""
        self._is_in_place = False
        nftables.uninstall(self._netfilter, TABLE)
        for address in (address for listener in LISTENERS for address in listener):
            loopback.delete(self._route, address)

    async def hand_over(self, *, is_followed: bool = False) -> None:
        """Serve on until the other daemon of this node, if any, has the redirect; for 15 seconds at most.

        One that `is_followed` by another daemon waits for it also while nobody listens yet: that may only
        just be starting.
        """
        if not self._handover:
            return
        try:
            await self._hand_over(self._handover, is_followed=is_followed)
        except OutsideError as error:
            log.error("stopping without a hand-over: %s", error.message)

    async def _hand_over(self, handover: Handover, *, is_followed: bool) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + _HANDOVER_SECONDS
        if is_followed:
            await _appearance(handover, until)
        if not handover.has_other:
            return
        if handover.stop():
            nftables.install(self._netfilter, self._table(handover.other))
        while loop.time() < until:
            if handover.is_complete():
                break
            await asyncio.sleep(_SHORTEST_AUDIT_SECONDS)
        await asyncio.sleep(_ARRIVAL_SECONDS)

    async def keep(self, stopping: asyncio.Event) -> None:
        """Ensure it at once, again whenever somebody changes our table, and every five seconds.

        While another daemon lives, twice in a second.
        """
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._notifications.fileno(), _read, self._notifications, wake)
        ending = asyncio.create_task(stopping.wait())
        ending.add_done_callback(lambda _: wake.set())
        try:
            while not stopping.is_set():
                wake.clear()
                await self._ensure_and_tell()
                await asyncio.wait([ending], timeout=_SHORTEST_AUDIT_SECONDS)
                if not self.is_waiting:
                    await _wait(wake, _SHARED_AUDIT_SECONDS if self._is_shared else _AUDIT_SECONDS)
        finally:
            loop.remove_reader(self._notifications.fileno())
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
            nftables.install(self._netfilter, self._table())
        except Invalid as error:
            if self._groups is None:
                raise
            self._leave_out_groups(error.message)
            nftables.install(self._netfilter, self._table())

    def _table(self, listener: Listener = ()) -> Table:
        settings = replace(self._settings, listener=listener) if listener else self._settings
        return wanted_table(settings, self._groups)

    def _leads_to(self, listener: Listener) -> bool:
        return nftables.mentions(self._netfilter, TABLE, INTERCEPT, listener[0].packed)

    def _usable(self, listener: Listener) -> Listener:
        """Put its addresses in place; give those that the node can have: perhaps none of IPv6."""
        absent = loopback.missing(self._route, listener)
        return tuple(address for address in listener if address not in absent or self._add(address))

    def _add(self, address: Address) -> bool:
        try:
            loopback.add(self._route, address)
        except OutsideError as error:
            if address.version == 4:
                raise
            log.warning("not listening for IPv6: %s", error.message)
            return False
        return True


async def _appearance(handover: Handover, until: float) -> None:
    """Wait for another daemon to listen, until a moment of the loop's time."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        if handover.has_other:
            break
        await asyncio.sleep(_SHORTEST_AUDIT_SECONDS)


def _read(notifications: NetlinkSocket, wake: asyncio.Event) -> None:
    """Wake when a notification is about our table; those that are lost may have been."""
    try:
        is_ours = TABLE.encode() in notifications.notifications()
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
