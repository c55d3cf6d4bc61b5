"""At a quota of AWS the youngest Ingress waits and is told; those who are there are served as before."""

import pytest

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

MOST = 100


def paths(service: str, count: int) -> list[str]:
    return [f"/{service}{number}={service}" for number in range(count)]


def led_to(world: World, service: str) -> int:
    """How many rules lead to a Service."""
    return sum(target == f"{service}:80" for target in world.rules().values())


class TestRules:
    async def test_an_older_ingress_takes_nothing_from_one_that_is_there(self, world: World) -> None:
        world.serve("old", "young")
        async with world.running():
            world.ingresses(ingress("old"))
            await world.is_served("old")
            world.ingresses(ingress("young", *paths("young", MOST - 1)))
            await until(lambda: led_to(world, "young") == MOST - 1)
            world.ingresses(ingress("old", *paths("old", 2)))
            await until(lambda: bool(world.events("old", "Warning")))
            await world.settles(15)
            assert led_to(world, "young") == MOST - 1
            assert world.events("young", "Warning") == []

    async def test_a_quota_that_was_raised_counts(self, world: World) -> None:
        world.elb.quotas["rules-per-application-load-balancer"] = MOST + 20
        world.serve("web")
        async with world.running():
            world.ingresses(ingress("web", *paths("web", MOST + 5)))
            await until(lambda: led_to(world, "web") == MOST + 5)
            assert world.events("web", "Warning") == []


class TestTargetGroups:
    async def test_one_that_is_too_many_answers_503_at_its_place(self, world: World) -> None:
        names = [f"s{number}" for number in range(MOST)]
        world.serve(*names, "young")
        async with world.running():
            world.ingresses(ingress("old", *(f"/{name}={name}" for name in names[:-1])))
            await until(lambda: len(world.rules()) == MOST - 1, seconds=60)
            world.ingresses(ingress("young", "/=young"), ingress("last", f"/y={names[-1]}"))
            await until(lambda: bool(world.events("last", "Warning") or world.events("young", "Warning")))
            assert world.events("old", "Warning") == []
            assert all(f"s{number}:80" in world.rules().values() for number in range(MOST - 1))
