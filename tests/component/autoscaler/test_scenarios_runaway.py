"""What makes others order all nodes there are: tags that lie, images that fail, zones without capacity."""

from collections.abc import AsyncIterator
from math import inf
from pathlib import Path

import pytest

from addons.sim.cluster.truth import NodeTruth
from tests.support.as_daemons import autoscaler
from tests.support.as_objects import daemon_set, pod, replica_set, taint
from tests.support.as_world import AutoscalerWorld, autoscaler_world

pytestmark = pytest.mark.virtual_time(threads=True)

SSD = {"disk": "ssd"}
GROUPS = ("a", "b", "c")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        yield made


def started(world: AutoscalerWorld, *names: str) -> list[int]:
    """How many instances each group has ever launched."""
    return [world.started(name) for name in names]


class TestWrongLabel:
    """Tags promise a label that nodes do not have. The original orders 18 nodes in three groups for it."""

    async def test_it_costs_one_node_of_each_group(self, world: AutoscalerWorld) -> None:
        for name in GROUPS:
            world.add_group(name, most=6, labels=SSD, truth=NodeTruth(labels={"disk": "hdd"}))
        world.create_sets(replica_set("web", 12, nodeSelector=SSD))
        async with autoscaler(world):
            await world.pass_by(minutes=60)
        assert max(started(world, *GROUPS)) == 1
        assert len(world.waiting("web")) == 12
        assert any("disk" in note for note in world.notes("ScaleUpRefuted"))

    async def test_pods_that_the_group_can_take_are_served_all_the_same(self, world: AutoscalerWorld) -> None:
        world.add_group("a", labels=SSD, truth=NodeTruth(labels={"disk": "hdd"}))
        world.create_sets(replica_set("web", 6, nodeSelector=SSD))
        async with autoscaler(world):
            await world.reach(lambda: world.events("ScaleUpRefuted"))
            world.create_sets(replica_set("api", 9))
            await world.reach(lambda: world.is_settled("api"))
        assert len(world.waiting("web")) == 6
        assert world.started("a") == 3

    async def test_a_mended_tag_lets_the_pods_go_elsewhere(self, world: AutoscalerWorld) -> None:
        world.add_group("a", labels=SSD, truth=NodeTruth(labels={"disk": "hdd"}))
        world.create_sets(replica_set("web", 6, nodeSelector=SSD))
        async with autoscaler(world):
            await world.reach(lambda: world.events("ScaleUpRefuted"))
            world.truth("a").labels = dict(SSD)
            world.new_template_version("a", ImageId="ami-0123456789abcdef0")
            await world.reach(lambda: world.is_settled("web"), minutes=60)
        assert world.started("a") <= 4


class TestHiddenTaint:
    """Nodes have a taint that no tag tells of."""

    async def test_it_costs_one_node_of_each_group(self, world: AutoscalerWorld) -> None:
        for name in GROUPS:
            world.add_group(name, most=6, truth=NodeTruth(taints=[taint("team", "x")]))
        world.create_sets(replica_set("web", 12))
        async with autoscaler(world):
            await world.pass_by(minutes=60)
        assert max(started(world, *GROUPS)) == 1
        assert any("team" in note for note in world.notes("ScaleUpRefuted"))

    async def test_a_taint_that_goes_while_a_node_starts_is_none(self, world: AutoscalerWorld) -> None:
        key = "startup-taint.cluster-autoscaler.kubernetes.io/cni"
        world.add_group("a", truth=NodeTruth(startup_taints={key: 120.0}))
        world.create_sets(replica_set("web", 12), daemon_set("agent"))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"))
            await world.pass_by(minutes=2)
        assert world.started("a") == world.desired("a") == 4
        assert not world.events("ScaleUpRefuted")

    async def test_one_that_never_goes_does_not_make_more_nodes(self, world: AutoscalerWorld) -> None:
        key = "startup-taint.cluster-autoscaler.kubernetes.io/cni"
        world.add_group("a", truth=NodeTruth(startup_taints={key: inf}))
        world.create_sets(replica_set("web", 12))
        async with autoscaler(world):
            await world.pass_by(minutes=60)
        assert world.started("a") <= 3

    async def test_an_offer_that_lies_costs_one_node(self, world: AutoscalerWorld) -> None:
        world.add_group("a", truth=NodeTruth(allocatable={"memory": "2Gi"}))
        world.create_sets(replica_set("web", 12, memory="5Gi"))
        async with autoscaler(world):
            await world.pass_by(minutes=60)
        assert world.started("a") == 1
        assert any("memory" in note for note in world.notes("ScaleUpRefuted"))


class TestBrokenImage:
    """Instances run, and never become nodes."""

    async def test_it_costs_a_probe_now_and_then_and_the_instance_is_given_up(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("a", truth=NodeTruth(joins=False))
        world.create_sets(replica_set("web", 20))
        async with autoscaler(world):
            await world.pass_by(minutes=14)
            assert started(world, "a") == [1]
            await world.reach(lambda: world.desired("a") == 0)
            await world.pass_by(minutes=60)
        assert world.started("a") <= 3
        assert world.events("ScaleUpTimedOut")

    async def test_another_group_takes_the_pods(self, world: AutoscalerWorld) -> None:
        world.add_group("a", truth=NodeTruth(joins=False))
        world.add_group("b")
        world.create_sets(replica_set("web", 12))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"), minutes=30)
        assert (world.started("a") <= 1, world.started("b")) == (True, 4)

    async def test_a_node_that_is_never_ready_is_no_reason_for_more(self, world: AutoscalerWorld) -> None:
        world.add_group("a", truth=NodeTruth(ready_seconds=None))
        world.create_sets(replica_set("web", 20))
        async with autoscaler(world):
            await world.pass_by(minutes=60)
        assert world.started("a") <= 3


class TestNoCapacity:
    async def test_one_zone_of_three_without_capacity_costs_nobody_a_node(
        self, world: AutoscalerWorld
    ) -> None:
        for zone in GROUPS:
            world.add_group(zone, zones=zone)
        world.fail_launches("b")
        world.create_sets(replica_set("web", 30))
        async with autoscaler(world, "--balance-similar-node-groups"):
            await world.reach(lambda: world.is_settled("web"))
        assert world.started("b") == 0
        assert world.started("a") + world.started("c") == 10
        lowered = [each for each in world.asked() if each.arguments["DesiredCapacity"] == 0]
        assert lowered == []

    async def test_a_group_of_three_zones_gets_its_nodes_in_the_others(self, world: AutoscalerWorld) -> None:
        world.add_group("a", zones="abc")
        world.fail_launches("a", zone="b")
        world.create_sets(replica_set("web", 12))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"))
        assert world.started("a") == 4

    async def test_when_all_groups_fail_few_are_tried_at_a_time_and_none_is_lost(
        self, world: AutoscalerWorld
    ) -> None:
        names = [f"g{number}" for number in range(8)]
        for name in names:
            world.add_group(name)
        order = world.fail_launches()
        world.create_sets(replica_set("web", 60))
        async with autoscaler(world):
            await world.pass_by(minutes=10)
            wanted = sum(world.group(name).desired for name in names)
            assert wanted <= 20
            assert len(world.waiting("web")) == 60
            world.autoscaling.launch_again(order)
            await world.reach(lambda: world.is_settled("web"), minutes=90)
        assert sum(started(world, *names)) <= 26

    async def test_when_no_group_s_nodes_join_the_whole_costs_few_nodes(self, world: AutoscalerWorld) -> None:
        names = [f"g{number}" for number in range(8)]
        for name in names:
            world.add_group(name, truth=NodeTruth(joins=False))
        world.create_sets(replica_set("web", 60))
        most = 0
        async with autoscaler(world):
            for _ in range(60):
                await world.pass_by(minutes=1)
                most = max(most, sum(len(world.members(name)) for name in names))
        assert most <= 10
        assert sum(started(world, *names)) <= 24

    async def test_quota_that_is_used_up_is_told(self, world: AutoscalerWorld) -> None:
        world.add_group("a")
        world.fail_launches("a", "QuotaExceeded")
        world.create(pod("web"))
        async with autoscaler(world):
            await world.reach(lambda: world.events("FailedToScaleUpGroup"))
        assert any("vCPU" in note for note in world.notes("FailedToScaleUpGroup"))
