"""One group fails or hangs for 25 s at every call that is about it; the others do not notice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.as_daemons import QUICK, autoscaler
from tests.support.as_objects import pod, replica_set
from tests.support.as_world import AutoscalerWorld, autoscaler_world
from tests.support.virtual import virtual_now

pytestmark = pytest.mark.virtual_time(threads=True)

READING = ("DescribeAutoScalingGroups", "DescribeScalingActivities", "DescribeLaunchTemplateVersions")
TERMINATE = "TerminateInstanceInAutoScalingGroup"
TROUBLES = ("fails", "hangs", "throttled", "denied")
NAMED = ("--nodes=0:10:k", "--nodes=0:10:a", "--nodes=0:10:b")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        for name in "kab":
            made.add_group(name, labels={"team": name})
        yield made


def trouble(world: AutoscalerWorld, kind: str, operation: str, about: str = "k") -> None:
    """Have every call of an operation that is about something fail, or hang for 25 s."""
    if kind == "hangs":
        world.hang(operation, 25.0, about)
        return
    code, status = {
        "fails": ("InternalFailure", 500),
        "throttled": ("Throttling", 400),
        "denied": ("AccessDenied", 403),
    }[kind]
    world.refuse(operation, code, about, status=status, times=None)


async def ordered_in(world: AutoscalerWorld, *groups: str) -> float:
    """Seconds until all of these groups were raised, from when pods for them are there."""
    began, before = virtual_now(), len(world.asked())
    for name in groups:
        world.create(pod(f"{name}-{before}", cpu="1500m", nodeSelector={"team": name}))

    def last() -> float:
        times = {each.arguments["AutoScalingGroupName"]: each.at for each in world.asked()[before:]}
        if not times.keys() >= set(groups):
            return 0.0
        return max((times[name] - began).total_seconds() for name in groups)

    return float(await world.reach(last))


@pytest.mark.parametrize("kind", TROUBLES)
async def test_orders_go_on_where_the_order_of_one_group_does_not(world: AutoscalerWorld, kind: str) -> None:
    trouble(world, kind, "SetDesiredCapacity")
    async with autoscaler(world) as made:
        await world.reach(lambda: made.last)
        world.create(pod("k", nodeSelector={"team": "k"}))
        assert await ordered_in(world, "a", "b") <= 1.5
        await world.reach(lambda: world.is_settled("a") and world.is_settled("b"))
        assert await ordered_in(world, "a", "b") <= 2.0


@pytest.mark.parametrize("operation", READING)
@pytest.mark.parametrize("kind", TROUBLES)
async def test_orders_go_on_where_one_group_cannot_be_read(
    world: AutoscalerWorld, kind: str, operation: str
) -> None:
    template = world.aws.ec2.account.launch_template(name="k")
    is_by_template = operation == "DescribeLaunchTemplateVersions"
    async with autoscaler(world, *NAMED) as made:
        await world.reach(lambda: made.last)
        await world.pass_by(minutes=3)
        trouble(world, kind, operation, template.id if is_by_template else "k")
        await world.pass_by(minutes=1)
        for _ in range(2):
            assert await ordered_in(world, "a", "b") <= 2.0
            await world.reach(lambda: world.is_settled("a") and world.is_settled("b"))


@pytest.mark.parametrize("kind", TROUBLES)
async def test_a_group_that_cannot_be_read_from_the_start_is_left_out(
    world: AutoscalerWorld, kind: str
) -> None:
    template = world.aws.ec2.account.launch_template(name="k")
    trouble(world, kind, "DescribeLaunchTemplateVersions", template.id)
    async with autoscaler(world):
        world.create(pod("k", nodeSelector={"team": "k"}))
        assert await ordered_in(world, "a", "b") <= 60
        await world.reach(lambda: world.is_settled("a") and world.is_settled("b"))
        world.aws.faults.clear()
        await world.reach(lambda: world.is_settled("k"))


@pytest.mark.parametrize("kind", TROUBLES)
async def test_nodes_of_others_go_where_the_removal_of_one_does_not(
    world: AutoscalerWorld, kind: str
) -> None:
    for name in "kab":
        world.ask("SetDesiredCapacity", AutoScalingGroupName=name, DesiredCapacity=2)
    world.create_sets(replica_set("web", 1, cpu="100m"))
    await world.reach(lambda: len(world.nodes()) == 6 and world.is_settled("web"))
    kept = {member.id for member in world.members("k")}
    if kind == "hangs":
        world.aws.faults.slow(TERMINATE, 25.0, when=lambda call: call["InstanceId"] in kept)
    else:
        code, status = ("Throttling", 400) if kind == "throttled" else ("AccessDenied", 403)
        world.aws.faults.add(
            operation=TERMINATE,
            code=code,
            status=status,
            times=None,
            when=lambda call: call["InstanceId"] in kept,
        )
    began = virtual_now()
    async with autoscaler(world, *QUICK):
        await world.reach(lambda: len(world.members("a")) + len(world.members("b")) <= 1)
        assert (virtual_now() - began).total_seconds() <= 60
        world.create(pod("b-new", cpu="1500m", nodeSelector={"team": "b"}))
        await world.reach(lambda: world.is_settled("b-new"), minutes=5)


async def test_a_pod_of_one_group_is_served_by_another_that_can(world: AutoscalerWorld) -> None:
    trouble(world, "hangs", "SetDesiredCapacity", "k")
    trouble(world, "hangs", "SetDesiredCapacity", "a")
    world.create_sets(replica_set("web", 3))
    async with autoscaler(world):
        await world.reach(lambda: world.is_settled("web"), minutes=10)
