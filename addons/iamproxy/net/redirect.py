"""Keep the redirect in place: our table in nftables, and the listener's addresses.

It outlives the daemon: while nobody listens pods are refused, and never come through to the node's metadata.
"""

import asyncio
import logging
from pathlib import Path

from addons.iamproxy.net import addresses, nftables
from addons.iamproxy.net.cgroups import ROOT, find_groups
from addons.iamproxy.net.expressions import Address
from addons.iamproxy.net.netlink import NETFILTER, ROUTE, Netlink
from addons.iamproxy.net.table import TABLE, ControlGroups, RedirectSettings, wanted_chains, write
from addons.runtime.errors import Invalid, OutsideError

log = logging.getLogger(__name__)

_AUDIT_SECONDS = 5.0
_BETWEEN_NEWS_SECONDS = 0.1  # kube-proxy changes its own tables often: look ten times a second at most


class Redirect:
    """The redirect of the network namespace in which it is made.

    `uncovered` says which pods it cannot stop, and why; "" when it stops all.
    """

    def __init__(self, settings: RedirectSettings, *, cgroup_root: Path = ROOT) -> None:
        self._settings = settings
        self._netfilter, self._news, self._route = Netlink(NETFILTER), Netlink(NETFILTER), Netlink(ROUTE)
        self._news.join(nftables.GROUP)
        self._listener = settings.listener
        self._is_in_place = False
        self._groups: ControlGroups | None = None
        self.uncovered = ""
        self._look_for_groups(cgroup_root)

    def close(self) -> None:
        """Give the sockets back; the redirect stays."""
        for netlink in (self._netfilter, self._news, self._route):
            netlink.close()

    @property
    def is_in_place(self) -> bool:
        """Whether everything was as wanted, or was made so, when it was looked at last."""
        return self._is_in_place

    @property
    def listener(self) -> tuple[Address, ...]:
        """The addresses to listen on, once ensured; a node without IPv6 has only the one of IPv4."""
        return self._listener

    @property
    def text(self) -> str:
        """The wanted table in the language of `nft`, for people."""
        return write(wanted_chains(self._settings, self._groups))

    async def observe(self) -> tuple[str, ...]:
        """Say what is not as wanted; empty when all is in place. Raises `OutsideError`."""
        absent = addresses.missing(self._route, self._listener)
        found = nftables.differences(self._netfilter, wanted_chains(self._settings, self._groups))
        return (*found, *(f"the address {address} is not there" for address in absent))

    async def ensure(self) -> tuple[str, ...]:
        """Make everything as wanted; say what was amiss. Raises `OutsideError`."""
        self._is_in_place = False
        amiss = await self.observe()
        if amiss:
            self._install()
            for address in addresses.missing(self._route, self._listener):
                self._add(address)
        self._is_in_place = True
        return amiss

    async def remove(self) -> None:
        """Take everything away: from now on pods see the node's metadata."""
        self._is_in_place = False
        nftables.uninstall(self._netfilter)
        for address in self._settings.listener:
            addresses.delete(self._route, address)

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
        if amiss:
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
            nftables.install(self._netfilter, wanted_chains(self._settings, self._groups))
        except Invalid as error:
            if self._groups is None:
                raise
            self._leave_out_groups(error.message)
            nftables.install(self._netfilter, wanted_chains(self._settings, None))

    def _add(self, address: Address) -> None:
        try:
            addresses.add(self._route, address)
        except OutsideError as error:
            if address.version == 4:
                raise
            log.warning("not listening for IPv6: %s", error.message)
            self._listener = tuple(other for other in self._listener if other != address)


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
