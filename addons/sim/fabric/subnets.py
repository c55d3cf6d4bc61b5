"""The subnets of a VPC, and where their route tables lead: what the network is told beside interfaces."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

Target = Literal["internet-gateway", "nat-gateway", "peering"]

EVERYWHERE = IPv4Network("0.0.0.0/0")
PEERED_NETWORK = IPv4Network("172.31.0.0/16")


@dataclass(frozen=True, slots=True)
class Route:
    """One row of a route table besides the VPC's own; `peering` stands for a transit gateway as well."""

    destination: IPv4Network
    target: Target


PUBLIC = (Route(EVERYWHERE, "internet-gateway"), Route(PEERED_NETWORK, "peering"))
"""The routes of a public subnet."""
PRIVATE = (Route(EVERYWHERE, "nat-gateway"), Route(PEERED_NETWORK, "peering"))
"""The routes of a private subnet."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet, by its id in EC2, with the rows of its route table."""

    id: str
    network: IPv4Network
    routes: tuple[Route, ...] = PUBLIC

    @property
    def router(self) -> IPv4Address:
        """The address of the VPC's router in it: the first after that of the network."""
        return self.network[1]
