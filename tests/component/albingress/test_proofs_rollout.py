"""The pods of an application are replaced under load: nobody meets 502 or 504."""

from collections.abc import AsyncIterator

import pytest

from addons.albingress import names
from addons.demo.alb import Applications
from addons.demo.cluster import NAMESPACE
from tests.support.alb_traffic import Traffic, daemon, traffic
from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.timeout(240)

URLS = [f"shop/web/{number}" for number in range(8)]
V1, V2 = (200, "v1"), (200, "v2")


@pytest.fixture
async def applications(world: World) -> AsyncIterator[Applications]:
    world.create({"metadata": {"name": NAMESPACE}}, kind="namespaces")
    world.api.enable(endpoint_slices=True)
    made = Applications(world.api)
    try:
        await made.create("web", replicas=5)
        world.ingresses(ingress("web", namespace=NAMESPACE))
        yield made
    finally:
        await made.close()


def gate(world: World) -> str:
    """The condition that the pods of the application wait for: the target group has the name."""
    found = [each.name for each in world.elb.target_groups.values()]
    return names.READINESS_GATE + found[0]


async def is_served(users: Traffic, answer: tuple[int, str]) -> None:
    async def look() -> bool:
        return set((await users.ask_all(URLS)).values()) == {answer}

    await until(look, f"{answer} everywhere")


@pytest.mark.parametrize("gated", [True, False], ids=["with gates", "without gates"])
async def test_no_request_fails(world: World, applications: Applications, gated: bool) -> None:
    async with traffic(world, reach=applications.reach) as users, daemon(world):
        await is_served(users, V1)
        async with users.visiting(URLS) as seen:
            await applications.roll_over("web", "v2", gate(world) if gated else "")
            await is_served(users, V2)
    assert {answer for runs in seen.runs.values() for answer in runs} == {V1, V2}
    assert len(world.elb.target_groups.values()) == 1


async def test_without_the_daemon_requests_fail(world: World, applications: Applications) -> None:
    """The same story must fail where nobody tells the load balancer: else it would prove nothing."""
    async with traffic(world, reach=applications.reach) as users:
        async with daemon(world):
            await is_served(users, V1)
        async with users.visiting(URLS) as seen:
            await applications.roll_over("web", "v2")
    assert {answer.status for runs in seen.runs.values() for answer in runs} == {200, 502}
