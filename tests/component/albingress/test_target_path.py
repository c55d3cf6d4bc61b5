"""Targets with the whole controller: what it registers, keeps and repairs while groups go their own way."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from addons.albingress.controller.controller import Controller
from addons.albingress.names import READINESS_GATE
from addons.sim.aws.elbv2.model import Target, TargetGroup
from tests.support.alb_targets import DISCOVERY, endpoint, node, pod, service, slice_of
from tests.support.alb_world import World, ingress
from tests.support.until import until

REGISTER, DEREGISTER, HEALTH = "RegisterTargets", "DeregisterTargets", "DescribeTargetHealth"
HERE = ("192.168.0.11", 8080)


def slices(world: World, obj: dict[str, Any]) -> None:
    """Make an EndpointSlice say something else."""
    name = obj["metadata"]["name"]
    old = world.api.store.get(DISCOVERY, "endpointslices", "default", name)
    version = {"resourceVersion": old["metadata"]["resourceVersion"]}
    changed = {**obj, "metadata": {**obj["metadata"], **version}}
    world.api.store.update(DISCOVERY, "endpointslices", changed)


def group_of(world: World, name: str) -> TargetGroup:
    """The target group of a Service."""
    (found,) = (each for each in world.elb.target_groups.values() if f"-{name}-" in each.name)
    return found


def by_hand(world: World, name: str, address: str) -> None:
    """Have a target group contain nothing but this, as if somebody else had seen to it."""
    group = group_of(world, name)
    target = Target(address, 8080, "all", state="healthy")
    world.elb.target_groups.put(group.arn, replace(group, targets={target.key: target}))


@pytest.mark.virtual_time
class TestWhatIsRegistered:
    """Who is ready to serve is, whatever is behind the address."""

    async def test_endpoints_without_pods_are(self, world: World) -> None:
        world.create(service("db", selector={}))
        world.create(slice_of("172.20.0.7", "10.0.1.9", of="db"), kind="endpointslices", version=DISCOVERY)
        world.ingresses(ingress("db"))
        async with world.running():
            await until(lambda: world.targets("db") == ["10.0.1.9:8080", "172.20.0.7:8080"])
            zones = {each.id: each.zone for each in group_of(world, "db").targets.values()}
            assert zones["172.20.0.7"] == "all"

    async def test_who_is_terminating_is_not_although_shown_as_ready(self, world: World) -> None:
        world.serve("web")
        world.ingresses(ingress("web"))
        async with world.running():
            await until(lambda: world.targets("web") == ["192.168.0.11:8080"])
            leaving = endpoint("192.168.0.11", ready=True, serving=True, terminating=True)
            slices(world, slice_of(leaving, "192.168.0.12", of="web"))
            await until(lambda: world.targets("web") == ["192.168.0.12:8080"])

    async def test_who_is_published_before_it_is_ready_is(self, world: World) -> None:
        world.serve("web")
        world.ingresses(ingress("web"))
        async with world.running():
            slices(world, slice_of(endpoint("192.168.0.12", ready=True, serving=False), of="web"))
            await until(lambda: world.targets("web") == ["192.168.0.12:8080"])

    async def test_the_new_ones_are_before_the_old_ones_go(self, world: World) -> None:
        world.serve("web")
        world.ingresses(ingress("web"))
        async with world.running():
            await world.is_served("web")
            await until(lambda: world.targets("web") == ["192.168.0.11:8080"])
            await world.settles()
            world.aws.calls.clear()
            slices(world, slice_of("192.168.0.21", "192.168.0.22", of="web"))
            await until(lambda: world.targets("web") == ["192.168.0.21:8080", "192.168.0.22:8080"])
            assert world.calls(REGISTER, DEREGISTER) == [REGISTER, DEREGISTER]

    async def test_a_change_of_endpoints_costs_no_other_call(self, world: World) -> None:
        world.serve("web")
        world.ingresses(ingress("web"))
        async with world.running():
            await world.is_served("web")
            await world.settles()
            world.aws.calls.clear()
            slices(world, slice_of("192.168.0.11", "192.168.0.12", of="web"))
            await until(lambda: len(world.targets("web")) == 2)
            await asyncio.sleep(30)
            assert world.calls("DescribeNetworkInterfaces") in ([], ["DescribeNetworkInterfaces"])
            assert [each for each in world.calls() if each != "DescribeNetworkInterfaces"] == [REGISTER]


@pytest.mark.virtual_time
class TestNeverEmptied:
    """A start that does not find what a target group is filled by takes nothing away."""

    @pytest.mark.parametrize("lost", ["the service", "its port", "its slices"])
    async def test_by_a_restart(self, world: World, lost: str) -> None:
        world.serve("web", "other")
        world.ingresses(ingress("web"), ingress("other"))
        async with world.running():
            await world.is_served("web", "other")
            await until(lambda: world.targets("web") == ["192.168.0.11:8080"])
            await world.settles()
        world.aws.calls.clear()
        if lost == "the service":
            world.delete("web", kind="services", version="v1")
        elif lost == "its port":
            without = service("web")
            without["spec"]["ports"][0]["port"] = 81
            world.api.store.update("v1", "services", without)
        else:
            world.delete("web-a", kind="endpointslices", version=DISCOVERY)
        async with world.running():
            await until(lambda: HEALTH in world.calls())
            await asyncio.sleep(120)
        assert world.calls(DEREGISTER) == []
        assert world.rules()["/web|/web/*"] in ("503", "web:80")
        if world.rules()["/web|/web/*"] == "web:80":
            assert world.targets("web") == ["192.168.0.11:8080"]

    async def test_when_a_service_is_made_anew(self, world: World) -> None:
        world.serve("web")
        world.ingresses(ingress("web"))
        async with world.running("--backend-grace=30s"):
            await world.is_served("web")
            await until(lambda: world.targets("web") == ["192.168.0.11:8080"])
            world.delete("web", kind="services", version="v1")
            await asyncio.sleep(5)
            assert (world.rules(), world.targets("web")) == (
                {"/web|/web/*": "web:80"},
                ["192.168.0.11:8080"],
            )
            world.create(service("web"))
            await world.settles()
            assert world.rules() == {"/web|/web/*": "web:80"}
            assert world.targets("web")[-1] == "192.168.0.11:8080"


@pytest.mark.virtual_time
class TestDrift:
    """What somebody else did to the targets is put right."""

    async def test_at_the_start(self, world: World) -> None:
        world.serve("web")
        world.ingresses(ingress("web"))
        async with world.running():
            await until(lambda: world.targets("web") == ["192.168.0.11:8080"])
            await world.settles()
        by_hand(world, "web", "192.168.0.99")
        async with world.running():
            await until(lambda: world.targets("web") == ["192.168.0.11:8080"])

    async def test_by_the_audit(self, world: World) -> None:
        world.serve("web")
        world.ingresses(ingress("web"))
        async with world.running("--sync-period=10m"):
            await until(lambda: world.targets("web") == ["192.168.0.11:8080"])
            await world.settles()
            by_hand(world, "web", "192.168.0.99")
            await until(lambda: world.targets("web") == ["192.168.0.11:8080"], seconds=700, pause=2)


@pytest.mark.virtual_time
class TestGates:
    """A pod is ready when the load balancer of its Ingress says so."""

    async def test_it_is_two_seconds_after_its_target_is_healthy(self, world: World) -> None:
        world.elb.is_probed = True
        world.create(service("web"))
        world.create(node("n1", "i-0123"), kind="nodes")
        world.create(slice_of(of="web"), kind="endpointslices", version=DISCOVERY)
        world.ingresses(ingress("web"))
        async with world.running():
            await world.is_served("web")
            group = group_of(world, "web")
            world.create(pod("a", HERE[0], group.name), kind="pods")
            slices(world, slice_of(endpoint(HERE[0], "a", ready=False), of="web"))
            await until(lambda: condition(world, group.name) == "False")
            await asyncio.sleep(5)
            world.aws.elbv2.set_health(group.arn, HERE, "healthy")
            await until(lambda: condition(world, group.name) == "True", seconds=2.2)


def condition(world: World, gate: str) -> str:
    """The status of the pod's readiness gate."""
    found = world.api.store.get("v1", "pods", "default", "a")["status"].get("conditions", [])
    return next((each["status"] for each in found if each["type"] == f"{READINESS_GATE}{gate}"), "")


def hold_calls(world: World) -> tuple[asyncio.Event, asyncio.Event]:
    """Have ELBv2 tell when it gets a call, and answer none before it may."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def hold(_: float) -> None:
        begun.set()
        await may_end.wait()

    world.aws.elbv2.sleep = hold
    world.aws.elbv2.knobs.latency_seconds = 1.0
    return begun, may_end


class TestShutdown:
    """A stop ends what is under way, begins nothing, and the next process goes on from there."""

    async def test_a_call_under_way_ends_and_no_other_begins(self, world: World) -> None:
        world.serve("web")
        world.ingresses(ingress("web"))
        async with world.running():
            await world.is_served("web")
            await until(lambda: world.targets("web") == ["192.168.0.11:8080"])
            world.aws.calls.clear()
            begun, may_end = hold_calls(world)
            slices(world, slice_of("192.168.0.12", of="web"))
            await begun.wait()
            asyncio.get_running_loop().call_later(0.2, may_end.set)
        assert world.targets("web") == ["192.168.0.11:8080", "192.168.0.12:8080"]
        assert world.calls(REGISTER, DEREGISTER) == [REGISTER]
        async with world.running():
            await until(lambda: world.targets("web") == ["192.168.0.12:8080"])


@pytest.mark.virtual_time
class TestLeadingAgain:
    """A replica that led before takes nothing for granted of what it knew then."""

    async def test_a_group_that_went_meanwhile_is_forgotten(self, world: World) -> None:
        world.serve("web", "other")
        world.ingresses(ingress("web"), ingress("other", group="other"))
        async with world.controller() as made:
            await led(made, lambda: world.is_served("web", "other"))
            async with world.running():
                world.delete("web")
                await until(lambda: world.ingress("web") is None)
                await world.settles()
            await led(made, lambda: asyncio.sleep(120))
            assert made.failures == {}
            assert world.targets("other") == ["192.168.0.12:8080"]

    async def test_a_pod_still_waits_for_its_target(self, world: World) -> None:
        world.elb.is_probed = True
        world.serve("web")
        world.create(node("n1", "i-0123"), kind="nodes")
        world.ingresses(ingress("web"))
        async with world.controller() as made:
            await led(made, lambda: world.is_served("web"))
            gate = group_of(world, "web").name
            world.create(pod("a", "192.168.0.50", gate), kind="pods")
            slices(world, slice_of(endpoint("192.168.0.50", "a", ready=False), of="web"))
            await led(made, lambda: asyncio.sleep(20))
            assert condition(world, gate) == "False"


async def led(made: Controller, what: Callable[[], Awaitable[object]]) -> None:
    """Have a controller lead until something has happened."""
    stopping = asyncio.Event()
    running = asyncio.ensure_future(made.run(stopping))
    await what()
    stopping.set()
    await running
