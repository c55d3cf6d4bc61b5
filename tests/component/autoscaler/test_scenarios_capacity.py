"""Capacity that others move: spot that is taken back, subnets that are full, AWS that is slow or refuses."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.sim.aws.autoscaling.account import USUAL_RATE_LIMITS
from tests.support.as_daemons import autoscaler
from tests.support.as_objects import pod, replica_set
from tests.support.as_world import AutoscalerWorld, autoscaler_world

pytestmark = pytest.mark.virtual_time(threads=True)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        yield made


class TestSpot:
    @pytest.mark.parametrize("is_warned", [False, True], ids=["without queue", "with queue"])
    async def test_a_wave_is_replaced_once(self, world: AutoscalerWorld, is_warned: bool) -> None:
        world.add_group("spot", desired=5, spot=True, most=20)
        world.create_sets(replica_set("web", 15))
        await world.reach(lambda: world.is_settled("web"))
        flags = (f"--interruption-queue={world.queue()}",) if is_warned else ()
        async with autoscaler(world, *flags):
            await world.pass_by(minutes=2)
            for node in world.node_names("spot"):
                world.reclaim(node)
            await world.pass_by(minutes=6)
            await world.reach(lambda: world.is_settled("web") and len(world.pods("web")) == 15)
            await world.pass_by(minutes=3)
        assert world.desired("spot") == 5 or is_warned
        assert world.started("spot") <= (10 if not is_warned else 15)

    async def test_instances_that_end_without_a_warning_are_replaced_once(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("spot", desired=4, spot=True)
        world.create_sets(replica_set("web", 12))
        await world.reach(lambda: world.is_settled("web"))
        async with autoscaler(world):
            await world.pass_by(minutes=2)
            for node in world.node_names("spot")[:2]:
                world.lose(node)
            await world.pass_by(minutes=10)
        assert (world.desired("spot"), world.started("spot")) == (4, 6)
        assert world.is_settled("web")

    async def test_capacity_that_somebody_else_ordered_is_not_ordered_again(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("a", desired=1)
        world.create_sets(replica_set("web", 3))
        await world.reach(lambda: world.is_settled("web"))
        world.delay("a", 200.0)
        world.ask("SetDesiredCapacity", AutoScalingGroupName="a", DesiredCapacity=3)
        async with autoscaler(world):
            world.scale("web", 9)
            await world.reach(lambda: world.is_settled("web") and len(world.pods("web")) == 9)
        assert (world.desired("a"), world.started("a")) == (3, 3)


class TestSubnets:
    async def test_a_group_grows_no_further_than_its_subnet(self, world: AutoscalerWorld) -> None:
        small = world.aws.ec2.network.create_subnet(world.vpc.id, "10.0.9.0/28", zone="eu-central-1a").id
        world.add_group("small", most=30, subnets=[small], desired=8)
        world.create_sets(replica_set("web", 60))
        async with autoscaler(world):
            await world.pass_by(minutes=20)
        assert world.desired("small") <= 11
        failed = [each for each in world.autoscaling.account.activities if each.status == "Failed"]
        assert failed == []

    async def test_what_the_subnet_has_no_address_for_goes_to_another_group(
        self, world: AutoscalerWorld
    ) -> None:
        small = world.aws.ec2.network.create_subnet(world.vpc.id, "10.0.9.0/28", zone="eu-central-1a").id
        world.add_group("small", most=30, subnets=[small], desired=1)
        world.add_group("large", most=30)
        world.create_sets(replica_set("web", 60))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"), minutes=40)
        assert world.desired("small") <= 11


class TestThrottled:
    async def test_at_the_start_it_waits_and_goes_on(self, world: AutoscalerWorld) -> None:
        world.add_group("a")
        world.create(pod("web"))
        world.refuse("Describe*", "Throttling", times=20, service="autoscaling")
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"))
        assert world.started("a") == 1

    async def test_later_nothing_is_ordered_twice_and_nothing_removed(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        world.create_sets(replica_set("web", 3))
        async with autoscaler(world, "--scale-down-unneeded-time=1m", "--scale-down-delay-after-add=0s"):
            await world.reach(lambda: world.is_settled("web"))
            world.scale("web", 6)
            await world.reach(lambda: world.desired("a") == 2)
            world.refuse("Describe*", "Throttling", times=None, service="autoscaling")
            await world.pass_by(minutes=20)
            assert world.desired("a") == 2
            world.scale("web", 1)
            await world.pass_by(minutes=20)
            assert world.desired("a") == 2
            world.aws.faults.clear()
            await world.reach(lambda: world.desired("a") == 1)
        assert world.started("a") == 2

    async def test_calls_are_paced_by_what_an_account_has(self, world: AutoscalerWorld) -> None:
        names = [f"g{number}" for number in range(20)]
        for name in names:
            world.add_group(name, labels={"team": name})
            world.create(pod(name, nodeSelector={"team": name}))
        world.autoscaling.knobs.rate_limits = dict(USUAL_RATE_LIMITS)
        async with autoscaler(world, "--max-unproven-nodes=100"):
            await world.reach(lambda: all(world.is_settled(name) for name in names))
        assert [world.started(name) for name in names] == [1] * 20


class TestPatience:
    async def test_groups_that_aws_has_nothing_for_are_asked_about_ever_more_rarely(
        self, world: AutoscalerWorld
    ) -> None:
        names = [f"g{number}" for number in range(5)]
        for name in names:
            world.add_group(name)
        world.fail_launches()
        world.create_sets(replica_set("web", 20))
        async with autoscaler(world):
            await world.pass_by(minutes=15)
            before = world.calls("DescribeScalingActivities")
            await world.pass_by(minutes=10)
            assert world.calls("DescribeScalingActivities") - before <= 15 * len(names)


class TestPartition:
    async def test_two_instances_serve_the_pods_of_their_namespaces_alone(
        self, world: AutoscalerWorld
    ) -> None:
        for name in ("red", "blue"):
            world.create({"metadata": {"name": name}}, kind="namespaces")
            world.add_group(name)
        red = autoscaler(world, "--nodes=0:10:red", "--pod-namespaces=red", replica="red")
        flags = ("--status-config-map-name=blue-status", "--namespace=blue")
        blue = autoscaler(world, "--nodes=0:10:blue", "--pod-namespaces=blue", *flags, replica="blue")
        async with red, blue:
            world.create_sets(replica_set("web", 3, namespace="red"))
            await world.reach(lambda: world.is_settled("web"))
            await world.pass_by(minutes=2)
            assert (world.started("red"), world.started("blue")) == (1, 0)
            world.create_sets(replica_set("api", 6, namespace="blue"))
            await world.reach(lambda: world.is_settled("api"))
            await world.pass_by(minutes=2)
        assert (world.started("red"), world.started("blue")) == (1, 2)
