"""The blocks of the VPC, and where each subnet sends what leaves it: what decides about source addresses."""

from collections.abc import AsyncIterator
from ipaddress import IPv4Network
from typing import Any

import pytest

from addons.cni.aws.vpc import Vpc
from addons.cni.model.routes import Route
from addons.sim.aws.server import AwsEndpoint
from tests.support.aws import World
from tests.support.cni_aws import Daemon, Node, ec2_node, session

LOCAL = ("10.0.0.0/16", "local", "local")


def plain(routes: tuple[Route, ...]) -> set[tuple[str, str, str]]:
    return {(str(route.destination), route.target, route.target_id) for route in routes}


@pytest.mark.virtual_time
class TestTables:
    """Against the strict EC2."""

    @pytest.fixture
    async def node(self) -> AsyncIterator[Node]:
        async with ec2_node() as running:
            yield running

    @pytest.fixture
    async def daemon(self, node: Node) -> AsyncIterator[Daemon]:
        async with node.daemon() as running:
            yield running

    @pytest.fixture
    def vpc(self, node: Node, daemon: Daemon) -> Vpc:
        return Vpc(daemon.session, node.vpc.id)

    async def test_all_blocks_of_the_vpc_count(self, node: Node, vpc: Vpc) -> None:
        node.ec2.network.associate_cidr(node.vpc.id, "100.64.0.0/16")
        assert await vpc.cidrs() == (IPv4Network("10.0.0.0/16"), IPv4Network("100.64.0.0/16"))

    async def test_without_a_table_of_its_own_a_subnet_has_the_main_one(self, node: Node, vpc: Vpc) -> None:
        main = node.ec2.network.main_route_table(node.vpc.id).id
        node.ec2.network.set_route(main, "0.0.0.0/0", "igw-1")
        routes = await vpc.routes([node.subnet])
        assert plain(routes[node.subnet]) == {LOCAL, ("0.0.0.0/0", "internet-gateway", "igw-1")}

    async def test_a_table_of_its_own_counts_alone_and_is_one_call(
        self, node: Node, daemon: Daemon, vpc: Vpc
    ) -> None:
        main = node.ec2.network.main_route_table(node.vpc.id).id
        node.ec2.network.set_route(main, "0.0.0.0/0", "igw-1")
        routes = {
            "0.0.0.0/0": "nat-1",
            "172.16.0.0/12": "tgw-1",
            "192.168.0.0/16": "pcx-1",
            "9.0.0.0/8": "vgw-1",
        }
        node.ec2.network.create_route_table(node.vpc.id, subnets=[node.subnet], routes=routes)
        read = await vpc.routes([node.subnet])
        assert plain(read[node.subnet]) == {
            LOCAL,
            ("0.0.0.0/0", "nat-gateway", "nat-1"),
            ("172.16.0.0/12", "transit-gateway", "tgw-1"),
            ("192.168.0.0/16", "peering", "pcx-1"),
            ("9.0.0.0/8", "vpn-gateway", "vgw-1"),
        }
        assert daemon.session.operations == ["describe_route_tables"]

    async def test_several_subnets_are_read_together(self, node: Node, daemon: Daemon, vpc: Vpc) -> None:
        other = node.ec2.network.create_subnet(node.vpc.id, "10.0.1.0/24").id
        node.ec2.network.create_route_table(node.vpc.id, subnets=[other], routes={"0.0.0.0/0": "nat-1"})
        read = await vpc.routes([node.subnet, other])
        assert plain(read[node.subnet]) == {LOCAL}
        assert plain(read[other]) == {LOCAL, ("0.0.0.0/0", "nat-gateway", "nat-1")}
        assert daemon.session.operations == ["describe_route_tables"] * 2


class TestKindsOfRoutes:
    """Against moto, which knows prefix lists and more targets."""

    @pytest.fixture
    async def endpoint(self) -> AsyncIterator[AwsEndpoint]:
        async with AwsEndpoint() as running:
            yield running

    @pytest.fixture
    async def world(self, endpoint: AwsEndpoint) -> AsyncIterator["MotoVpc"]:
        aws = World(endpoint)
        yield await MotoVpc.create(aws)
        aws.close()

    async def test_a_route_of_a_prefix_list_is_one_for_each_of_its_networks(
        self, endpoint: AwsEndpoint, world: "MotoVpc"
    ) -> None:
        list_id = await world.prefix_list("198.51.100.0/24", "203.0.113.0/24")
        gateway = await world.internet_gateway()
        await world.route(DestinationPrefixListId=list_id, GatewayId=gateway)
        found = [route for route in await world.routes(endpoint) if route.prefix_list]
        assert [str(route.destination) for route in found] == ["198.51.100.0/24", "203.0.113.0/24"]
        assert {(route.target, route.prefix_list) for route in found} == {("internet-gateway", list_id)}

    async def test_a_prefix_list_that_may_not_be_read_costs_its_own_routes_only(
        self, endpoint: AwsEndpoint, world: "MotoVpc"
    ) -> None:
        gateway = await world.internet_gateway()
        await world.route(
            DestinationPrefixListId=await world.prefix_list("203.0.113.0/24"), GatewayId=gateway
        )
        await world.route(DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        endpoint.faults.add(operation="GetManagedPrefixListEntries", code="UnauthorizedOperation", status=403)
        assert [str(route.destination) for route in await world.routes(endpoint)] == [
            "10.0.0.0/16",
            "0.0.0.0/0",
        ]

    async def test_an_interface_may_be_a_target(self, endpoint: AwsEndpoint, world: "MotoVpc") -> None:
        eni_id = await world.interface()
        await world.route(DestinationCidrBlock="172.16.0.0/12", NetworkInterfaceId=eni_id)
        assert ("172.16.0.0/12", "interface", eni_id) in plain(await world.routes(endpoint))

    async def test_routes_of_ipv6_do_not_count(self, endpoint: AwsEndpoint, world: "MotoVpc") -> None:
        await world.route(DestinationIpv6CidrBlock="::/0", GatewayId=await world.internet_gateway())
        assert plain(await world.routes(endpoint)) == {LOCAL}


class MotoVpc:
    """A VPC with one subnet that moto simulates."""

    def __init__(self, aws: World, vpc_id: str, subnet_id: str, table_id: str) -> None:
        self._aws = aws
        self.vpc_id = vpc_id
        self.subnet_id = subnet_id
        self._table_id = table_id

    @classmethod
    async def create(cls, aws: World) -> "MotoVpc":
        """Make it over the API."""
        vpc_id = (await aws.call("ec2", "create_vpc", CidrBlock="10.0.0.0/16"))["Vpc"]["VpcId"]
        subnet = await aws.call("ec2", "create_subnet", VpcId=vpc_id, CidrBlock="10.0.0.0/24")
        table = await aws.call("ec2", "create_route_table", VpcId=vpc_id)
        table_id, subnet_id = table["RouteTable"]["RouteTableId"], subnet["Subnet"]["SubnetId"]
        await aws.call("ec2", "associate_route_table", RouteTableId=table_id, SubnetId=subnet_id)
        return cls(aws, vpc_id, subnet_id, table_id)

    async def route(self, **what: str) -> None:
        """Add a route to the table of the subnet."""
        await self._aws.call("ec2", "create_route", RouteTableId=self._table_id, **what)

    async def internet_gateway(self) -> str:
        """Make a gateway; give its id."""
        made = await self._aws.call("ec2", "create_internet_gateway")
        gateway: str = made["InternetGateway"]["InternetGatewayId"]
        await self._aws.call("ec2", "attach_internet_gateway", InternetGatewayId=gateway, VpcId=self.vpc_id)
        return gateway

    async def interface(self) -> str:
        """Make an interface; give its id."""
        made = await self._aws.call("ec2", "create_network_interface", SubnetId=self.subnet_id)
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    async def prefix_list(self, *cidrs: str) -> str:
        """Make a prefix list; give its id."""
        arguments: dict[str, Any] = {
            "PrefixListName": "partners",
            "MaxEntries": 10,
            "AddressFamily": "IPv4",
            "Entries": [{"Cidr": cidr} for cidr in cidrs],
        }
        made = await self._aws.call("ec2", "create_managed_prefix_list", **arguments)
        return str(made["PrefixList"]["PrefixListId"])

    async def routes(self, endpoint: AwsEndpoint) -> tuple[Route, ...]:
        """Read the routes of the subnet as the daemon does."""
        async with session(endpoint) as aws:
            return (await Vpc(aws, self.vpc_id).routes([self.subnet_id]))[self.subnet_id]
