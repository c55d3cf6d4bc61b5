"""What AWS has around load balancers: the network of the cluster, and certificates."""

from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from msgspec import Struct

from addons.albingress.model.stack import Pairs


class Vpc(Struct, frozen=True, kw_only=True):
    """The network of the cluster, with the ranges of its addresses."""

    id: str
    cidrs: tuple[str, ...] = ()
    ipv6_cidrs: tuple[str, ...] = ()

    def has(self, address: str) -> bool:
        """Whether an address may be of the VPC: it is in one of its ranges, or none of them is known."""
        ranges = (*self.cidrs, *self.ipv6_cidrs)
        return not ranges or any(ip_address(address) in _range(each) for each in ranges)


@cache
def _range(cidr: str) -> IPv4Network | IPv6Network:
    return ip_network(cidr)


class Subnet(Struct, frozen=True, kw_only=True):
    """A part of the network in one zone. `zone_type`: availability-zone, local-zone or wavelength-zone.

    `is_public`: its route table leads to an internet gateway; None where the route tables were not read.
    """

    id: str
    zone: str
    zone_type: str = "availability-zone"
    free_addresses: int = 0
    has_ipv6: bool = False
    is_public: bool | None = None
    outpost: str = ""
    tags: Pairs = ()


class Certificate(Struct, frozen=True, kw_only=True):
    """A certificate of ACM that is issued, with all host names that it is good for.

    `authority` is the ARN of the private authority that issued it, empty for a public one.
    """

    arn: str
    hosts: tuple[str, ...]
    authority: str = ""
