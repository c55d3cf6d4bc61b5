"""With --strict a group stands still while any member has a fault; without it only the member does."""

import asyncio

import pytest

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


async def test_nothing_goes_live_before_the_fault_is_mended(world: World) -> None:
    world.serve("a", "new")
    async with world.running("--strict"):
        world.ingresses(ingress("a"))
        await world.is_served("a")
        await world.settles()
        world.ingresses(ingress("bad", "/bad=gone"))
        await until(lambda: "BrokenBackend" in world.events("bad", "Warning"))
        world.ingresses(ingress("a", "/a", "/new=new"))
        await asyncio.sleep(60)
        assert world.rules() == {"/a|/a/*": "a:80"}
        world.ingresses(ingress("bad", "/bad=new"))
        await until(lambda: len(world.rules()) == 3)


async def test_advice_stops_nobody(world: World) -> None:
    world.serve("a")
    async with world.running("--strict"):
        world.ingresses(ingress("a", helthcheck_path="/x"))
        await world.is_served("a")
        await until(lambda: "UnknownAnnotation" in world.events("a", "Warning"))


async def test_a_rule_that_breaks_may_stay_as_it_was(world: World) -> None:
    world.serve("a")
    async with world.running("--on-broken-rule=keep"):
        world.ingresses(ingress("a"))
        await world.is_served("a")
        await world.settles()
        world.delete("a", kind="services", version="v1")
        await until(lambda: world.notes("a"))
        await asyncio.sleep(120)
        assert world.rules() == {"/a|/a/*": "a:80"}
        assert world.targets("a") == ["192.168.0.11:8080"]


async def test_a_service_that_is_replaced_is_not_missed_and_one_that_stays_away_is_503(world: World) -> None:
    world.serve("a")
    async with world.running():
        world.ingresses(ingress("a"))
        await world.is_served("a")
        await world.settles()
        world.delete("a", kind="services", version="v1")
        await asyncio.sleep(10)
        assert world.rules() == {"/a|/a/*": "a:80"}
        await until(lambda: world.rules() == {"/a|/a/*": "503"}, seconds=60)
