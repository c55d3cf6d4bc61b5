"""The autoscaler at work in a world of groups, nodes and a scheduler: pods get nodes, and idle nodes go."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from addons.sim.cluster.truth import NodeTruth
from tests.support import as_daemons
from tests.support.as_daemons import QUICK, autoscaler
from tests.support.as_objects import budget, pod, replica_set, taint
from tests.support.as_world import AutoscalerWorld, autoscaler_world
from tests.support.virtual import virtual_now

pytestmark = pytest.mark.virtual_time(threads=True)

LOWERING = "TerminateInstanceInAutoScalingGroup"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        yield made


async def seconds_until_ordered(world: AutoscalerWorld, *groups: str) -> list[float]:
    """How long it takes from now until AWS is asked to raise each of these groups."""
    began, before = virtual_now(), len(world.asked())

    def found() -> bool:
        asked = {each.arguments["AutoScalingGroupName"] for each in world.asked()[before:]}
        return asked >= set(groups)

    await world.reach(found)
    calls = world.asked()[before:]
    return [
        next(
            (each.at - began).total_seconds()
            for each in calls
            if each.arguments["AutoScalingGroupName"] == group
        )
        for group in groups
    ]


class TestGrowth:
    async def test_a_pod_that_waits_gets_a_node(self, world: AutoscalerWorld) -> None:
        world.add_group("a")
        world.create(pod("web"))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"))
        assert world.desired("a") == 1
        assert world.notes("TriggeredScaleUp", "web") == ["pod triggered scale-up: [{a 0->1 (max: 10)}]"]
        assert world.events("ScaledUpGroup", "cluster-autoscaler-status")

    async def test_a_pod_alone_is_ordered_for_within_a_second_and_a_half(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("a")
        async with autoscaler(world) as made:
            await world.reach(lambda: made.last)
            world.create(pod("web"))
            (seconds,) = await seconds_until_ordered(world, "a")
        assert seconds <= 1.5

    async def test_a_second_wave_is_ordered_for_within_two_seconds(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        world.create_sets(replica_set("web", 3))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"))
            world.scale("web", 9)
            await seconds_until_ordered(world, "a")
            world.scale("web", 15)
            (seconds,) = await seconds_until_ordered(world, "a")
            assert seconds <= 2.0
            await world.reach(lambda: world.is_settled("web") and len(world.pods("web")) == 15)
        assert world.started("a") == 5

    async def test_nothing_is_said_of_groups_before_they_are_read(self, world: AutoscalerWorld) -> None:
        for name in ("a", "b", "c"):
            world.add_group(name)
        world.create(pod("huge", cpu="64"))
        world.hang("DescribeLaunchTemplateVersions", 3.0)
        world.hang("DescribeInstanceTypes", 3.0)
        async with autoscaler(world):
            await world.reach(lambda: world.events("NotTriggerScaleUp", "huge"))
            await world.pass_by(seconds=10)
        (note,) = world.notes("NotTriggerScaleUp", "huge")
        assert "Insufficient cpu" in note
        assert world.events("NoTemplate") == []

    async def test_what_no_group_can_take_is_told_why_by_group(self, world: AutoscalerWorld) -> None:
        world.add_group("a", most=0)
        world.add_group("b", labels={"disk": "ssd"})
        world.create(pod("web", nodeSelector={"disk": "hdd"}))
        async with autoscaler(world):
            await world.reach(lambda: world.events("NotTriggerScaleUp", "web"))
        (note,) = world.notes("NotTriggerScaleUp", "web")
        assert note.startswith("pod didn't trigger scale-up: ")
        assert {"a", "b"} <= set(note.replace(":", " ").replace(",", " ").split())
        assert world.asked() == []

    async def test_a_tag_that_lies_costs_one_node(self, world: AutoscalerWorld) -> None:
        world.add_group("a", labels={"disk": "ssd"}, truth=NodeTruth(labels={"disk": "hdd"}))
        world.create_sets(replica_set("web", 40, nodeSelector={"disk": "ssd"}))
        async with autoscaler(world):
            await world.reach(lambda: world.events("ScaleUpRefuted"))
            await world.pass_by(minutes=30)
        assert world.started("a") == 1
        assert any("disk" in note for note in world.notes("ScaleUpRefuted"))
        assert all(note.startswith("group a: ") for note in world.notes("ScaleUpRefuted"))


class TestClock:
    """The clock of the machine is set while instances boot and nodes are idle."""

    @pytest.mark.parametrize("seconds", [3600.0, -3600.0])
    async def test_nothing_that_has_just_begun_is_over(
        self, world: AutoscalerWorld, monkeypatch: pytest.MonkeyPatch, seconds: float
    ) -> None:
        jump = [0.0]
        monkeypatch.setattr(as_daemons, "virtual_now", lambda: virtual_now() + timedelta(seconds=jump[0]))
        world.add_group("a")
        world.add_group("idle", zones="b", desired=1, labels={"idle": "yes"}, taints=[taint("idle")])
        await world.pass_by(minutes=3)
        world.delay("a", 120.0)
        async with autoscaler(world):
            world.create_sets(replica_set("web", 12))
            await world.reach(world.asked)
            jump[0] = seconds
            await world.pass_by(minutes=4)
            assert world.asked(LOWERING) == []
            await world.reach(lambda: world.is_settled("web"))
        assert world.started("a") == 4


class TestGroups:
    """One group that fails is felt by none of the others."""

    async def test_an_order_that_hangs_delays_no_other(self, world: AutoscalerWorld) -> None:
        for name in "ab":
            world.add_group(name, labels={"team": name})
        world.hang("SetDesiredCapacity", 25.0, group="a")
        async with autoscaler(world) as made:
            await world.reach(lambda: made.last)
            for name in "ab":
                world.create(pod(name, nodeSelector={"team": name}))
            (seconds,) = await seconds_until_ordered(world, "b")
            assert seconds <= 1.5
            world.create(pod("b-later", cpu="1900m", nodeSelector={"team": "b"}))
            (seconds,) = await seconds_until_ordered(world, "b")
        assert seconds <= 60

    async def test_an_order_that_is_throttled_delays_no_other(self, world: AutoscalerWorld) -> None:
        for name in "abc":
            world.add_group(name, labels={"team": name})
        world.refuse("SetDesiredCapacity", "Throttling", group="a", times=None)
        async with autoscaler(world) as made:
            await world.reach(lambda: made.last)
            for name in "abc":
                world.create(pod(name, nodeSelector={"team": name}))
            seconds = await seconds_until_ordered(world, "b", "c")
            await world.reach(lambda: world.events("FailedToScaleUpGroup"))
        assert max(seconds) <= 1.5
        assert (world.desired("a"), world.desired("b"), world.desired("c")) == (0, 1, 1)

    async def test_what_a_refused_group_does_not_give_another_does(self, world: AutoscalerWorld) -> None:
        for name in "ab":
            world.add_group(name)
        world.refuse("SetDesiredCapacity", "AccessDenied", group="a", times=None, status=403)
        world.refuse("SetDesiredCapacity", "AccessDenied", group="b", times=1, status=403)
        world.create(pod("web"))
        async with autoscaler(world, "--initial-node-group-backoff-duration=1m") as made:
            await world.reach(lambda: world.is_settled("web"), minutes=10)
            assert made.last is not None
        assert world.desired("b") == 1

    async def test_capacity_that_does_not_come_is_ordered_elsewhere(self, world: AutoscalerWorld) -> None:
        for name in "ab":
            world.add_group(name)
        world.fail_launches("a")
        world.create(pod("web"))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"), minutes=5)
        assert world.started("b") == 1

    async def test_groups_that_cannot_be_read_at_first_grow_as_soon_as_they_can(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("a")
        world.create(pod("web"))
        world.refuse("DescribeAutoScalingGroups", "Throttling", times=12)
        async with autoscaler(world) as made:
            await world.pass_by(seconds=3)
            assert made.not_ready()
            await world.reach(lambda: world.is_settled("web"))
        assert world.desired("a") == 1

    async def test_a_group_that_does_not_exist_is_told_and_harms_no_other(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("a")
        world.create(pod("web"))
        async with autoscaler(world, "--nodes=0:3:gone", "--nodes=0:3:a"):
            await world.reach(lambda: world.is_settled("web"))
            await world.reach(lambda: world.events("GroupNotFound"))
        assert any("gone" in note for note in world.notes("GroupNotFound"))

    async def test_priorities_that_cannot_be_read_are_told_and_stop_nothing(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("a")
        world.create(pod("web"))
        name = "cluster-autoscaler-priority-expander"
        metadata = {"name": name, "namespace": "kube-system"}
        world.create({"metadata": metadata, "data": {"priorities": "10: [("}}, kind="configmaps")
        async with autoscaler(world, "--expander=priority"):
            await world.reach(lambda: world.is_settled("web"))
        assert any(name in note for note in world.notes("BadSetting"))


class TestRestarts:
    async def test_what_was_ordered_is_not_ordered_again_while_it_boots(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        world.create_sets(replica_set("web", 3))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"))
            world.scale("web", 8)
            await seconds_until_ordered(world, "a")
        for _ in range(3):
            async with autoscaler(world):
                await world.pass_by(seconds=4)
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web") and len(world.pods("web")) == 8)
        assert world.started("a") == 3

    async def test_it_does_not_need_its_memory(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        world.create_sets(replica_set("web", 3))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"))
            world.scale("web", 8)
            await seconds_until_ordered(world, "a")
        world.delete("aws-addons-autoscaler-intents", "configmaps", namespace="kube-system")
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web") and len(world.pods("web")) == 8)
        assert world.started("a") == 3

    async def test_what_is_remembered_of_a_group_goes_with_it(self, world: AutoscalerWorld) -> None:
        def remembered() -> list[str]:
            found = world.store.list("v1", "configmaps")
            return [
                key
                for each in found
                if each["metadata"]["name"].endswith("-intents")
                for key in each["data"]
                if key.startswith("group.")
            ]

        world.add_group("a")
        world.create(pod("web"))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web") and remembered() == ["group.a"])
            world.ask("DeleteAutoScalingGroup", AutoScalingGroupName="a", ForceDelete=True)
            await world.reach(lambda: remembered() == [])

    async def test_a_drain_goes_on_after_a_restart(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 4, cpu="200m", terminationGracePeriodSeconds=20))
        await world.reach(lambda: world.is_settled("web"))
        async with autoscaler(world, *QUICK):
            await world.reach(
                lambda: any("ToBeDeletedByClusterAutoscaler" in world.taints(n) for n in world.node_names())
            )
        (going,) = [n for n in world.node_names() if "ToBeDeletedByClusterAutoscaler" in world.taints(n)]
        assert "aws-addons.io/drain" in world.node(going)["metadata"]["annotations"]
        async with autoscaler(world, *QUICK):
            await world.reach(lambda: going not in world.node_names() and world.is_settled("web"))
        assert world.desired("a") == 1
        assert world.events("DrainResumed", going)


class TestShrinking:
    async def test_an_idle_node_goes(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 1))
        async with autoscaler(world, *QUICK):
            await world.reach(lambda: world.desired("a") == 1 and world.is_settled("web"))
        assert len(world.asked(LOWERING)) == 1
        assert all(each.arguments["ShouldDecrementDesiredCapacity"] for each in world.asked(LOWERING))

    async def test_an_empty_node_goes_as_soon_as_its_time_is_over(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        await world.reach(lambda: world.node_names("a"))
        await world.pass_by(minutes=3)
        began = virtual_now()
        async with autoscaler(world, *QUICK):
            await world.reach(lambda: world.asked(LOWERING))
        assert (world.asked(LOWERING)[0].at - began).total_seconds() <= 3.0 + 1.1 + 0.5

    async def test_a_node_that_a_budget_keeps_says_so(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 2, cpu="100m"))
        world.create_budgets(budget("web", maxUnavailable=0))
        await world.reach(lambda: world.is_settled("web"))
        async with autoscaler(world, *QUICK) as made:
            await world.reach(lambda: world.events("NoScaleDown"))
            await world.pass_by(minutes=2)
            said = [one.message for one in made.decisions_on(f"node/{world.node_names()[0]}")]
        assert any("budget" in each for each in said)
        assert all(each["reason"] == "NoScaleDown" for each in world.events("NoScaleDown"))
        assert not any("ToBeDeletedByClusterAutoscaler" in world.taints(n) for n in world.node_names())

    async def test_nodes_that_are_not_needed_bear_the_soft_taint_until_they_are(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 1))
        soft = "DeletionCandidateOfClusterAutoscaler"

        def marked() -> list[str]:
            return [name for name in world.node_names() if soft in world.taints(name)]

        async with autoscaler(world, "--scale-down-delay-after-add=0s"):
            await world.reach(marked)
            world.scale("web", 6)
            await world.reach(lambda: not marked())
        assert world.desired("a") == 2


class TestStatus:
    async def test_it_is_kept_at_the_end_and_tells_of_each_group(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        async with autoscaler(world):
            await world.reach(lambda: world.node_names("a"))
            await world.pass_by(seconds=30)
        found = world.store.get("v1", "configmaps", "kube-system", "cluster-autoscaler-status")
        assert "name: a" in found["data"]["status"]
        assert "autoscalerStatus: Running" in found["data"]["status"]

    async def test_idle_it_asks_aws_no_more_than_the_original(self, world: AutoscalerWorld) -> None:
        """That makes one call a minute for a hundred groups."""
        world.add_group("a", least=1)
        await world.reach(lambda: world.node_names("a"))
        async with autoscaler(world) as made:
            await world.reach(lambda: made.last)
            await world.pass_by(minutes=10)
            before = len(world.aws.calls)
            await world.pass_by(minutes=60)
            calls = Counter(call.operation for call in world.aws.calls[before:])
        assert sum(calls.values()) <= 60, calls


class TestInterruptions:
    async def test_a_spot_instance_that_is_taken_back_is_drained_before(self, world: AutoscalerWorld) -> None:
        url = world.queue()
        world.add_group("a", desired=2, spot=True)
        world.create_sets(replica_set("web", 2))
        await world.reach(lambda: world.is_settled("web"))
        victim = world.pods("web")[0]["spec"]["nodeName"]
        async with autoscaler(world, f"--interruption-queue={url}") as made:
            await world.reach(lambda: made.last)
            world.reclaim(victim)
            await world.reach(lambda: "ToBeDeletedByClusterAutoscaler" in world.taints(victim))
            await world.reach(lambda: not world.pods("web", node=victim))
            await asyncio.sleep(1)
            await world.reach(lambda: world.is_settled("web"))
        assert world.events("Interrupted", victim)
