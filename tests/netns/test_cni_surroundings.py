"""What changes around the node: its interfaces behind its back, the VPC, whether it may run pods."""

from ipaddress import IPv4Address
from typing import Any

import pytest

from addons.sim.aws.ec2.model import Interface
from tests.support.cni_crowd import (
    add_all,
    add_or_error,
    address_of,
    addresses,
    calls,
    crowd,
    delete_all,
    events,
    held,
    inside,
    refusals,
)
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.fabric import seen_by
from tests.support.until import until

pytestmark = pytest.mark.netns

PEER, INTERNET = "172.31.0.10", "198.51.100.10"
OFTEN = "--audit-interval=1s"


def interfaces(node: CniNode) -> list[Interface]:
    """The interfaces of a node, the first one first."""
    return node.world.vpc.ec2.account.interfaces_of(node.at.instance.id)


def change_node(world: CniWorld, node: CniNode, **spec: Any) -> None:
    """Change the node in Kubernetes."""
    found = world.kube.store.get("v1", "nodes", "", node.name)
    found["spec"].update(spec)
    world.kube.store.update("v1", "nodes", found)


@pytest.mark.parametrize("lag", [0.0, 3.0])
async def test_an_interface_detached_behind_its_back_serves_nobody_and_its_pods_are_told(lag: float) -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        async with node.ready(OFTEN, "--headroom=2"):
            with crowd(world, node, 5) as pods, crowd(world, node, 1, "next") as following:
                results = addresses(await add_all(node, pods))
                given = frozenset(map(IPv4Address, results))
                second = next(each for each in interfaces(node)[1:] if any(map(each.owns, given)))
                gone = [address for address in results if second.owns(IPv4Address(address))]
                attachment = second.attachment
                assert gone
                assert attachment
                world.vpc.ec2.knobs.describe_lag_seconds = lag
                world.vpc.ec2.attachments.detach(attachment.id)

                def is_told() -> bool:
                    """Unless EC2 has chosen the address again, for another interface of the node."""
                    notes = " ".join(event["note"] for event in events(world, "AddressLost"))
                    back = [
                        each for each in gone if any(eni.owns(IPv4Address(each)) for eni in interfaces(node))
                    ]
                    return all(address in notes for address in gone if address not in back)

                await until(is_told, "the pods are told", seconds=90)
                (another,) = addresses(await add_all(node, following))
                assert another not in results
                assert await seen_by(inside(following[0]), PEER) == another
                await delete_all(node, pods)


async def test_an_address_taken_away_in_ec2_is_noticed_by_metadata_and_not_handed_out() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        async with node.ready(OFTEN):
            await until(lambda: len(held(node)) == 3)
            eni = interfaces(node)[0]
            world.vpc.ec2.interfaces.unassign(eni.id, eni.addresses[1:2])

            async def is_noticed() -> bool:
                return "0 assigned, 2 free" in (await node.get("/api/state"))["addresses"]

            await until(is_noticed, "it is noticed")
            with crowd(world, node, 3) as pods:
                given = addresses(await add_all(node, pods))
                assert len(given) == 3
                assert set(given) <= set(held(node))


async def test_a_cordoned_node_gives_nothing_back_and_makes_no_interface() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        async with node.ready(OFTEN, "--ip-cooldown-period=0", "--idle-release=1s", "--headroom=0"):
            with crowd(world, node, 3) as pods:
                assert not refusals(await add_all(node, pods))
                change_node(world, node, unschedulable=True)
                await delete_all(node, pods)
            released = "UnassignPrivateIpAddresses"

            async def keeps() -> bool:
                return "node is cordoned" in str(await node.get("/api/decisions"))

            await until(keeps, "it is told why nothing is given back")
            assert (len(held(node)), calls(world, released)) == (3, 0)
            change_node(world, node, unschedulable=False)
            await until(lambda: not held(node), "addresses are given back")


async def test_a_new_block_of_the_vpc_is_not_translated_to() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready(OFTEN, "--snat=always"):
            with world.pod(node) as pod:
                address = address_of(await node.network.add(pod))
                assert await seen_by(inside(pod), PEER) == str(node.at.address)
                world.vpc.ec2.network.associate_cidr(world.vpc.vpc.id, "172.31.0.0/16")

                async def is_seen_as_itself() -> bool:
                    return await seen_by(inside(pod), PEER) == address

                await until(is_seen_as_itself, "what is of the VPC is not translated")


async def test_a_route_to_the_internet_by_a_nat_gateway_ends_translation() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        public = str(node.at.node.public)
        async with node.ready(OFTEN):
            with world.pod(node) as pod:
                await node.network.add(pod)
                assert await seen_by(inside(pod), INTERNET) == public
                table = world.vpc.ec2.network.main_route_table(world.vpc.vpc.id)
                world.vpc.ec2.network.set_route(table.id, "0.0.0.0/0", "nat-1")
                world.vpc.reread()

                async def is_of_the_gateway() -> bool:
                    return await seen_by(inside(pod), INTERNET) not in ("", public)

                await until(is_of_the_gateway, "the pod leaves by the NAT gateway")


async def test_without_the_right_to_read_routes_all_that_leaves_the_vpc_is_translated() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        world.vpc.aws.faults.add(
            operation="DescribeRouteTables", code="UnauthorizedOperation", status=403, times=None
        )
        async with node.ready(OFTEN):
            with world.pod(node) as pod:
                await node.network.add(pod)

                async def is_translated() -> bool:
                    return await seen_by(inside(pod), PEER) == str(node.at.address)

                await until(is_translated, "everything is translated")
                assert "route tables cannot be read" in (await node.get("/api/state"))["sourceTranslation"]
                await until(lambda: events(world, "RouteTablesUnreadable"), "it is told")


async def test_security_groups_follow_those_of_the_node() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        async with node.ready(OFTEN, "--headroom=0"):
            with crowd(world, node, 4) as pods:
                assert not refusals(await add_all(node, pods))
                ec2 = world.vpc.ec2
                group = ec2.network.create_security_group(world.vpc.vpc.id, "pods")
                ec2.interfaces.modify(interfaces(node)[0].id, groups=(group.id,))
                await until(lambda: interfaces(node)[1].groups == (group.id,), "the second one follows")


async def test_an_interface_that_a_killed_daemon_left_half_way_is_deleted() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        async with node.ready("--headroom=0"):
            world.vpc.aws.faults.slow("AttachNetworkInterface", 30)
            with crowd(world, node, 4) as pods:
                outcomes = [await add_or_error(node.network.add(pod)) for pod in pods[:3]]
                assert not refusals(outcomes)
                await until(lambda: len(free_interfaces(world)) == 1, "one is made and not attached")
        world.vpc.aws.faults.clear()
        async with node.ready("--headroom=0"):
            await until(lambda: not free_interfaces(world), "it is deleted")


async def test_interfaces_that_instances_left_behind_are_swept() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        tags = {
            "node.k8s.amazonaws.com/instance_id": "i-0dead",
            "node.k8s.amazonaws.com/createdAt": "2020-01-02T03:04:05Z",
            "cluster.k8s.amazonaws.com/name": "test",
        }
        create = world.vpc.ec2.interfaces.create
        left = create(world.vpc.subnet.id, description="aws-K8S-i-0dead", tags=tags)
        of_other = {**tags, "cluster.k8s.amazonaws.com/name": "other"}
        kept = create(world.vpc.subnet.id, description="aws-K8S-i-0dead", tags=of_other)
        foreign = create(world.vpc.subnet.id, description="somebody's")
        async with node.ready(OFTEN):
            await until(lambda: left.id not in free_interfaces(world), "it is deleted")
            assert {kept.id, foreign.id} == free_interfaces(world)


def free_interfaces(world: CniWorld) -> set[str]:
    """The interfaces that are attached to nothing."""
    return {eni.id for eni in world.vpc.ec2.interfaces.all() if eni.attachment is None}
