"""Which traffic of pods keeps the pod's own address, and which leaves with the node's."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, collapse_addresses
from typing import Literal

from msgspec import Struct

from addons.cni.model.routes import Route
from addons.cni.names import ROUTE_TABLES_UNREADABLE

SnatMode = Literal["auto", "always", "never"]

_TO_INTERNET = ("igw-", "cagw-")
"""Gateways that know a public address for the node's first address only: the internet's, a carrier's."""


class SnatRules(Struct, frozen=True):
    """Packets of pods to `exempt` networks stay as they are; with `never`, all do.

    `mode` is what is done, which is not what was asked for where `reason` is set; `because` says why.
    """

    mode: SnatMode
    exempt: tuple[IPv4Network, ...]
    because: str
    reason: str = ""


def exempt_networks(
    mode: SnatMode,
    vpc_cidrs: Iterable[IPv4Network],
    excluded: Iterable[IPv4Network] = (),
    tables: Sequence[Sequence[Route]] | None = None,
) -> SnatRules:
    """The networks that see the pod's own address.

    `always` exempts the VPC and what is excluded. `auto` adds all that the route tables send elsewhere than
    to the internet: peers, transit gateways, VPNs and NAT gateways know the pod's address, or translate it
    themselves. `tables` has the routes of each subnet that pods' interfaces are in; what only some of them
    know another way to is not exempt. None means that they cannot be read: then it is as with `always`.
    """
    fixed = [*vpc_cidrs, *excluded]
    if mode == "never":
        return SnatRules("never", (), "no address is translated on the node")
    if mode == "auto" and tables:
        exempt = _without_internet(tables[0])
        for routes in tables[1:]:
            exempt = _both(exempt, _without_internet(routes))
        return SnatRules("auto", _collapsed([*exempt, *fixed]), "only what leaves by an internet gateway")
    if mode == "auto":
        message = "route tables cannot be read: all that leaves the VPC has the node's address"
        return SnatRules("always", _collapsed(fixed), message, ROUTE_TABLES_UNREADABLE)
    return SnatRules("always", _collapsed(fixed), "all that leaves the VPC")


def _without_internet(routes: Iterable[Route]) -> list[IPv4Network]:
    """Networks of which the longest matching route does not lead to the internet."""
    exempt: list[IPv4Network] = []
    for route in sorted(routes, key=lambda route: (route.destination.prefixlen, route.destination)):
        exempt = [part for network in exempt for part in _cut(network, route.destination)]
        if not route.target_id.startswith(_TO_INTERNET):
            exempt.append(route.destination)
    return exempt


def _cut(network: IPv4Network, out: IPv4Network) -> Iterable[IPv4Network]:
    """What is left of a network without a part of it."""
    if not network.overlaps(out):
        return (network,)
    return () if network.subnet_of(out) else network.address_exclude(out)


def _both(some: Iterable[IPv4Network], others: Sequence[IPv4Network]) -> list[IPv4Network]:
    """What is in both lists."""
    return [
        one if one.prefixlen >= other.prefixlen else other
        for one in some
        for other in others
        if one.overlaps(other)
    ]


def _collapsed(networks: Iterable[IPv4Network]) -> tuple[IPv4Network, ...]:
    return tuple(sorted(collapse_addresses(networks)))
