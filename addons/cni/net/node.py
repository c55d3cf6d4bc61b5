"""Set up the node's networks, look at them, and put them right, with pyroute2 in a thread of its own."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from msgspec import Struct

from addons.cni.net.kernel import ANYWHERE, Kernel, LinkState, Route, Rule
from addons.cni.net.namespaces import OWN, enter
from addons.cni.net.sysctls import Sysctls
from addons.cni.net.wanted import Changes, EniLink, Observed, Wanted, changes
from addons.cni.net.wiring import PROTOCOL
from addons.runtime.errors import AlreadyExists, NotFound

T = TypeVar("T")

_NO_PREFIX_ROUTE = 0x200  # IFA_F_NOPREFIXROUTE: the address brings no route to its subnet
_NETWORK_ON_LINK, _FROM_ANYWHERE = 253, 0  # scopes of routes


class Ensured(Struct, frozen=True):
    """What was amiss, in words; `missing` are the ids of interfaces whose links are not there yet."""

    amiss: tuple[str, ...]
    missing: frozenset[str]


class NodeNetwork:
    """The networks of the namespace in which it is made; a context manager that ends its thread."""

    def __init__(self, *, sysctls: Sysctls | None = None) -> None:
        self._home = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        self._sysctls = sysctls or Sysctls()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="node network")
        self._entered = self._thread.submit(enter, self._home, "of the node")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, lambda: None)
        self._thread.shutdown()
        os.close(self._home)

    async def observe(self, macs: Iterable[str] = ()) -> Observed:
        """Look: all links, rules and routes; addresses of those links whose hardware address is named."""
        return await self._run(lambda kernel: _observe(kernel, frozenset(macs)))

    async def ensure(self, wanted: Callable[[], Wanted], macs: Iterable[str] = ()) -> Ensured:
        """Make everything as wanted; say what was amiss. Raises `OutsideError`.

        `wanted` is asked after the kernel was: what a pod that is being wired has by then is known to it, and
        is not removed. `macs` are those of the interfaces.
        """
        observed = await self.observe(macs)
        asked = wanted()
        found = changes(asked, observed)
        amiss = found.words()
        if amiss:
            await self._run(lambda kernel: _apply(kernel, found, asked.path.eni_mtu))
        return Ensured(amiss, found.missing)

    async def set_kernel(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        """Have these settings below /proc/sys/net; say which were not so. Raises `Denied`."""
        return await self._run(lambda _: self._set_kernel(wanted))

    async def remove_links(self, links: Iterable[LinkState]) -> None:
        """Remove links that serve nobody; another one that has the name by now stays."""
        await self._run(lambda kernel: _remove(kernel, tuple(links)))

    def _set_kernel(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        amiss = tuple(self._sysctls.differences(wanted))
        for name, value in wanted.items():
            if self._sysctls.read(name) not in ("", value):
                self._sysctls.write(name, value)
        return amiss

    async def _run(self, function: Callable[[Kernel], T]) -> T:
        def call() -> T:
            self._entered.result()
            with Kernel() as kernel:
                return function(kernel)

        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def settings_of_node(primary_link: str, *, is_marking: bool) -> dict[str, str]:
    """Give the settings that forward packets, and have the filter of reverse paths mind the mark.

    With that setting a packet to a NodePort, or an answer from outside, passes the strict filter too: its
    source is looked up like the answer will be routed, by the first interface.
    """
    forwarding = {"ipv4/ip_forward": "1"}
    return forwarding | {f"ipv4/conf/{primary_link}/src_valid_mark": "1"} if is_marking else forwarding


def _observe(kernel: Kernel, macs: frozenset[str]) -> Observed:
    links = tuple(kernel.links())
    return Observed(
        links=links,
        rules=tuple(kernel.rules()),
        routes=tuple(kernel.routes()),
        addresses={link.index: frozenset(kernel.addresses(link.index)) for link in links if link.mac in macs},
    )


def _apply(kernel: Kernel, amiss: Changes, eni_mtu: int) -> None:
    for eni, link in amiss.links:
        _set_up(kernel, eni, link, eni_mtu)
    for each in amiss.new_routes:
        _add_route(kernel, each)
    for rule in amiss.new_rules:
        with suppress(AlreadyExists):
            kernel.change(str(rule), _rule_call("add", rule, PROTOCOL))
    for rule in amiss.old_rules:
        with suppress(NotFound):
            kernel.change(str(rule), _rule_call("del", rule, rule.protocol))
    for each in amiss.old_routes:
        with suppress(NotFound):
            kernel.change(str(each), _old_route(each))


def _set_up(kernel: Kernel, eni: EniLink, link: LinkState, mtu: int) -> None:
    address, _, length = eni.address.partition("/")
    kernel.change(f"link {link.name}", lambda ip: ip.link("set", index=link.index, mtu=mtu, state="up"))
    kernel.change(
        f"address {eni.address}",
        lambda ip: ip.addr(
            "replace", index=link.index, address=address, prefixlen=int(length), flags=_NO_PREFIX_ROUTE
        ),
    )


def _add_route(kernel: Kernel, each: Route) -> None:
    way = {"gateway": str(each.gateway)} if each.gateway else {}
    scope = _FROM_ANYWHERE if each.gateway else _NETWORK_ON_LINK
    kernel.change(
        str(each),
        lambda ip: ip.route(
            "replace",
            dst=str(each.network),
            table=each.table,
            oif=each.index,
            scope=scope,
            proto=each.protocol,
            **way,
        ),
    )


def _old_route(each: Route) -> Callable[[Any], object]:
    return lambda ip: ip.route("del", dst=str(each.network), table=each.table, oif=each.index)


def _rule_call(command: str, rule: Rule, protocol: int) -> Callable[[Any], object]:
    asked: dict[str, Any] = {"priority": rule.priority, "table": rule.table, "protocol": protocol}
    if rule.source != ANYWHERE:
        asked |= {"src": str(rule.source.network_address), "src_len": rule.source.prefixlen}
    if rule.destination != ANYWHERE:
        asked |= {"dst": str(rule.destination.network_address), "dst_len": rule.destination.prefixlen}
    if rule.mark:
        asked |= {"fwmark": rule.mark, "fwmask": rule.mask}
    return lambda ip: ip.rule(command, **asked)


def _remove(kernel: Kernel, links: Iterable[LinkState]) -> None:
    now = {each.index: each.alias for each in kernel.links()}
    for link in links:
        if now.get(link.index) == link.alias:
            with suppress(NotFound):
                kernel.change(f"link {link.name}", partial(_delete_link, link.index))


def _delete_link(index: int, ip: Any) -> object:
    return ip.link("del", index=index)
