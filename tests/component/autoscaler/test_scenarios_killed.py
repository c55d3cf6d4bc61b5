"""The daemon as a process that is killed at the worst moments, and started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from addons.autoscaler.names import DRAIN, TO_BE_DELETED
from addons.sim.cluster.kubelets import STOP_SECONDS
from tests.support.as_daemons import DISCOVERY, QUICK
from tests.support.as_objects import budget, replica_set
from tests.support.as_world import CLUSTER, AutoscalerWorld, autoscaler_world
from tests.support.started import Started, daemon
from tests.support.until import until

TERMINATE = "TerminateInstanceInAutoScalingGroup"
_FACTOR = 0.05
"""An instance is there after two seconds instead of forty."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path, factor=_FACTOR) as made:
        yield made


def started(world: AutoscalerWorld, *flags: str) -> AbstractAsyncContextManager[Started]:
    """The daemon until the block ends, by SIGKILL."""
    usual = (f"--cluster-name={CLUSTER}", DISCOVERY, "--namespace=kube-system", "--no-leader-elect")
    return daemon("autoscaler", world.api, world.aws, world.folder, *usual, *flags)


def draining(world: AutoscalerWorld) -> list[str]:
    """The nodes with the hard taint."""
    return [name for name in world.node_names() if TO_BE_DELETED in world.taints(name)]


async def test_between_an_order_and_the_boot_nothing_is_ordered_twice(world: AutoscalerWorld) -> None:
    world.add_group("a", desired=1)
    world.create_sets(replica_set("web", 3))
    await until(lambda: world.is_settled("web"))
    world.autoscaling.delay("a", 6.0)
    async with started(world):
        world.scale("web", 8)
        await until(lambda: world.asked())
    for _ in range(2):
        async with started(world) as again:
            await again.reach("/readyz", lambda status, _: status == 200)
            await asyncio.sleep(1.0)
    async with started(world):
        await until(lambda: world.is_settled("web") and len(world.pods("web")) == 8)
    assert (world.desired("a"), world.started("a")) == (3, 3)
    assert {each.arguments["DesiredCapacity"] for each in world.asked()} == {3}


async def test_in_the_middle_of_a_drain_it_goes_on(world: AutoscalerWorld) -> None:
    world.add_group("a", desired=2)
    slow = {STOP_SECONDS: "3"}
    world.create_sets(replica_set("web", 4, cpu="200m", annotations=slow, terminationGracePeriodSeconds=20))
    world.create_budgets(budget("web", maxUnavailable=1))
    await until(lambda: world.is_settled("web"))
    fewest = [4]

    def count() -> bool:
        fewest[0] = min(fewest[0], len(world.running("web")))
        return False

    async with started(world, *QUICK):
        await until(lambda: count() or draining(world))
        await until(lambda: count() or len(world.running("web")) < 4)
    (going,) = draining(world)
    assert DRAIN in world.node(going)["metadata"]["annotations"]
    async with started(world, *QUICK):
        await until(lambda: count() or (world.asked(TERMINATE) and world.is_settled("web")))
    (ended,) = world.asked(TERMINATE)
    assert ended.arguments["ShouldDecrementDesiredCapacity"]
    assert ended.error == ""
    assert world.desired("a") == 1
    assert world.events("DrainResumed", going)
    assert fewest[0] >= 3


async def test_without_a_successor_nothing_more_happens_to_the_node(world: AutoscalerWorld) -> None:
    world.add_group("a", desired=2)
    world.create_sets(replica_set("web", 2, cpu="200m", annotations={STOP_SECONDS: "3"}))
    world.create_budgets(budget("web", maxUnavailable=1))
    await until(lambda: world.is_settled("web"))
    async with started(world, *QUICK):
        await until(lambda: draining(world))
    await asyncio.sleep(2.0)
    assert world.asked(TERMINATE) == []
    assert len(world.members("a")) == 2
