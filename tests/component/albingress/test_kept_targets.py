"""Requests go on to a target group that is not asked for now: its targets follow the pods all the same."""

import pytest

from addons.albingress import names
from tests.support.alb_targets import DISCOVERY, slice_of
from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

NEW = "192.168.9.9"


def replace_pods(world: World, service: str) -> None:
    """Have another pod in place of the one that there is."""
    world.create(slice_of(NEW, of=service, name="b"), kind="endpointslices", version=DISCOVERY)
    world.delete(f"{service}-a", kind="endpointslices", version=DISCOVERY)


async def test_of_a_rule_that_is_kept_as_it_is(world: World) -> None:
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web"))
        await world.is_served("web")
        world.ingresses(ingress("web", conditions__web="["))
        await until(lambda: names.BROKEN_RULE in world.events("web", "Warning"))
        await world.settles()
        replace_pods(world, "web")
        await until(lambda: world.targets("web") == [f"{NEW}:8080"])
        assert world.rules() == {"/web|/web/*": "web:80"}


async def test_of_a_rule_whose_new_targets_are_not_well_yet(world: World) -> None:
    world.elb.knobs.register_seconds = 60
    world.serve("old", "new")
    async with world.running():
        world.ingresses(ingress("web", "/web=old"))
        await world.is_served("web")
        world.ingresses(ingress("web", "/web=new"))
        await until(lambda: world.rules() == {"/web|/web/*": "new:80+old:80"})
        replace_pods(world, "old")
        await until(lambda: world.targets("old") == [f"{NEW}:8080"])
        assert world.rules() == {"/web|/web/*": "new:80+old:80"}
        await until(lambda: world.rules() == {"/web|/web/*": "new:80"}, seconds=300)
        await until(lambda: world.targets("old") == [], seconds=300)
