"""Routes of a subnet as EC2 has them: what leaves by which gateway."""

from ipaddress import IPv4Network
from typing import Literal

from msgspec import Struct

RouteTarget = Literal[
    "local",
    "internet-gateway",
    "nat-gateway",
    "transit-gateway",
    "peering",
    "vpn-gateway",
    "interface",
    "endpoint",
    "other",
]


class Route(Struct, frozen=True, kw_only=True):
    """Where packets for a network go. `target_id` names the gateway: igw-1, tgw-1; it is "local" in the VPC.

    A route of a prefix list is one for each network of the list, which `prefix_list` names. A blackhole leads
    to something that is gone: its packets are lost.
    """

    destination: IPv4Network
    target: RouteTarget
    target_id: str
    is_blackhole: bool = False
    prefix_list: str = ""
