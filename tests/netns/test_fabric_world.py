"""The strict EC2 over HTTP, and the network that carries out what it is told."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.fabric.vpc import INTERNET, NAT_GATEWAY, PEERED
from addons.sim.fabric.world import VpcWorld, WorldNode
from addons.sim.net import Namespace
from tests.support.fabric import configure, pings, seen_by
from tests.support.processes import output_of, run
from tests.support.until import until


@pytest.fixture
async def world() -> AsyncIterator[VpcWorld]:
    async with AwsEndpoint() as aws, VpcWorld(aws) as made:
        yield made


async def call(world: VpcWorld, operation: str, **arguments: Any) -> dict[str, Any]:
    """Call EC2 over HTTP."""

    def ask() -> dict[str, Any]:
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        client = boto3.client("ec2", "eu-central-1", endpoint_url=world.aws.url, **keys)
        answer: dict[str, Any] = getattr(client, operation)(**arguments)
        client.close()
        return answer

    return await asyncio.to_thread(ask)


def has_link(inside: Namespace, name: str) -> bool:
    return f" {name}@" in output_of(*inside.command("ip", "link"))


async def attach(world: VpcWorld, node: WorldNode) -> dict[str, Any]:
    """Make an interface and attach it to a node."""
    answer = await call(world, "create_network_interface", SubnetId=world.subnet.id)
    made: dict[str, Any] = answer["NetworkInterface"]
    tied = await call(
        world,
        "attach_network_interface",
        NetworkInterfaceId=made["NetworkInterfaceId"],
        InstanceId=node.instance.id,
        DeviceIndex=1,
    )
    return {**made, **tied}


async def test_an_interface_of_ec2_is_a_link_with_its_addresses_until_it_is_detached(world: VpcWorld) -> None:
    one, two = await world.add_node(), await world.add_node()
    made = await attach(world, one)
    assert has_link(one.inside, "eth1")
    router = str(world.subnet.cidr[1])
    configure(one.node, "eth1", made["PrivateIpAddress"], table=2, router=router)
    await until(lambda: pings(two.inside, made["PrivateIpAddress"]))
    await call(world, "detach_network_interface", AttachmentId=made["AttachmentId"])
    assert not has_link(one.inside, "eth1")


async def test_an_address_is_reached_from_its_assignment_to_its_end(world: VpcWorld) -> None:
    one, two = await world.add_node(), await world.add_node()
    primary = world.ec2.account.interfaces_of(one.instance.id)[0]
    given = await call(
        world, "assign_private_ip_addresses", NetworkInterfaceId=primary.id, SecondaryPrivateIpAddressCount=1
    )
    address = given["AssignedPrivateIpAddresses"][0]["PrivateIpAddress"]
    one.inside.ip(f"addr add {address}/32 dev lo")
    await until(lambda: pings(two.inside, address))
    await call(
        world, "unassign_private_ip_addresses", NetworkInterfaceId=primary.id, PrivateIpAddresses=[address]
    )
    assert not pings(two.inside, address)


async def test_a_terminated_instance_loses_its_link(world: VpcWorld) -> None:
    one = await world.add_node()
    await call(world, "terminate_instances", InstanceIds=[one.instance.id])
    await until(lambda: not has_link(one.inside, "eth0"))


async def test_route_tables_say_by_which_gateway_packets_leave(world: VpcWorld) -> None:
    one = await world.add_node()
    assert await seen_by(one.inside, str(INTERNET)) == str(one.node.public)
    assert await seen_by(one.inside, str(PEERED)) == str(one.address)
    table = world.ec2.network.main_route_table(world.vpc.id)
    world.ec2.network.set_route(table.id, "0.0.0.0/0", "nat-1")
    world.reread()
    assert await seen_by(one.inside, str(INTERNET)) == str(NAT_GATEWAY)


async def test_a_node_reaches_its_own_metadata_and_ec2(world: VpcWorld) -> None:
    one, two = await world.add_node(), await world.add_node()
    for node in (one, two):
        told = await run(
            *node.inside.command("curl", "-sf", "http://169.254.169.254/latest/meta-data/instance-id")
        )
        assert told.out == node.instance.id
    asked = await run(*one.inside.command("curl", "-s", f"{world.url}/?Action=DescribeInstances"))
    assert asked.code == 0
