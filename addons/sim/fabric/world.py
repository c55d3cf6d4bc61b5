"""A whole VPC: the strict EC2 with its HTTP endpoint, the network that carries it out, nodes with metadata.

    async with AwsEndpoint() as aws, VpcWorld(aws) as world:
        node = await world.add_node()
        # in node.inside: eth0, http://169.254.169.254, EC2 at world.url, the internet, a peered network

Interfaces follow EC2 by themselves, and route tables when `reread` is called.
"""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Self

from addons.sim.aws.ec2.model import Instance, RouteTable
from addons.sim.aws.ec2.model import Subnet as Ec2Subnet
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.server import AwsEndpoint
from addons.sim.fabric.router import SERVICES
from addons.sim.fabric.subnets import EVERYWHERE, PEERED_NETWORK, Route, Subnet, Target
from addons.sim.fabric.vpc import Node, VpcFabric
from addons.sim.imds import Imds
from addons.sim.net import METADATA, Namespace
from addons.sim.node_network import NodeNetwork

_TARGETS: dict[str, Target] = {
    "igw": "internet-gateway",
    "nat": "nat-gateway",
    "pcx": "peering",
    "tgw": "peering",
    "vgw": "peering",
}


@dataclass(frozen=True, slots=True)
class WorldNode:
    """An instance with its network; `network.lag_seconds` lets its metadata lag behind."""

    instance: Instance
    address: IPv4Address
    node: Node
    imds: Imds
    network: NodeNetwork

    @property
    def inside(self) -> Namespace:
        """The node's network."""
        return self.node.inside


class VpcWorld:
    """The VPC 10.0.0.0/16 with one public subnet, 10.0.1.0/24 by default; an async context manager.

    `url` is EC2 as nodes reach it. Needs root.
    """

    def __init__(self, aws: AwsEndpoint, *, subnet: str = "10.0.1.0/24") -> None:
        self.ec2: Ec2 = aws.ec2
        self.url = ""
        self.vpc = self.ec2.network.create_vpc("10.0.0.0/16")
        table = self.ec2.network.main_route_table(self.vpc.id)
        self.ec2.network.set_route(table.id, str(EVERYWHERE), "igw-1")
        self.ec2.network.set_route(table.id, str(PEERED_NETWORK), "pcx-1")
        self.subnet = self.ec2.network.create_subnet(self.vpc.id, subnet)
        self.fabric = VpcFabric(subnets_of(self.ec2, self.vpc.id))
        self.aws = aws
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(self.fabric)
            self.url = await self.aws.listen(self.fabric.router.inside.listener(str(SERVICES), 0))
            stack.callback(self.ec2.feed.listen(self.fabric.change))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def add_subnet(self, cidr: str) -> Ec2Subnet:
        """Make one more subnet in the VPC, with its main route table."""
        made = self.ec2.network.create_subnet(self.vpc.id, cidr)
        self.reread()
        return made

    def reread(self) -> None:
        """Let the network have the subnets and routes that EC2 has now."""
        for subnet in subnets_of(self.ec2, self.vpc.id):
            self.fabric.router.add_subnet(subnet)

    async def add_node(
        self, type_: str = "m5.large", *, subnet_id: str = "", name: str = "", has_public_address: bool = True
    ) -> WorldNode:
        """Launch an instance, plug in its primary interface, and serve its metadata inside of it."""
        instance = self.ec2.instances.launch(type_, subnet_id or self.subnet.id)
        return await self.wire(instance, name=name, has_public_address=has_public_address)

    async def wire(
        self, instance: Instance, *, name: str = "", has_public_address: bool = True, **about: Any
    ) -> WorldNode:
        """Let an instance that somebody launched be a node; `about`: what else its metadata tells."""
        node = self.fabric.add_node(instance.id, name=name, has_public_address=has_public_address)
        network = NodeNetwork(self.ec2, instance.id)
        imds = Imds(network.instance(**about), network=network.leaves)
        await imds.start(node.inside.listener(METADATA, 80))
        self._stack.push_async_callback(imds.stop)
        primary = self.ec2.account.interfaces_of(instance.id)[0]
        return WorldNode(instance, primary.addresses[0], node, imds, network)

    async def unwire(self, node: WorldNode) -> None:
        """Take a node away whose instance has ended, and whose processes have."""
        await node.imds.stop()
        self.fabric.remove_node(node.instance.id)


def subnets_of(ec2: Ec2, vpc_id: str) -> list[Subnet]:
    """Give the subnets of a VPC as its network wants them."""
    return [
        Subnet(subnet.id, subnet.cidr, tuple(_routes(_table_of(ec2, subnet))))
        for subnet in ec2.account.subnets.values()
        if subnet.vpc_id == vpc_id
    ]


def _table_of(ec2: Ec2, subnet: Ec2Subnet) -> RouteTable:
    tables = ec2.account.route_tables.values()
    own = (table for table in tables if subnet.id in table.subnets)
    return next(own, None) or ec2.network.main_route_table(subnet.vpc_id)


def _routes(table: RouteTable) -> Iterator[Route]:
    for destination, target in table.routes.items():
        if known := _TARGETS.get(target.partition("-")[0]):
            yield Route(IPv4Network(destination), known)
