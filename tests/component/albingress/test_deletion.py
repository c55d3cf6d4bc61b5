"""Deleting: all goes, and nothing hangs or leaks, whatever AWS says and whenever the daemon is killed."""

import asyncio

import pytest

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


async def test_a_refused_deletion_is_told_on_the_ingress_and_made_good_later(world: World) -> None:
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web"))
        await world.is_served("web")
        await world.settles()
        world.aws.faults.add(
            operation="DeleteLoadBalancer",
            code="OperationNotPermitted",
            message="deletion protection is enabled",
            times=1000,
        )
        world.delete("web")
        await until(lambda: any("deletion protection" in note for note in world.notes("web")), seconds=60)
        assert world.ingress("web")
        world.aws.faults.clear()
        await until(lambda: world.ingress("web") is None, seconds=120)
    assert world.things() == []


async def test_deletion_protection_keeps_the_load_balancer_and_is_told(world: World) -> None:
    world.serve("web")
    protected = {"load_balancer_attributes": "deletion_protection.enabled=true"}
    async with world.running():
        world.ingresses(ingress("web", **protected))
        await world.is_served("web")
        await world.settles()
        world.delete("web")
        await until(lambda: "DeletionProtected" in world.events("web", "Warning"), seconds=60)
        await asyncio.sleep(120)
        assert world.ingress("web")
        assert [each for each in world.things() if each.startswith(("load", "rule"))] == [
            "load balancer k8s-shop-2019ed2787"
        ]
        world.ingresses(ingress("web", load_balancer_attributes="deletion_protection.enabled=false"))
        await until(lambda: world.ingress("web") is None, seconds=60)
    assert world.things() == []


async def test_two_groups_that_go_at_the_same_moment_leave_no_security_group(world: World) -> None:
    world.serve("a", "b")
    async with world.running():
        world.ingresses(ingress("a", group=""), ingress("b", group=""))
        await world.is_served("a", "b")
        await world.settles()
        world.delete("a", "b")
        await until(lambda: world.ingress("a") is None and world.ingress("b") is None, seconds=60)
    assert world.things() == []


async def test_a_single_pass_takes_away_what_is_deleted(world: World) -> None:
    world.serve("a", "b")
    world.ingresses(ingress("a"), ingress("b"))
    assert await world.once() == {}
    world.delete("a")
    assert await world.once() == {}
    assert world.ingress("a") is None
    assert world.rules() == {"/b|/b/*": "b:80"}
    world.delete("b")
    assert await world.once() == {}
    assert world.ingress("b") is None
    assert world.things() == []


async def test_an_ingress_that_goes_while_nobody_looks_leaves_nothing(world: World) -> None:
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web"))
        await world.is_served("web")
        await world.settles()
    world.delete("web")
    assert world.ingress("web")
    async with world.running():
        await until(lambda: world.ingress("web") is None, seconds=60)
    assert world.things() == []


async def test_a_single_run_waits_until_what_it_deletes_is_certain(world: World) -> None:
    world.serve("a", "b")
    world.ingresses(ingress("a"), ingress("b"))
    assert await world.once() == {}
    assert len(world.rules()) == 2
    world.delete("b")
    assert await world.once() == {}
    assert (world.rules(), world.ingress("b")) == ({"/a|/a/*": "a:80"}, None)
    world.delete("a")
    assert await world.once() == {}
    assert (world.things(), world.ingress("a")) == ([], None)


@pytest.mark.parametrize("call", range(12))
async def test_a_daemon_that_dies_at_any_call_of_a_deletion_leaves_nothing(world: World, call: int) -> None:
    world.serve("a", "b")
    async with world.running():
        world.ingresses(ingress("a"), ingress("b"))
        await world.is_served("a", "b")
        await world.settles()
    world.delete("a", "b")
    lost = {"operation": "changes", "code": "InternalFailure", "message": "gone", "status": 500}
    world.aws.faults.add(**lost, times=10_000, skip=call)  # type: ignore[arg-type]
    async with world.running():
        await asyncio.sleep(60)
    world.aws.faults.clear()
    async with world.running():
        await until(lambda: world.ingress("a") is None and world.ingress("b") is None, seconds=200)
    assert world.things() == []


@pytest.mark.parametrize("call", range(16))
async def test_a_daemon_that_dies_at_any_call_of_a_creation_makes_all_later(world: World, call: int) -> None:
    world.serve("a", "b")
    world.ingresses(ingress("a"), ingress("b"))
    lost = {"operation": "changes", "code": "InternalFailure", "message": "gone", "status": 500}
    world.aws.faults.add(**lost, times=10_000, skip=call, before=False)  # type: ignore[arg-type]
    async with world.running():
        await asyncio.sleep(30)
    world.aws.faults.clear()
    async with world.running():
        await world.is_served("a", "b")
        await world.settles()
        assert sorted(world.rules().values()) == ["a:80", "b:80"]
        assert (world.targets("a"), world.targets("b")) == (["192.168.0.11:8080"], ["192.168.0.12:8080"])
        assert [thing for thing in world.things() if thing.startswith("target group")] == [
            "target group a:80",
            "target group b:80",
        ]
