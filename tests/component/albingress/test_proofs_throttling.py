"""Where AWS has hardly a token left for reading, targets are registered all the same."""

import pytest

from addons.albingress.aws.calls import RATES
from addons.sim.aws.throttle import RateLimit
from tests.support.alb_targets import DISCOVERY, slice_of
from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

APPS = [f"app{number:02}" for number in range(24)]
"""Each with a load balancer of its own: to read all of them takes some 100 calls."""

READS = {
    "DescribeListeners",
    "DescribeLoadBalancers",
    "DescribeRules",
    "DescribeTargetGroups",
    "DescribeTargetHealth",
}
DOCUMENTED = {"Describe*": RateLimit(10, 40)}
EATEN_UP = {"Describe*": RateLimit(0.5, 1)}
"""What is left where others of the account read as well."""


async def stand(world: World) -> None:
    """Have every application served."""
    world.serve(*APPS)
    world.ingresses(*(ingress(name, group="") for name in APPS))
    async with world.running():
        await world.is_served(*APPS)
        await world.settles()


def scale_up(world: World) -> None:
    """Give every application one endpoint more."""
    for number, name in enumerate(APPS):
        more = slice_of(f"192.168.1.{number + 1}", of=name, name="more")
        world.create(more, kind="endpointslices", version=DISCOVERY)


def all_scaled(world: World) -> bool:
    return all(f"192.168.1.{number + 1}:8080" in world.targets(name) for number, name in enumerate(APPS))


def read(world: World) -> int:
    """How many calls that read load balancers and their targets were answered."""
    return sum(call.operation in READS and not call.error for call in world.aws.calls)


def refused(world: World) -> int:
    """How many calls were refused for their number."""
    return sum(call.error == "Throttling" for call in world.aws.calls)


async def test_while_an_audit_gets_no_answer(world: World) -> None:
    await stand(world)
    async with world.running("--sync-period=60s", rates=RATES):
        await until(lambda: "DescribeRules" in world.calls())
        await world.settles(20)
        world.elb.knobs.rate_limits = EATEN_UP
        world.aws.calls.clear()
        await until(lambda: refused(world) > 0, seconds=300)
        before = read(world)
        scale_up(world)
        await until(lambda: all_scaled(world))
        assert read(world) - before < len(APPS)


@pytest.mark.parametrize("limits", [DOCUMENTED, EATEN_UP], ids=["as documented", "with little left"])
async def test_after_a_restart(world: World, limits: dict[str, RateLimit]) -> None:
    """What changed meanwhile is registered as soon as it is known where, before all the rest is read."""
    await stand(world)
    scale_up(world)
    world.elb.knobs.rate_limits = limits
    world.aws.calls.clear()
    async with world.running(rates=RATES):
        await until(lambda: all_scaled(world), seconds=900)
        await world.settles(60)
    assert set(world.changes()) == {"RegisterTargets"}
    assert sum(call.operation == "RegisterTargets" and not call.error for call in world.aws.calls) == len(
        APPS
    )
