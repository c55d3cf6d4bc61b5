"""Clusters with too many nodes: they shrink, nobody is hurt, and nothing comes back."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from addons.autoscaler import names
from addons.sim.cluster.kubelets import STOP_SECONDS
from tests.support.as_daemons import QUICK, autoscaler
from tests.support.as_objects import budget, daemon_set, replica_set
from tests.support.as_world import AutoscalerWorld, autoscaler_world

pytestmark = pytest.mark.virtual_time(threads=True)

LOWERING = "TerminateInstanceInAutoScalingGroup"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        yield made


def spread(app: str) -> list[dict[str, Any]]:
    """Pods of an app in equal numbers in all zones."""
    selector = {"matchLabels": {"app": app}}
    rule = {"maxSkew": 1, "topologyKey": names.ZONE, "whenUnsatisfiable": "DoNotSchedule"}
    return [{**rule, "labelSelector": selector}]


def evicted(world: AutoscalerWorld) -> list[str]:
    """The pods that were evicted, each as often as that was granted."""
    return [each.name for each in world.api.requests if each.subresource == "eviction" and each.status == 201]


def watch(world: AutoscalerWorld, look: Callable[[], int]) -> list[int]:
    """What is seen after each change of anything, as a list that grows."""
    seen: list[int] = []
    world.store.listeners.append(lambda *_: seen.append(look()))
    return seen


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


async def fill(world: AutoscalerWorld, nodes: int, **more: Any) -> None:
    """Nodes that are full of pods, most of which go again: each is left with two."""
    world.add_group("a", desired=nodes, least=0, most=nodes)
    world.create_sets(replica_set("web", 2 * nodes, cpu="200m", memory="64Mi", **more))
    await world.reach(lambda: len(world.nodes("a")) == nodes and world.is_settled("web"))


class TestManyNodes:
    async def test_pods_move_once_each_and_the_rest_of_the_nodes_go(self, world: AutoscalerWorld) -> None:
        await fill(world, 8, annotations={STOP_SECONDS: "5"})
        async with autoscaler(world, *QUICK):
            await world.reach(lambda: world.desired("a") == 2 and world.is_settled("web"))
            await world.pass_by(minutes=5)
        assert world.desired("a") == 2
        assert len(evicted(world)) == len(set(evicted(world))) <= 12
        assert not world.asked()
        told = {event["regarding"]["name"] for event in world.events("ScaleDown", "web")}
        assert told == set(evicted(world))
        assert all("pod was evicted, as its node i-" in note for note in world.notes("ScaleDown", "web"))

    async def test_a_budget_is_never_overdrawn(self, world: AutoscalerWorld) -> None:
        await fill(world, 6, annotations={STOP_SECONDS: "5"})
        world.create_budgets(budget("web", minAvailable=10))
        ready = watch(world, lambda: sum(map(is_ready, world.pods("web"))))
        async with autoscaler(world, *QUICK):
            await world.reach(lambda: world.desired("a") == 2 and world.is_settled("web"), minutes=60)
        assert min(ready) >= 10

    async def test_nodes_are_emptied_side_by_side(self, world: AutoscalerWorld) -> None:
        await fill(world, 6, annotations={STOP_SECONDS: "20"})

        def going() -> int:
            return sum(names.TO_BE_DELETED in world.taints(name) for name in world.node_names("a"))

        at_once = watch(world, going)
        async with autoscaler(world, *QUICK):
            await world.reach(lambda: world.desired("a") == 2 and world.is_settled("web"))
        assert max(at_once) > 1

    async def test_one_at_a_time_where_that_is_set(self, world: AutoscalerWorld) -> None:
        await fill(world, 5)
        world.create_sets(daemon_set("agent"))
        at_once: list[Any] = []
        async with autoscaler(world, *QUICK, "--max-drain-parallelism=1") as made:

            def is_over() -> bool:
                at_once.append(made.state().get("drains") or [])
                return world.desired("a") == 2 and world.is_settled("web")

            await world.reach(is_over)
        assert max(map(len, at_once)) == 1


class TestSpread:
    async def test_what_went_does_not_come_back(self, world: AutoscalerWorld) -> None:
        """A node that goes still counts for the spread over zones: else it would be missed at once."""
        for zone in "abc":
            world.add_group(zone, zones=zone, desired=2, most=4)
        world.create_sets(replica_set("web", 6, cpu="200m", topologySpreadConstraints=spread("web")))
        await world.reach(lambda: world.is_settled("web"))
        async with autoscaler(world, *QUICK):
            await world.pass_by(minutes=15)
        assert [world.desired(zone) for zone in "abc"] == [1, 1, 1]
        assert world.is_settled("web")
        assert not world.asked()


class TestMinimums:
    async def test_a_minimum_of_aws_is_kept_though_the_settings_permit_less(
        self, world: AutoscalerWorld
    ) -> None:
        """The original taints, is refused, gives back, and begins anew, for ever."""
        world.add_group("a", desired=2, least=2)
        await world.reach(lambda: len(world.nodes("a")) == 2)
        tainted = watch(
            world, lambda: sum(names.TO_BE_DELETED in world.taints(n) for n in world.node_names("a"))
        )
        async with autoscaler(world, *QUICK, "--nodes=0:10:a"):
            await world.pass_by(minutes=5)
        assert not any(tainted)
        assert not world.asked(LOWERING)

    async def test_the_cores_of_the_cluster_are_kept_over_several_passes(
        self, world: AutoscalerWorld
    ) -> None:
        """The original keeps them in one loop, and forgets them in the next."""
        world.add_group("a", desired=4)
        await world.reach(lambda: len(world.nodes("a")) == 4)
        async with autoscaler(world, *QUICK, "--cores-total=4:100"):
            await world.pass_by(minutes=10)
        assert world.desired("a") == 2


class TestInvoluntary:
    async def test_a_node_that_falls_silent_goes_after_its_time(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 1))
        await world.reach(lambda: world.is_settled("web") and len(world.nodes("a")) == 2)
        busy = world.pods("web")[0]["spec"]["nodeName"]
        (idle,) = [name for name in world.node_names("a") if name != busy]

        node = world.node(idle)
        for each in node["status"]["conditions"]:
            if each["type"] == "Ready":
                each.update(status="Unknown", lastTransitionTime="2026-01-02T03:04:05Z")
        world.store.update("v1", "nodes", node)
        flags = ("--scale-down-unready-time=2m", "--max-node-startup-time=1m", *QUICK)
        async with autoscaler(world, *flags):
            await world.reach(lambda: world.desired("a") == 1)
        assert busy in world.node_names("a")
