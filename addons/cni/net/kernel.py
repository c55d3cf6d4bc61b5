"""What the kernel holds, read with pyroute2: links, addresses, routes, neighbours and rules of IPv4.

pyroute2 is imported when it is first needed, and without what its package imports only to name it: that keeps
6 MiB of a node's memory.
"""

import importlib.util
import sys
import types
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

from addons.netlink.sockets import refusal
from addons.runtime.errors import Unavailable

ANYWHERE = IPv4Network("0.0.0.0/0")
_INET, _PERMANENT, _UP = 2, 0x80, 1
_TRIES = 5


class Rule(Struct, frozen=True, order=True):
    """A rule: which packets go by which table. `protocol` says who made it."""

    priority: int
    table: int
    source: IPv4Network = ANYWHERE
    destination: IPv4Network = ANYWHERE
    mark: int = 0
    mask: int = 0
    protocol: int = 0

    def __str__(self) -> str:
        words = [f"rule {self.priority}: from {_written(self.source)}"]
        if self.destination != ANYWHERE:
            words.append(f"to {_written(self.destination)}")
        if self.mark:
            words.append(f"fwmark {self.mark:#x}/{self.mask:#x}")
        return " ".join((*words, f"lookup {_table(self.table)}"))


class Route(Struct, frozen=True, order=True):
    """A route to a network by a link, directly or by a gateway."""

    table: int
    network: IPv4Network
    index: int
    gateway: IPv4Address | None = None
    protocol: int = 0

    def __str__(self) -> str:
        network = "default" if self.network == ANYWHERE else _written(self.network)
        return f"route {network} in table {_table(self.table)}"


class LinkState(Struct, frozen=True):
    """A link. `kind` is "veth" for an end of a pair."""

    index: int
    name: str
    alias: str
    mac: str
    mtu: int
    is_up: bool
    kind: str = ""


class Neighbour(Struct, frozen=True):
    """Who has an address on a link; `mac` is "" while that is not known."""

    index: int
    ip: IPv4Address
    mac: str
    is_permanent: bool


class Kernel:
    """The networks of the namespace in which it is made; a context manager. Errors are `OutsideError`."""

    def __init__(self) -> None:
        self.ip = _pyroute2().IPRoute()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ip.close()

    def links(self) -> list[LinkState]:
        """Give all links."""
        return [_link(found) for found in self._list("links", self.ip.get_links)]

    def addresses(self, index: int) -> set[str]:
        """Give a link's addresses, each as `10.0.1.60/32`."""
        found = self._list("addresses", lambda: self.ip.get_addr(family=_INET, index=index))
        return {f"{each.get_attr('IFA_LOCAL')}/{each['prefixlen']}" for each in found}

    def routes(self, table: int | None = None) -> list[Route]:
        """Give the routes of a table, or of all."""
        match = {} if table is None else {"table": table}
        return [_route(found) for found in self._list("routes", lambda: self.ip.get_routes(_INET, **match))]

    def rules(self) -> list[Rule]:
        """Give all rules, in their order; the same one as often as it is there."""
        return [_rule(found) for found in self._list("rules", lambda: self.ip.get_rules(family=_INET))]

    def neighbours(self, index: int) -> list[Neighbour]:
        """Give who is known on a link."""
        found = self._list("neighbours", lambda: self.ip.get_neighbours(_INET, ifindex=index))
        return [_neighbour(each) for each in found]

    def change(self, subject: str, ask: Callable[[Any], object]) -> None:
        """Have the kernel change something."""
        netlink_error = _errors().NetlinkError
        try:
            ask(self.ip)
        except netlink_error as error:
            raise refusal(error.code, subject) from error

    def _list(self, subject: str, ask: Callable[[], Iterable[Any]]) -> list[Any]:
        """Ask for a list; again when it changed while the kernel wrote it, as it does while pods come."""
        errors = _errors()
        for _ in range(_TRIES):
            try:
                return list(ask())
            except errors.NetlinkDumpInterrupted:
                continue
            except errors.NetlinkError as error:
                raise refusal(error.code, subject) from error
        raise Unavailable(f"{subject}: changed {_TRIES} times while they were read")


def _pyroute2() -> Any:
    """Import what talks with the kernel; `import pyroute2` elsewhere still gives the whole package."""
    if "pyroute2" in sys.modules:
        return importlib.import_module("pyroute2.iproute.linux")
    spec = importlib.util.find_spec("pyroute2")
    package = types.ModuleType("pyroute2")
    package.__path__ = list(spec.submodule_search_locations or ()) if spec else []
    sys.modules["pyroute2"] = package
    try:
        return importlib.import_module("pyroute2.iproute.linux")
    finally:
        del sys.modules["pyroute2"]


def _errors() -> Any:
    return sys.modules["pyroute2.netlink.exceptions"]


def _link(found: Any) -> LinkState:
    return LinkState(
        index=found["index"],
        name=found.get_attr("IFLA_IFNAME"),
        alias=found.get_attr("IFLA_IFALIAS") or "",
        mac=found.get_attr("IFLA_ADDRESS") or "",
        mtu=found.get_attr("IFLA_MTU"),
        is_up=bool(found["flags"] & _UP),
        kind=found.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or "",
    )


def _route(found: Any) -> Route:
    gateway = found.get_attr("RTA_GATEWAY")
    return Route(
        table=found.get_attr("RTA_TABLE") or found["table"],
        network=_network(found.get_attr("RTA_DST"), found["dst_len"]),
        index=found.get_attr("RTA_OIF") or 0,
        gateway=IPv4Address(gateway) if gateway else None,
        protocol=found["proto"],
    )


def _rule(found: Any) -> Rule:
    return Rule(
        priority=found.get_attr("FRA_PRIORITY") or 0,
        table=found.get_attr("FRA_TABLE") or found["table"],
        source=_network(found.get_attr("FRA_SRC"), found["src_len"]),
        destination=_network(found.get_attr("FRA_DST"), found["dst_len"]),
        mark=found.get_attr("FRA_FWMARK") or 0,
        mask=found.get_attr("FRA_FWMASK") or 0,
        protocol=found.get_attr("FRA_PROTOCOL") or 0,
    )


def _neighbour(found: Any) -> Neighbour:
    return Neighbour(
        index=found["ifindex"],
        ip=IPv4Address(found.get_attr("NDA_DST")),
        mac=found.get_attr("NDA_LLADDR") or "",
        is_permanent=bool(found["state"] & _PERMANENT),
    )


def _network(address: str | None, length: int) -> IPv4Network:
    return IPv4Network((address, length)) if address else ANYWHERE


def _written(network: IPv4Network) -> str:
    if network == ANYWHERE:
        return "all"
    return str(network.network_address if network.prefixlen == 32 else network)


def _table(number: int) -> str:
    return "main" if number == 254 else str(number)
