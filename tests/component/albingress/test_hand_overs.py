"""Moving to another group, scheme or class: the new one serves before the old one goes, and nothing stays."""

import asyncio

import pytest

from tests.support.alb_world import NETWORKING, World, ingress, ingress_class
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


def serving(world: World) -> set[str]:
    """The host names of all load balancers there are."""
    return {each.dns_name.lower() for each in world.elb.load_balancers.values()}


def groups_of(world: World) -> set[str]:
    """The ARNs of all target groups there are."""
    return {each.arn for each in world.elb.target_groups.values()}


async def never_gone(world: World, name: str) -> None:
    """Watch that the host name in the status is always that of a load balancer that is there."""
    while True:
        assert world.hostname(name) in serving(world)
        await asyncio.sleep(0.05)


async def test_a_group_of_one_that_is_renamed_is_served_all_the_time(world: World) -> None:
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web", group="old"))
        await world.is_served("web")
        await world.settles()
        before = world.hostname("web")
        watching = asyncio.create_task(never_gone(world, "web"))
        world.ingresses(ingress("web", group="new"))
        await until(lambda: world.hostname("web") not in ("", before))
        assert len(serving(world)) == 2
        await until(lambda: serving(world) == {world.hostname("web")}, seconds=120)
        assert world.targets("web") == ["192.168.0.11:8080"]
        await until(lambda: world.finalizers("web") == ["group.ingress.k8s.aws/new"])
        watching.cancel()
        assert world.events("web", "Warning") == []
        world.delete("web")
        await until(lambda: world.ingress("web") is None, seconds=60)
    assert world.things() == []


async def test_a_member_that_moves_leaves_the_others_where_they_are(world: World) -> None:
    world.serve("web", "other")
    async with world.running():
        world.ingresses(ingress("web", group="old"), ingress("other", group="old"))
        await world.is_served("web", "other")
        await world.settles()
        before = world.hostname("web")
        world.ingresses(ingress("web", group="new"))
        await until(lambda: world.hostname("web") not in ("", before))
        await until(lambda: world.finalizers("web") == ["group.ingress.k8s.aws/new"], seconds=120)
        assert world.hostname("other") == before
        assert sorted(world.rules().values()) == ["other:80", "web:80"]


async def test_another_scheme_is_another_load_balancer_which_serves_first(world: World) -> None:
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web"))
        await world.is_served("web")
        await world.settles()
        before = world.hostname("web")
        watching = asyncio.create_task(never_gone(world, "web"))
        world.ingresses(ingress("web", scheme="internet-facing"))
        await until(lambda: world.hostname("web") not in ("", before), seconds=60)
        await until(lambda: serving(world) == {world.hostname("web")}, seconds=120)
        watching.cancel()
        (found,) = world.elb.load_balancers.values()
        assert found.scheme == "internet-facing"
        assert world.rules() == {"/web|/web/*": "web:80"}
        await until(lambda: world.targets("web") == ["192.168.0.11:8080"])
        world.delete("web")
        await until(lambda: world.ingress("web") is None, seconds=60)
    assert world.things() == []


async def test_an_ingress_that_goes_to_another_controller_leaves_nothing_not_even_a_name(
    world: World,
) -> None:
    other = ingress_class("other", controller="example.com/other")
    world.create(other, kind="ingressclasses", version=NETWORKING)
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web"))
        await world.is_served("web")
        await world.settles()
        world.ingresses(ingress("web", in_class="other"))
        await until(lambda: world.finalizers("web") == [], seconds=60)
        assert world.hostname("web") == ""
    assert world.things() == []


async def test_a_target_group_that_has_to_be_another_is_filled_before_rules_lead_to_it(world: World) -> None:
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web"))
        await world.is_served("web")
        await world.settles()
        (old,) = world.elb.target_groups.values()
        world.ingresses(ingress("web", backend_protocol="HTTPS"))
        await until(lambda: len(groups_of(world)) == 2)
        await until(lambda: old.arn not in groups_of(world), seconds=300)
        (new,) = world.elb.target_groups.values()
        assert new.settings["Protocol"] == "HTTPS"
        assert world.rules() == {"/web|/web/*": "web:80"}
        assert world.targets("web") == ["192.168.0.11:8080"]
