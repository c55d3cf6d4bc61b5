"""Nodes that could go and do not, and those that do: budgets are never overdrawn, and the reason is told."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from addons.autoscaler.names import TO_BE_DELETED
from addons.sim.cluster.kubelets import STOP_SECONDS
from tests.support.as_daemons import QUICK, autoscaler
from tests.support.as_objects import budget, daemon_set, pod, replica_set
from tests.support.as_world import POLICY, AutoscalerWorld, autoscaler_world

pytestmark = pytest.mark.virtual_time(threads=True)

TERMINATE = "TerminateInstanceInAutoScalingGroup"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        yield made


def tainted(world: AutoscalerWorld) -> list[str]:
    """The nodes with the hard taint."""
    return [name for name in world.node_names() if TO_BE_DELETED in world.taints(name)]


def evictions(world: AutoscalerWorld) -> list[int]:
    """What the API server answered to every eviction."""
    return [each.status for each in world.api.requests if each.subresource == "eviction"]


class TestBudgets:
    async def test_a_spent_budget_keeps_a_node_until_it_has_room(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 2, cpu="100m"))
        world.create_budgets(budget("web", maxUnavailable=0))
        await world.reach(lambda: world.is_settled("web"))
        async with autoscaler(world, *QUICK):
            await world.pass_by(minutes=10)
            assert (tainted(world), evictions(world), world.desired("a")) == ([], [], 2)
            assert any("web" in note and "budget" in note for note in world.notes("NoScaleDown"))
            found = world.store.get(POLICY, "poddisruptionbudgets", "default", "web")
            found["spec"]["maxUnavailable"] = 1
            world.store.update(POLICY, "poddisruptionbudgets", found)
            await world.reach(lambda: world.desired("a") == 1 and world.is_settled("web"))

    async def test_two_budgets_on_a_pod_keep_its_node_untouched(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 2, cpu="100m"))
        world.create_budgets(
            budget("one", app="web", maxUnavailable=2), budget("two", app="web", maxUnavailable=2)
        )
        await world.reach(lambda: world.is_settled("web"))
        async with autoscaler(world, *QUICK):
            await world.pass_by(minutes=10)
        assert (tainted(world), evictions(world), world.desired("a")) == ([], [], 2)

    async def test_many_nodes_go_and_no_budget_is_overdrawn(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=6)
        world.create_sets(daemon_set("agent"))
        world.create_sets(replica_set("web", 12, cpu="200m", annotations={STOP_SECONDS: "10"}))
        world.create_budgets(budget("web", maxUnavailable=2))
        await world.reach(lambda: world.is_settled("web"))
        fewest = 12
        async with autoscaler(world, *QUICK):
            for _ in range(120):
                await world.pass_by(seconds=5)
                fewest = min(fewest, len(world.running("web")))
        assert world.desired("a") == 2
        assert world.is_settled("web")
        assert fewest >= 10
        ended = [each for each in world.asked(TERMINATE) if not each.error]
        assert len(ended) == 4


class TestMinimums:
    async def test_a_group_keeps_its_least(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=3, least=2)
        await world.reach(lambda: len(world.nodes("a")) == 3)
        async with autoscaler(world, *QUICK):
            await world.pass_by(minutes=10)
        assert world.desired("a") == 2
        assert [each for each in world.asked(TERMINATE) if each.error] == []

    async def test_the_cluster_keeps_its_cores_over_many_passes(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=4)
        await world.reach(lambda: len(world.nodes("a")) == 4)
        async with autoscaler(world, *QUICK, "--cores-total=4:100"):
            await world.pass_by(minutes=10)
        assert world.desired("a") == 2


class TestWhatStays:
    @pytest.mark.parametrize("reason", ["bare", "local", "unsafe"])
    async def test_a_pod_that_must_not_move_keeps_its_node(self, world: AutoscalerWorld, reason: str) -> None:
        world.add_group("a", desired=1)
        local: Any = {"volumes": [{"name": "data", "emptyDir": {}}]}
        unsafe = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
        if reason == "bare":
            world.create(pod("web", cpu="100m"))
        elif reason == "local":
            world.create_sets(replica_set("web", 1, cpu="100m", **local))
        else:
            world.create_sets(replica_set("web", 1, cpu="100m", annotations=unsafe))
        await world.reach(lambda: world.is_settled("web"))
        world.ask("SetDesiredCapacity", AutoScalingGroupName="a", DesiredCapacity=2)
        await world.reach(lambda: len(world.nodes("a")) == 2)
        (home,) = {each["spec"]["nodeName"] for each in world.pods("web")}
        async with autoscaler(world, *QUICK):
            await world.pass_by(minutes=10)
        assert world.node_names() == [home]
        assert world.notes("NoScaleDown", home)

    async def test_pods_are_not_moved_to_nodes_that_go_next(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=5)
        world.create_sets(replica_set("web", 5, cpu="300m"))
        await world.reach(lambda: world.is_settled("web"))
        async with autoscaler(world, *QUICK):
            await world.pass_by(minutes=15)
        assert (world.desired("a"), world.is_settled("web")) == (1, True)
        assert len([status for status in evictions(world) if status == 201]) <= 4
