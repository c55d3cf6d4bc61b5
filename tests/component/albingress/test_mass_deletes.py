"""More than half of all that the cluster has goes only when somebody has deleted it, or says so."""

import pytest

from tests.support.alb_world import NETWORKING, World, ingress, ingress_class
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

NAMES = ("a", "b", "c", "d", "e", "f")


async def test_what_somebody_deletes_goes(world: World) -> None:
    world.serve(*NAMES)
    async with world.running():
        world.ingresses(*map(ingress, NAMES))
        await world.is_served(*NAMES)
        world.delete(*NAMES)
        await until(lambda: world.things() == [], seconds=60)


async def test_what_just_belongs_to_nobody_any_more_stays_and_is_told(world: World) -> None:
    others = ingress_class("other", controller="example.com/other")
    world.create(others, kind="ingressclasses", version=NETWORKING)
    world.serve(*NAMES)
    async with world.running():
        world.ingresses(*map(ingress, NAMES))
        await world.is_served(*NAMES)
        before = world.things()
        world.ingresses(*(ingress(name, in_class="other") for name in NAMES))
        await until(lambda: all("MassDeleteHeld" in world.events(name) for name in NAMES), seconds=60)
        await world.settles(30)
        assert world.things() == before
        assert "--allow-mass-delete" in world.notes("a")[-1]
        assert all(world.finalizers(name) for name in NAMES)
    async with world.running("--allow-mass-delete"):
        await until(lambda: world.things() == [], seconds=60)
        await until(lambda: not any(world.finalizers(name) for name in NAMES), seconds=60)


async def test_who_gives_up_most_paths_is_told_why_they_stay_and_nobody_else_is(world: World) -> None:
    world.serve("a", "b")
    world.ingresses(ingress("a"), ingress("b", *(f"/b{number}=b" for number in range(30))))
    async with world.running():
        await world.is_served("a", "b")
        await until(lambda: len(world.rules()) == 31)
        world.ingresses(ingress("b", "/new=b"))
        await until(lambda: "MassDeleteHeld" in world.events("b", "Warning"))
        assert world.rules()["/new|/new/*"] == "b:80"
        assert world.notes("a") == []
