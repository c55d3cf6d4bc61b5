"""Instances of which AWS says that they will go: their nodes are emptied before, and nobody has to wait."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.as_daemons import autoscaler
from tests.support.as_objects import replica_set
from tests.support.as_world import AutoscalerWorld, autoscaler_world
from tests.support.virtual import virtual_now

pytestmark = pytest.mark.virtual_time(threads=True)

GOING = "ToBeDeletedByClusterAutoscaler"
LOWERING = "TerminateInstanceInAutoScalingGroup"


class Site:
    """A world with a queue, and a group of spot instances whose pods run."""

    def __init__(self, world: AutoscalerWorld) -> None:
        self.world = world
        self.queue = world.queue()
        self.flag = f"--interruption-queue={self.queue}"

    async def grow(self, *, desired: int = 2, least: int = 0, pods: int = 2) -> str:
        """Make the group; the node of the first pod."""
        self.world.add_group("a", desired=desired, least=least, spot=True)
        self.world.create_sets(replica_set("web", pods))
        await self.world.reach(lambda: self.world.is_settled("web"))
        await self.world.reach(lambda: len(self.world.node_names("a")) == desired)
        self.world.aws.sqs.queues["interruptions"].messages.clear()
        return str(self.world.pods("web")[0]["spec"]["nodeName"])

    def left(self) -> int:
        """How many messages are in the queue."""
        return len(self.world.aws.sqs.queues["interruptions"].messages)

    def is_emptied(self, node: str) -> bool:
        return not self.world.pods("web", node=node) and self.world.is_settled("web")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with autoscaler_world(tmp_path) as world:
        yield Site(world)


async def test_a_spot_instance_that_is_taken_back_is_emptied_in_time(site: Site) -> None:
    world, victim = site.world, await site.grow()
    async with autoscaler(world, site.flag) as made:
        await world.reach(lambda: made.last)
        began = virtual_now()
        world.reclaim(victim)
        await world.reach(lambda: GOING in world.taints(victim), minutes=0.5)
        await world.reach(lambda: site.is_emptied(victim), minutes=1.9)
        assert (virtual_now() - began).total_seconds() < 120
        await world.pass_by(minutes=15)
        assert site.left() == 0
    assert world.events("Interrupted", victim)
    assert world.started("a") <= 3


async def test_at_the_minimum_of_its_group_the_node_is_not_given_back(site: Site) -> None:
    world, victim = site.world, await site.grow(desired=2, least=2)
    async with autoscaler(world, site.flag) as made:
        await world.reach(lambda: made.last)
        world.reclaim(victim)
        await world.reach(lambda: GOING in world.taints(victim), minutes=0.5)
        marked = True
        while victim in world.node_names():
            marked &= GOING in world.taints(victim)
            await world.pass_by(seconds=1)
        assert marked
        await world.reach(lambda: len(world.node_names("a")) == 2 and world.is_settled("web"))
    assert world.events("ScaleDownFailed", victim) == []


async def test_a_recommendation_to_leave_is_followed_without_haste(site: Site) -> None:
    world, victim = site.world, await site.grow()
    async with autoscaler(world, site.flag) as made:
        await world.reach(lambda: made.last)
        world.autoscaling.recommend_rebalance(world.cluster.nodes.instance_of(victim))
        await world.reach(lambda: victim not in world.node_names(), minutes=10)
        await world.reach(lambda: world.is_settled("web"))
    assert len(world.asked(LOWERING)) == 1


async def test_a_hook_that_waits_is_told_when_the_node_is_empty(site: Site) -> None:
    world, victim = site.world, await site.grow()
    world.ask(
        "PutLifecycleHook",
        AutoScalingGroupName="a",
        LifecycleHookName="drain",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        HeartbeatTimeout=60,
        DefaultResult="CONTINUE",
    )
    async with autoscaler(world, site.flag) as made:
        await world.reach(lambda: made.last)
        instance = world.cluster.nodes.instance_of(victim)
        world.ask(LOWERING, InstanceId=instance, ShouldDecrementDesiredCapacity=True)
        await world.reach(lambda: world.calls("CompleteLifecycleAction"), minutes=5)
        assert not world.pods("web", node=victim)
        await world.reach(lambda: victim not in world.node_names() and world.is_settled("web"))
        await world.pass_by(minutes=10)
        assert site.left() == 0
    assert world.calls(LOWERING) == 0


async def test_what_is_about_somebody_else_s_instance_stays_for_others(site: Site) -> None:
    world = site.world
    await site.grow()
    world.aws.sqs.send(
        "interruptions",
        {
            "detail-type": "EC2 Spot Instance Interruption Warning",
            "time": virtual_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "detail": {"instance-id": "i-0123456789abcdef0", "instance-action": "terminate"},
        },
    )
    async with autoscaler(world, site.flag) as made:
        await world.reach(lambda: made.last)
        await world.pass_by(minutes=2)
        assert site.left() == 1
        await world.pass_by(minutes=6)
        assert site.left() == 0
        assert list(made.faults()) == []
    assert world.events("Interrupted") == []


async def test_a_queue_that_cannot_be_read_is_told_and_stops_nothing(site: Site) -> None:
    world = site.world
    world.add_group("b")
    world.create_sets(replica_set("web", 1))
    world.refuse("ReceiveMessage", "AccessDenied", status=403, times=None)
    async with autoscaler(world, site.flag) as made:
        await world.reach(lambda: world.is_settled("web"))
        assert [fault.about for fault in made.faults()] == ["interruption queue"]
