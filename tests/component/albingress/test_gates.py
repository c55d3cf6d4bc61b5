"""Readiness gates follow the health of targets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_targets import TargetWorld, binding, endpoint, node, pod, service, slice_of
from tests.support.aws_thread import simulated_aws
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

HEALTH = "DescribeTargetHealth"
HERE = ("10.0.1.1", 8080)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[TargetWorld]:
    """A pod whose readiness waits for the target group `web`; nobody finds targets healthy by themselves."""
    async with KubeApi() as api, simulated_aws() as aws:
        aws.elbv2.account.is_probed = True
        made = TargetWorld(api, aws, tmp_path)
        made.create(service())
        made.create(node("n1", "i-0123"), kind="nodes")
        made.create(pod("a", "10.0.1.1", "web"), kind="pods")
        made.slices(slice_of(endpoint("10.0.1.1", "a", ready=False)))
        yield made


class TestGates:
    """A pod becomes ready when its load balancer says so."""

    async def test_it_is_registered_and_waits(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.used_group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: world.condition("a") == ("False", "Elb.RegistrationInProgress"))
            assert world.registered() == ["10.0.1.1:8080"]

    async def test_it_is_ready_two_seconds_after_it_is_healthy(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.used_group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: world.condition("a")[0] == "False")
            await asyncio.sleep(7)
            world.aws.elbv2.set_health(world.arns["web"], HERE, "healthy")
            await until(lambda: world.condition("a") == ("True", ""), seconds=2.2)

    async def test_nobody_asks_for_health_once_no_pod_waits(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.used_group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: world.condition("a")[0] == "False")
            world.aws.elbv2.set_health(world.arns["web"], HERE, "healthy")
            await until(lambda: world.condition("a")[0] == "True")
            await asyncio.sleep(5)
            before = len(world.calls(HEALTH))
            await asyncio.sleep(60)
            assert len(world.calls(HEALTH)) == before

    async def test_why_it_is_not_ready_is_said_in_the_words_of_aws(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.used_group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: world.condition("a")[0] == "False")
            world.aws.elbv2.set_health(world.arns["web"], HERE, "unhealthy", "Target.FailedHealthChecks")
            await until(lambda: world.condition("a") == ("False", "Target.FailedHealthChecks"))

    async def test_other_conditions_of_the_pod_stay(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.used_group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: world.condition("a")[0] == "False")
            status = world.api.store.get("v1", "pods", "default", "a")["status"]
            assert "ContainersReady" in [each["type"] for each in status["conditions"]]

    async def test_a_refused_patch_is_tried_again(self, world: TargetWorld) -> None:
        world.api.faults.add(Fault(verb="patch", resource="pods", status=500, times=1))
        async with world.path() as path:
            path.located("web", await world.used_group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: world.condition("a")[0] == "False")


class TestGone:
    """Nobody waits for what is not there."""

    async def test_a_binding_that_goes_is_waited_for_no_more(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.used_group(), is_new=True)
            path.bindings("shop", [binding()])
            path.complete(())
            await until(lambda: world.condition("a")[0] == "False")
            path.bindings("shop", [])
            await until(lambda: world.condition("a")[0] == "True", seconds=5)

    async def test_one_that_was_never_heard_of_is_waited_for_as_long_as_the_grace(
        self, world: TargetWorld
    ) -> None:
        async with world.path("--backend-grace=30s") as path:
            path.complete(())
            await asyncio.sleep(20)
            assert world.condition("a") == ("", "")
            await until(lambda: world.condition("a")[0] == "True", seconds=20)

    async def test_not_before_all_groups_have_told_of_theirs(self, world: TargetWorld) -> None:
        async with world.path("--backend-grace=30s"):
            await asyncio.sleep(300)
            assert world.condition("a") == ("", "")

    async def test_nobody_waits_for_nodes(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(target_type="instance"), is_new=True)
            path.bindings("shop", [binding(target_type="instance")])
            path.complete(())
            await until(lambda: world.condition("a")[0] == "True")
