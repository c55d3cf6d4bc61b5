"""AWS refuses, throttles or hangs: what is concerned waits, and nobody else."""

import asyncio

import pytest

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


async def grown(world: World) -> None:
    """A member of the group asks for one more path: it is live within two seconds."""
    world.ingresses(ingress("a", "/a", "/new=new"))
    await until(lambda: world.rules().get("/new|/new/*") == "new:80", seconds=2)


class TestDeletions:
    """What does not go yet holds up nothing."""

    @pytest.mark.parametrize(
        ("operation", "code"),
        [("DeleteTargetGroup", "ResourceInUse"), ("DeleteRule", "AccessDenied")],
    )
    async def test_a_change_goes_live_meanwhile(self, world: World, operation: str, code: str) -> None:
        world.serve("a", "b", "new")
        async with world.running():
            world.ingresses(ingress("a"), ingress("b"))
            await world.is_served("a", "b")
            await world.settles()
            world.aws.faults.add(operation=operation, code=code, message="in use", times=10_000)
            world.delete("b")
            await asyncio.sleep(15)
            await grown(world)
            world.aws.faults.clear()
            await until(lambda: world.ingress("b") is None, seconds=120)
            assert world.notes("a") == []


class TestRules:
    """One rule that AWS does not take costs itself alone."""

    async def test_the_others_are_served_and_it_is_tried_as_503(self, world: World) -> None:
        names = [f"s{number}" for number in range(9)]
        world.serve(*names, "bad")
        world.aws.faults.add(
            operation="CreateRule",
            code="InvalidLoadBalancerAction",
            message="no",
            times=10_000,
            when=lambda said: "/bad" in str(said) and "forward" in str(said),
        )
        async with world.running():
            world.ingresses(*map(ingress, names), ingress("bad"))
            await world.is_served(*names, "bad")
            await until(lambda: world.rules().get("/bad|/bad/*") == "503")
            assert sorted(world.rules().values()) == ["503", *(f"{name}:80" for name in names)]
            assert "RefusedByAws" in world.events("bad", "Warning")
            assert [name for name in names if world.notes(name)] == []
            assert world.targets("s3")

    async def test_the_quota_refuses_the_youngest_and_an_incumbent_makes_room(self, world: World) -> None:
        names = [f"s{number:03}" for number in range(100)]
        world.serve("web")
        async with world.running():
            world.ingresses(*(ingress(name, f"/{name}=web") for name in names))
            await world.is_served(*names)
            await until(lambda: len(world.rules()) == 100)
            await world.settles()
            world.ingresses(ingress("late", "/late=web"))
            await until(lambda: "QuotaExceeded" in world.events("late", "Warning"))
            assert len(world.rules()) == 100
            assert "/late|/late/*" not in world.rules()
            assert [name for name in names if world.notes(name)] == []
            world.delete(names[7])
            await until(lambda: "/late|/late/*" in world.rules(), seconds=60)


class TestRights:
    """A right that is missing is told of as what keeps the daemon from its work, until it is given."""

    async def test_to_make_rules(self, world: World) -> None:
        world.serve("web")
        world.aws.faults.add(
            operation="CreateRule", code="AccessDenied", message="no", status=403, times=10_000
        )
        async with world.running() as controller:
            world.ingresses(ingress("web"))
            await until(lambda: "ActionFailed" in world.events("web", "Warning"))
            (fault,) = controller.faults()
            assert (fault.side, fault.about, fault.reason) == ("aws", "group shop", "AccessDenied")
            world.aws.faults.clear()
            await until(lambda: world.rules() == {"/web|/web/*": "web:80"}, seconds=100)
            await until(lambda: list(controller.faults()) == [])

    async def test_a_network_that_is_not_found_is_told_to_everybody(self, world: World) -> None:
        world.serve("web")
        async with world.running("--aws-vpc-id=", "--aws-vpc-tags=Name=nowhere") as controller:
            world.ingresses(ingress("web"))
            await until(lambda: any("--aws-vpc-tags" in note for note in world.notes("web")))
            assert any("--aws-vpc-tags" in fault.message for fault in controller.faults())

    async def test_to_register_targets(self, world: World) -> None:
        world.serve("web")
        world.aws.faults.add(
            operation="RegisterTargets", code="AccessDenied", message="no", status=403, times=10_000
        )
        async with world.running() as controller:
            world.ingresses(ingress("web"))
            await until(lambda: list(controller.faults()))
            (fault,) = controller.faults()
            assert fault.about.startswith("target group k8s-default-web-")
            world.aws.faults.clear()
            await until(lambda: list(controller.faults()) == [], seconds=100)


class TestThrottling:
    """A storm of throttling is waited for, and registrations go on."""

    async def test_everything_is_there_in_the_end_and_nobody_is_warned(self, world: World) -> None:
        world.serve("a", "b")
        world.aws.faults.add(operation="Create*", code="Throttling", message="Rate exceeded", times=25)
        async with world.running():
            world.ingresses(ingress("a"), ingress("b"))
            await world.is_served("a", "b")
            await until(lambda: sorted(world.rules().values()) == ["a:80", "b:80"], seconds=200, pause=0.2)
            assert (world.notes("a"), world.notes("b")) == ([], [])
