"""The world of the autoscaler on virtual time: instances become nodes, pods run, what goes is replaced."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.as_objects import daemon_set, replica_set
from tests.support.as_world import AutoscalerWorld, autoscaler_world
from tests.support.aws import World

pytestmark = pytest.mark.virtual_time(threads=True)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        yield made


async def test_pods_run_on_the_nodes_of_a_group_that_has_grown(world: AutoscalerWorld) -> None:
    world.add_group("web", labels={"team": "shop"})
    world.create_sets(daemon_set("proxy"), replica_set("web", 6, nodeSelector={"team": "shop"}))
    await world.reach(lambda: len(world.waiting("web")) == 6)
    world.ask("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=2)
    await world.reach(lambda: world.is_settled())
    assert len(world.nodes("web")) == 2
    assert len(world.running("proxy")) == 2


async def test_a_spot_instance_that_is_taken_back_is_replaced_by_its_group(world: AutoscalerWorld) -> None:
    world.add_group("spot", desired=2, spot=True)
    world.create_sets(replica_set("web", 2))
    await world.reach(lambda: world.is_settled("web"))
    lost = world.node_names("spot")[0]
    world.reclaim(lost)
    await world.pass_by(minutes=1)
    assert lost in world.node_names()
    await world.pass_by(minutes=2)
    assert lost not in world.node_names()
    await world.reach(lambda: len(world.nodes("spot")) == 2 and world.is_settled("web"))
    assert world.desired("spot") == 2
    assert world.started("spot") == 3


async def test_time_stands_still_while_boto3_calls_and_passes_while_aws_hangs(world: AutoscalerWorld) -> None:
    loop = asyncio.get_running_loop()
    world.add_group("web")
    aws = World(world.aws)
    began = loop.time()
    for _ in range(3):
        await aws.call("autoscaling", "describe_auto_scaling_groups")
    assert loop.time() - began < 1
    world.hang("DescribeAutoScalingGroups", 25.0, "web")
    asked = aws.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=["web"])
    others = aws.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=["api"])
    slow, fast = asyncio.create_task(asked), asyncio.create_task(others)
    await fast
    assert loop.time() - began < 2
    await slow
    assert 25 <= loop.time() - began < 27
    aws.close()


async def test_a_pod_that_goes_is_replaced_and_the_others_run_on(world: AutoscalerWorld) -> None:
    world.add_group("a", desired=2)
    world.create_sets(replica_set("web", 4))
    await world.reach(lambda: world.is_settled("web"))
    first, *others = world.running("web")
    world.delete(first)
    await world.reach(lambda: len(world.running("web")) == 4)
    assert set(others) < set(world.running("web"))
