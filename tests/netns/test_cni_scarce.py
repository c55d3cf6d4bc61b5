"""A subnet with fewer addresses than pods: nobody hoards, the scheduler is told exactly, others hear why."""

import asyncio

import pytest

from addons.cni.names import POD_IP
from tests.support.cni_crowd import (
    add_all,
    addresses,
    capacity,
    crowd,
    delete_all,
    events,
    held,
    is_tainted,
    refusals,
)
from tests.support.cni_world import cni_world
from tests.support.until import until

pytestmark = pytest.mark.netns

TINY = "10.0.1.0/28"
LIMITS = {"resources": {"limits": {POD_IP: "1"}, "requests": {POD_IP: "1"}}}


async def test_two_idle_nodes_in_a_subnet_of_eleven_addresses_take_none_of_it() -> None:
    async with cni_world(TINY) as world:
        one, two = await world.add_node(), await world.add_node()
        async with one.ready("--audit-interval=2s"), two.ready("--audit-interval=2s"):
            await until(lambda: (capacity(world, one), capacity(world, two)) == (5, 4), "each has its share")
            assert held(one) + held(two) == []
            with crowd(world, one, 5, "one") as ours, crowd(world, two, 4, "two") as theirs:
                outcomes = await add_all(one, ours) + await add_all(two, theirs)
                assert not refusals(outcomes)
                assert len(set(addresses(outcomes))) == 9


async def test_with_a_reserve_as_large_as_the_subnet_nodes_promise_no_more_together_than_there_is() -> None:
    """By default these two would promise 25 each: of a subnet with 16 left or more nobody counts shares."""
    async with cni_world("10.0.1.0/27") as world:
        one, two = await world.add_node(), await world.add_node()
        flags = ("--audit-interval=2s", "--subnet-reserve=100")
        async with one.ready(*flags), two.ready(*flags):
            await until(lambda: (capacity(world, one), capacity(world, two)) == (13, 12))


async def test_twenty_pods_in_a_subnet_of_eleven_addresses_get_all_of_it_and_the_others_hear_why() -> None:
    async with cni_world(TINY) as world:
        one, two = await world.add_node(), await world.add_node()
        flags = ("--add-timeout=10s",)
        async with one.ready(*flags), two.ready(*flags):
            with crowd(world, one, 10, "one") as ours, crowd(world, two, 10, "two") as theirs:
                both = await asyncio.gather(add_all(one, ours), add_all(two, theirs))
                outcomes = [*both[0], *both[1]]
                assert len(set(addresses(outcomes))) == len(addresses(outcomes)) == 9
                assert {error.code for error in refusals(outcomes)} == {11}
                full = f"subnet {world.vpc.subnet.id} has 0 free addresses"
                assert all(full in str(error) for error in refusals(outcomes)), refusals(outcomes)[0]
                await until(lambda: is_tainted(world, one) and is_tainted(world, two), "both are tainted")
                await until(lambda: (capacity(world, one), capacity(world, two)) == (0, 0))
                told = await until(lambda: events(world, "SubnetExhausted"), "pods are told")
                assert any(full in event["note"] for event in told)


@pytest.mark.timeout(240)
async def test_what_requesting_pods_have_left_is_told_exactly_while_they_come_and_go() -> None:
    async with cni_world(TINY) as world:
        one, two = await world.add_node(), await world.add_node()
        flags = ("--ip-cooldown-period=0", "--idle-release=4s", "--audit-interval=2s")
        containers = [{"name": "a", "image": "a", **LIMITS}]
        async with one.ready(*flags), two.ready(*flags):
            with crowd(world, one, 3, "one", containers=containers) as pods:
                assert not refusals(await add_all(one, pods))
                await until(lambda: (capacity(world, one), capacity(world, two)) == (6, 3), seconds=90)
                await delete_all(one, pods)
            await until(lambda: (capacity(world, one), capacity(world, two)) == (5, 4), seconds=90)
            assert held(one) + held(two) == []


async def test_a_node_whose_places_are_all_taken_says_so() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.nano")
        async with node.ready("--add-timeout=4s"):
            with crowd(world, node, 3) as pods:
                outcomes = await add_all(node, pods)
                assert len(addresses(outcomes)) == 2
                (refused,) = refusals(outcomes)
                assert refused.code == 11
                assert "node at 2/2" in str(refused)


async def test_the_next_pod_gets_a_cooling_address_as_soon_as_it_has_rested() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.nano")
        async with node.ready("--ip-cooldown-period=4"):
            with crowd(world, node, 2, "first") as first:
                before = addresses(await add_all(node, first))
                await delete_all(node, first)
            with crowd(world, node, 2, "next") as following:
                assert sorted(addresses(await add_all(node, following))) == sorted(before)
