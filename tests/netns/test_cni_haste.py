"""Runtimes and users in haste: the same call twice, pods that go before they came, names that come back."""

import asyncio
from dataclasses import replace

import pytest

from tests.support.cni_crowd import (
    add_or_error,
    address_of,
    inside,
    links,
    pod_routes,
    refusals,
)
from tests.support.cni_sandbox import pod_network
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.fabric import seen_by
from tests.support.until import until

pytestmark = pytest.mark.netns

PEER = "172.31.0.10"
NOTHING_WARM = "--headroom=0"


def hold_addresses_back(world: CniWorld, seconds: float) -> None:
    """Have every ADD wait for so long that needs a new address."""
    world.vpc.aws.faults.slow("AssignPrivateIpAddresses", seconds)


async def told(node: CniNode, words: str) -> None:
    """Return once the daemon's page says something."""

    async def is_told() -> bool:
        return words in str(await node.get("/api/state"))

    await until(is_told, words)


async def waits(node: CniNode) -> None:
    """Return once an ADD waits for an address."""
    await told(node, "1 pods wait for an address")


async def test_the_same_add_again_gets_the_same_answer_and_the_same_del_again_is_fine() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            with world.pod(node) as pod:
                network = node.network
                first, second = await network.add(pod), await network.add(pod)
                assert first == second
                assert len(await node.assigned()) == len(links(node)) == 1
                assert await seen_by(inside(pod), PEER) == address_of(first)
                await network.delete(pod)
                await network.delete(pod)
                await network.delete(replace(pod, inside=None))
                assert (await node.assigned(), links(node), pod_routes(node)) == ({}, [], [])


async def test_the_same_add_twice_at_once_gets_the_same_answer() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            with world.pod(node) as pod:
                network = node.network
                first, second = await asyncio.gather(network.add(pod), network.add(pod))
                assert first == second
                assert len(await node.assigned()) == len(links(node)) == 1


async def test_a_pod_that_comes_back_under_its_name_has_a_network_whenever_the_old_one_is_deleted() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            network = node.network
            with world.pod(node, "db-0") as old:
                await network.add(old)
                world.delete_pod("db-0")
                with world.pod(node, "db-0") as new:
                    result = await network.add(new)
                    assert await seen_by(inside(new), PEER) == address_of(result)
                    await network.delete(old)
                    await network.delete(replace(old, inside=None))
                    assert await seen_by(inside(new), PEER) == address_of(result)
                    assert await node.assigned() == {new.container: address_of(result)}
                    await network.check(new)


async def test_an_add_that_waits_ends_at_once_when_its_pod_is_deleted() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready(NOTHING_WARM):
            hold_addresses_back(world, 60)
            with world.pod(node) as pod:
                adding = asyncio.create_task(add_or_error(node.network.add(pod)))
                await waits(node)
                world.delete_pod("web")
                (refused,) = refusals([await adding])
                assert "was deleted" in str(refused)
                await node.network.delete(pod)
                assert (await node.assigned(), links(node)) == ({}, [])


async def test_an_add_that_waits_ends_at_once_when_its_container_is_deleted() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready(NOTHING_WARM):
            hold_addresses_back(world, 60)
            with world.pod(node) as pod:
                adding = asyncio.create_task(add_or_error(node.network.add(pod)))
                await waits(node)
                await node.network.delete(pod)
                (refused,) = refusals([await adding])
                assert "was deleted meanwhile" in str(refused)
                (late,) = refusals([await add_or_error(node.network.add(pod))])
                assert "was deleted before" in str(late)
                assert (await node.assigned(), links(node)) == ({}, [])


async def test_an_add_whose_plugin_was_killed_takes_no_address() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready(NOTHING_WARM):
            hold_addresses_back(world, 2)
            with world.pod(node) as pod:
                adding = asyncio.create_task(add_or_error(node.network.add(pod)))
                await waits(node)
                node.executor.kill(pod.container)
                assert refusals([await adding])
                await told(node, "their runtime asks for none at the moment")
                assert (await node.assigned(), links(node)) == ({}, [])
                await node.network.delete(pod)


async def test_a_pod_made_anew_under_its_name_keeps_its_network_from_the_add_of_its_predecessor() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready(NOTHING_WARM):
            hold_addresses_back(world, 3)
            network = node.network
            old_uid = world.put_pod(node, "db-0")
            with pod_network("db-0", uid=old_uid) as old:
                late = asyncio.create_task(add_or_error(network.add(old)))
                await waits(node)
                world.delete_pod("db-0")  # by force: nobody has told the runtime to stop
                with world.pod(node, "db-0") as new:
                    result = await network.add(new)
                    assert refusals([await late])
                    assert await seen_by(inside(new), PEER) == address_of(result)
                    await network.delete(old)
                    assert await seen_by(inside(new), PEER) == address_of(result)
                    assert await node.assigned() == {new.container: address_of(result)}


async def test_dels_of_a_container_while_its_add_is_wired_leave_nothing() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            network = node.network
            for number in range(10):
                with world.pod(node, f"pod-{number}") as pod:
                    adding = asyncio.create_task(add_or_error(network.add(pod)))
                    await asyncio.sleep(number / 1000)
                    await network.delete(pod)
                    await adding
                    await network.delete(pod)
            assert (await node.assigned(), links(node), pod_routes(node)) == ({}, [], [])


async def test_a_second_interface_of_a_pod_has_an_address_of_its_own() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            with world.pod(node) as pod:
                first = await node.network.add(pod)
                more = replace(pod, ifname="net1")
                second = await node.network.add(more)
                assert address_of(first) != address_of(second)
                assert await seen_by(inside(pod), PEER) == address_of(first)
                await node.network.delete(more)
                assert await seen_by(inside(pod), PEER) == address_of(first)


async def test_a_pod_whose_link_was_down_for_a_moment_reaches_the_vpc_again() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            with world.pod(node) as pod:
                result = await node.network.add(pod)
                other = "link set eth0 address 02:00:00:00:00:01"
                inside(pod).ip("link set eth0 down", other, "link set eth0 up")

                async def is_back() -> bool:
                    return await seen_by(inside(pod), PEER) == address_of(result)

                await until(is_back, "the pod is repaired")
                await node.network.check(pod)
