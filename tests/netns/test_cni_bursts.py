"""Many pods at once: nobody is refused while there are addresses to be had, and EC2 is asked seldom."""

import pytest

from addons.sim.aws.ec2.account import RateLimit
from tests.support.cni_crowd import add_all, addresses, calls, crowd, delete_all, held, inside, refusals
from tests.support.cni_world import cni_world
from tests.support.fabric import seen_by
from tests.support.until import until

pytestmark = pytest.mark.netns

MAKING = ("CreateNetworkInterface", "AttachNetworkInterface", "ModifyNetworkInterfaceAttribute")


async def test_thirty_pods_on_a_cold_node_are_all_served_with_one_call_for_each_interface() -> None:
    async with cni_world() as world:
        world.vpc.ec2.knobs.attach_seconds = 0.5
        node = await world.add_node("m5.xlarge")
        with crowd(world, node, 30) as pods:
            async with node.ready():
                outcomes = await add_all(node, pods)
                assert not refusals(outcomes)
                assert len(set(addresses(outcomes))) == 30
                for pod, address in zip(pods, addresses(outcomes), strict=True):
                    assert await seen_by(inside(pod), "172.31.0.10") == address
        assert calls(world, "AssignPrivateIpAddresses") <= 2
        assert calls(world, "CreateNetworkInterface") == 2
        assert calls(world, *MAKING) == 6


async def test_interfaces_of_a_burst_are_made_at_the_same_time() -> None:
    async with cni_world() as world:
        world.vpc.ec2.knobs.attach_seconds = 1.0
        making: list[int] = []
        ec2 = world.vpc.ec2

        def note(change: object) -> None:
            states = [eni.attachment.status for eni in ec2.interfaces.all() if eni.attachment]
            making.append(states.count("attaching"))

        ec2.feed.listen(note)
        node = await world.add_node("m5.xlarge")
        with crowd(world, node, 30) as pods:
            async with node.ready():
                assert not refusals(await add_all(node, pods))
        assert max(making) == 2


async def test_pods_that_come_and_go_cost_few_calls_and_none_is_refused() -> None:
    async with cni_world() as world:
        node = await world.add_node("m5.4xlarge")
        async with node.ready("--ip-cooldown-period=2"):
            for round_ in range(15):
                with crowd(world, node, 10, f"round{round_}") as pods:
                    assert not refusals(await add_all(node, pods))
                    await delete_all(node, pods)
        changing = calls(world, "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses", *MAKING)
        assert changing <= 0.1 * 150


async def test_no_pod_is_refused_in_a_storm_of_throttling() -> None:
    async with cni_world() as world:
        node = await world.add_node("m5.xlarge")
        async with node.ready():
            for operation in ("AssignPrivateIpAddresses", "CreateNetworkInterface"):
                world.vpc.aws.faults.add(
                    operation=operation, code="RequestLimitExceeded", status=503, times=3
                )
            world.vpc.ec2.knobs.rate_limits = {"*": RateLimit(2, 4)}
            with crowd(world, node, 20) as pods:
                outcomes = await add_all(node, pods)
                assert not refusals(outcomes)
                assert len(set(addresses(outcomes))) == 20


async def test_a_refused_pod_is_told_that_ec2_throttles() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready("--add-timeout=20s"):
            for operation in ("AssignPrivateIpAddresses", "CreateNetworkInterface"):
                world.vpc.aws.faults.add(
                    operation=operation, code="RequestLimitExceeded", status=503, times=None
                )
            with crowd(world, node, 9 + 9) as pods:
                refused = refusals(await add_all(node, pods))
                assert refused
                assert {error.code for error in refused} == {11}
                assert all("throttled until" in str(error) for error in refused), refused[0]


async def test_what_no_pod_needs_any_more_is_given_back_and_no_interface_is_left() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready("--ip-cooldown-period=1", "--idle-release=2s", "--headroom=2"):
            with crowd(world, node, 9) as pods:
                assert not refusals(await add_all(node, pods))
                await delete_all(node, pods)
            await until(lambda: len(held(node)) <= 2, "addresses are given back")
