"""The autoscaler at work in a world of groups, nodes and a scheduler: pods get nodes, and idle nodes go."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.as_daemons import QUICK, autoscaler
from tests.support.as_objects import pod, replica_set
from tests.support.as_world import AutoscalerWorld, autoscaler_world

pytestmark = pytest.mark.virtual_time(threads=True)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        yield made


async def test_a_pod_that_waits_gets_a_node(world: AutoscalerWorld) -> None:
    world.add_group("a")
    world.create(pod("web"))
    async with autoscaler(world):
        await world.reach(lambda: world.is_settled("web"))
    assert world.desired("a") == 1
    assert world.notes("TriggeredScaleUp", "web") == ["pod triggered scale-up: [{a 0->1 (max: 10)}]"]


async def test_an_idle_node_goes(world: AutoscalerWorld) -> None:
    world.add_group("a", desired=2)
    world.create_sets(replica_set("web", 1))
    async with autoscaler(world, *QUICK):
        await world.reach(lambda: world.desired("a") == 1 and world.is_settled("web"))
    assert world.asked("TerminateInstanceInAutoScalingGroup")
