"""The table of the redirect as data: which packets go to the daemon, and which are dropped. Pure.

Four ways lead to the node's metadata, or to the daemon past the redirect; each has a chain that closes it:

| chain | closes |
|---|---|
| antispoof | a pod sends from the address of another pod |
| forward | a pod opens the metadata address at another port, or by another protocol |
| input | a pod opens the daemon's ports directly |
| output | a pod in the node's own network opens the metadata address |
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from itertools import product

from msgspec import Struct

from addons.iamproxy.net.listeners import LISTENERS, Listener
from addons.netlink.expressions import (
    Address,
    Network,
    Statement,
    accept,
    counter,
    daddr,
    dnat,
    drop,
    iifname,
    original_daddr,
    reject,
    reverse_path_fails,
    saddr,
    socket_cgroup,
    tcp_dport,
)
from addons.netlink.table import Chain, Priority, Rule, Table, rule

TABLE = "aws-addons-iamproxy"
"""The one table, of family inet, that is ours; no other is ever touched."""

INTERCEPT = "intercept"
"""The chain that leads pods to the daemon."""

_RAW = Priority("raw", -300)  # before connections are tracked
_BEFORE_KUBE_PROXY = Priority("dstnat - 10", -110)
_BEFORE_FILTERS = Priority("filter - 10", -10)


class ControlGroups(Struct, frozen=True):
    """The control groups (of cgroup v2) of pods, and of this daemon, as (path, inode number)."""

    pods: tuple[tuple[str, int], ...]
    ours: tuple[str, int] | None = None


class RedirectSettings(Struct, frozen=True):
    """What is redirected, and where to.

    `metadata`: where pods find the metadata service. `listener`: where the daemon listens.
    `interfaces` narrow which packets are redirected (without any: all). The others are dropped: nothing that
    this node forwards ever reaches the metadata service.
    `admin_networks`: which networks may open the admin port from outside the node; by default none.
    """

    metadata: tuple[Address, ...] = (IPv4Address("169.254.169.254"), IPv6Address("fd00:ec2::254"))
    listener: Listener = LISTENERS[0]
    port: int = 8181
    admin_port: int = 8182
    interfaces: tuple[str, ...] = ()
    admin_networks: tuple[Network, ...] = ()


def wanted_table(settings: RedirectSettings, groups: ControlGroups | None) -> Table:
    """Give the table; without `groups` pods in the node's network are not told apart."""
    chains = (
        Chain("antispoof", "filter", "prerouting", _RAW, tuple(_antispoof(settings))),
        Chain(INTERCEPT, "nat", "prerouting", _BEFORE_KUBE_PROXY, tuple(_intercept(settings))),
        Chain("forward", "filter", "forward", _BEFORE_FILTERS, tuple(_forward(settings))),
        Chain("input", "filter", "input", _BEFORE_FILTERS, tuple(_input(settings))),
        Chain("output", "filter", "output", _BEFORE_FILTERS, tuple(_output(settings, groups))),
    )
    return Table(TABLE, chains)


def _antispoof(settings: RedirectSettings) -> Iterator[Rule]:
    for address in settings.metadata:
        yield rule(daddr(address), reverse_path_fails(), counter(), drop())


def _intercept(settings: RedirectSettings) -> Iterator[Rule]:
    all_interfaces: list[tuple[Statement, ...]] = [()]
    interfaces = [(iifname(pattern),) for pattern in settings.interfaces] or all_interfaces
    for (metadata, listener), interface in product(_pairs(settings), interfaces):
        match = (*interface, daddr(metadata), tcp_dport(80))
        yield rule(*match, counter(), dnat(listener, settings.port))


def _pairs(settings: RedirectSettings) -> Iterator[tuple[Address, Address]]:
    by_version = {address.version: address for address in settings.listener}
    return (
        (metadata, by_version[metadata.version])
        for metadata in settings.metadata
        if metadata.version in by_version
    )


def _forward(settings: RedirectSettings) -> Iterator[Rule]:
    for address in settings.metadata:
        yield rule(daddr(address), counter(), drop())


def _input(settings: RedirectSettings) -> Iterator[Rule]:
    """The listener takes redirected connections only; the node itself reaches both ports, to probe them."""
    yield rule(iifname("lo"), accept())
    for address in settings.metadata:
        yield rule(original_daddr(address), tcp_dport(settings.port), accept())
    for network in settings.admin_networks:
        yield rule(saddr(network), tcp_dport(settings.admin_port), accept())
    for port in (settings.port, settings.admin_port):
        yield rule(tcp_dport(port), counter(), reject())


def _output(settings: RedirectSettings, groups: ControlGroups | None) -> Iterator[Rule]:
    if groups is None:
        return
    if groups.ours:
        yield rule(socket_cgroup(*groups.ours), accept())
    for group, address in product(groups.pods, settings.metadata):
        yield rule(daddr(address), socket_cgroup(*group), counter(), drop())
