"""The table that translates addresses and marks connections, as data. Pure.

| chain | what it does |
|---|---|
| mark | a connection to a NodePort is marked, and every packet of marked connections |
| leave | a pod's connection that is to leave with the node's address is marked, and goes by eth0 |
| translate | it leaves with the node's address |

The packet itself is marked as it comes in, not only the connection: the strict filter of reverse paths then
looks its source up by the main table, as the answer will be routed, and lets it pass.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Literal

from msgspec import Struct

from addons.netlink.expressions import (
    PortChoice,
    accept,
    connection_has,
    counter,
    daddr_in,
    daddr_is_local,
    iifname,
    ipv4,
    mark_connection,
    mark_packet,
    oifname,
    snat,
)
from addons.netlink.table import Chain, Priority, Rule, Table, rule

TABLE = "aws-addons-cni"
"""The one table, of family inet, that is ours; no other is ever touched."""

_MANGLE = Priority("mangle", -150)
_AFTER_KUBE_PROXY = Priority("dstnat + 10", -90)
_SOURCE_NAT = Priority("srcnat", 100)

_PORT_CHOICES: dict[str, PortChoice] = {
    "prng": "fully-random",
    "hashrandom": "random",
    "none": "in order",
}


class Translation(Struct, frozen=True, kw_only=True):
    """What is translated and marked.

    `primary_link` and `primary_ip` are those of the node's first interface. `exempt` are the networks that
    see pods' own addresses; None: all do. `has_node_ports`: NodePorts work for pods of other interfaces.
    `ports` is how `--randomizesnat` has it. `pod_links` is what names of pods' links begin with.
    """

    primary_link: str
    primary_ip: IPv4Address
    exempt: tuple[IPv4Network, ...] | None
    has_node_ports: bool = True
    mark: int = 0x80
    ports: Literal["prng", "hashrandom", "none"] = "prng"
    pod_links: str = "eni"

    @property
    def is_marking(self) -> bool:
        """Whether there are connections to be kept on the first interface."""
        return self.has_node_ports or self.exempt is not None


def wanted_table(translation: Translation) -> Table | None:
    """Give the table; None when there is nothing to do."""
    if not translation.is_marking:
        return None
    chains = [Chain("mark", "filter", "prerouting", _MANGLE, tuple(_mark(translation)))]
    if translation.exempt is not None:
        exempt = tuple(collapse_addresses(translation.exempt))
        leave = (*_leave_out(exempt), *_leave(translation))
        translate = (*_leave_out(exempt), _translate(translation))
        chains += [
            Chain("leave", "nat", "prerouting", _AFTER_KUBE_PROXY, leave),
            Chain("translate", "nat", "postrouting", _SOURCE_NAT, translate),
        ]
    return Table(TABLE, tuple(chains))


def _mark(translation: Translation) -> Iterator[Rule]:
    if translation.has_node_ports:
        yield rule(
            iifname(translation.primary_link), ipv4(), daddr_is_local(), mark_connection(translation.mark)
        )
    yield rule(connection_has(translation.mark), mark_packet(translation.mark))


def _leave_out(exempt: tuple[IPv4Network, ...]) -> Iterator[Rule]:
    for network in exempt:
        yield rule(daddr_in(network), accept())


def _leave(translation: Translation) -> Iterator[Rule]:
    yield rule(iifname(f"!{translation.pod_links}+"), accept())
    yield rule(daddr_is_local(), accept())
    yield rule(ipv4(), mark_connection(translation.mark), mark_packet(translation.mark))


def _translate(translation: Translation) -> Rule:
    """Connections to NodePorts are marked as well, but end on the node or at a pod: those are left out."""
    ports = _PORT_CHOICES[translation.ports]
    return rule(
        ipv4(),
        connection_has(translation.mark),
        oifname(f"!{translation.pod_links}+"),
        counter(),
        snat(translation.primary_ip, ports),
    )
