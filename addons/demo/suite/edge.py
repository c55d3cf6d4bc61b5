"""Where load balancers stand, and their users: a network beside the VPC, joined to it."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network
from socket import socket

from addons.sim.alb.plane import DataPlane
from addons.sim.alb.reach import connector_in
from addons.sim.aws.elbv2.model import Listener
from addons.sim.aws.route53.names import parse_name
from addons.sim.aws.server import AwsEndpoint
from addons.sim.fabric.world import VpcWorld
from addons.sim.nameserver import NameServer
from addons.sim.net import Namespace

_NEAR, _FAR = IPv4Address("100.66.0.1"), IPv4Address("100.66.0.2")
_BALANCERS = IPv4Network("100.66.1.0/24")
_HEALTH_SCALE = 0.1
"""Health is asked for ten times as often as it is written."""


class Edge:
    """Gives each load balancer an address, which its DNS name leads to, and serves its listeners there."""

    def __init__(self, inside: Namespace, aws: AwsEndpoint, names: NameServer) -> None:
        self.inside = inside
        self._account, self._names = aws.elbv2.account, names
        self._addresses: dict[str, str] = {}
        self._free = (str(each) for each in itertools.cycle(_BALANCERS.hosts()))

    def listen(self, listener: Listener) -> socket:
        """Open the port of a listener."""
        return self.inside.listener(self._address(listener.load_balancer_arn), listener.port)

    def _address(self, arn: str) -> str:
        if arn not in self._addresses:
            self._addresses[arn] = address = next(self._free)
            self.inside.ip(f"addr replace {address}/32 dev lo")
            self._names.outside[parse_name(self._account.load_balancers[arn].dns_name)] = (address,)
        return self._addresses[arn]


@asynccontextmanager
async def edge(vpc: VpcWorld, aws: AwsEndpoint, names: NameServer) -> AsyncIterator[Edge]:
    """Make it, and serve whatever load balancers come; all subnets must be there."""
    inside = Namespace(f"{vpc.fabric.router.inside.name.removesuffix('router')}edge")
    inside.make()
    try:
        inside.ip("link set lo up")
        vpc.fabric.router.join(inside, near=_NEAR, far=_FAR, behind=[_BALANCERS])
        made = Edge(inside, aws, names)
        connector = connector_in(inside.open_socket)
        async with DataPlane(aws.elbv2, listen=made.listen, connector=connector, health_scale=_HEALTH_SCALE):
            yield made
    finally:
        inside.remove()
