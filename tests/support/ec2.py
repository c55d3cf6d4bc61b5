"""A strict EC2 with a VPC, a subnet and an instance, as a boto3 client sees it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from addons.sim.aws.ec2.agenda import utc_now
from addons.sim.aws.ec2.model import Instance, Interface
from addons.sim.aws.ec2.state import Ec2
from tests.support.aws import Reply, World, world

VPC_CIDR = "10.0.0.0/16"


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Let so much time pass."""
        self.now += timedelta(seconds=seconds)


class Ec2World:
    """One VPC with one subnet; what happens after a while happens when `clock` says so."""

    def __init__(self, aws: World, subnet_cidr: str) -> None:
        self.aws = aws
        self.ec2: Ec2 = aws.endpoint.ec2
        self.clock = Clock()
        self.ec2.agenda.now = self.clock
        self.vpc = self.ec2.network.create_vpc(VPC_CIDR)
        self.subnet = self.ec2.network.create_subnet(self.vpc.id, subnet_cidr)

    def launch(self, type_: str = "m5.large", subnet_id: str = "") -> Instance:
        """Launch an instance with a primary interface."""
        return self.ec2.instances.launch(type_, subnet_id or self.subnet.id)

    async def call(self, operation: str, **arguments: Any) -> Reply:
        """Call an operation of EC2 by its boto3 method name."""
        reply = await self.aws.call("ec2", operation, **arguments)
        del reply["ResponseMetadata"]
        return reply

    async def refusal(self, operation: str, **arguments: Any) -> tuple[str, str]:
        """Give code and message of the error that a call must meet."""
        return await self.aws.refusal("ec2", operation, **arguments)

    async def create(self, **arguments: Any) -> str:
        """Make an interface in the subnet over the API; give its id."""
        reply = await self.call("create_network_interface", **{"SubnetId": self.subnet.id, **arguments})
        return str(reply["NetworkInterface"]["NetworkInterfaceId"])

    async def attach(self, eni_id: str, instance: Instance, device_index: int = 1, **more: Any) -> str:
        """Attach an interface over the API; give the id of the attachment."""
        where = {"NetworkInterfaceId": eni_id, "InstanceId": instance.id, "DeviceIndex": device_index}
        return str((await self.call("attach_network_interface", **where, **more))["AttachmentId"])

    async def assign(self, eni_id: str, count: int) -> list[str]:
        """Give an interface more addresses over the API; give the answer."""
        reply = await self.call(
            "assign_private_ip_addresses", NetworkInterfaceId=eni_id, SecondaryPrivateIpAddressCount=count
        )
        return [str(each["PrivateIpAddress"]) for each in reply["AssignedPrivateIpAddresses"]]

    async def describe(self, eni_id: str) -> Reply:
        """Describe one interface over the API."""
        reply = await self.call("describe_network_interfaces", NetworkInterfaceIds=[eni_id])
        (found,) = reply["NetworkInterfaces"]
        return dict(found)

    async def addresses(self, eni_id: str) -> list[str]:
        """Give the addresses of an interface as they are described, the primary one first."""
        described = (await self.describe(eni_id))["PrivateIpAddresses"]
        return [str(each["PrivateIpAddress"]) for each in described]

    async def found(self, **filters: str) -> list[str]:
        """Give the ids of the interfaces that pass filters; `__` stands for a dot, `_` for a dash."""
        items = [
            {"Name": name.replace("__", ".").replace("_", "-"), "Values": [value]}
            for name, value in filters.items()
        ]
        reply = await self.call("describe_network_interfaces", Filters=items)
        return [str(each["NetworkInterfaceId"]) for each in reply["NetworkInterfaces"]]

    async def free(self) -> int:
        """Give AvailableIpAddressCount of the subnet."""
        reply = await self.call("describe_subnets", SubnetIds=[self.subnet.id])
        return int(reply["Subnets"][0]["AvailableIpAddressCount"])

    def primary(self, instance: Instance) -> Interface:
        """Give the primary interface of an instance as it is."""
        return self.ec2.account.interfaces_of(instance.id)[0]


@asynccontextmanager
async def ec2_world(subnet_cidr: str = "10.0.1.0/24") -> AsyncIterator[Ec2World]:
    """Run an endpoint on a free port, with a VPC of 10.0.0.0/16 and one subnet."""
    async with world() as aws:
        yield Ec2World(aws, subnet_cidr)
