"""Who has which address, however late anybody hears of it."""

import asyncio
from typing import Any

import pytest

from addons.sim.kubeapi.faults import Fault
from tests.support.iamproxy_reuse import LEAST_SECONDS
from tests.support.iamproxy_world import FakeCni, World, addresses, holder, pod
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

IP = "10.0.0.1"


class TestVisibility:
    @pytest.mark.parametrize("delay", [0.0, 0.4, 0.8])
    async def test_a_pod_is_served_when_its_address_is_told_within_the_wait(
        self, world: World, delay: float
    ) -> None:
        created = world.create(pod("a", role="web"))
        async with world.running() as controller:
            loop = asyncio.get_running_loop()
            loop.call_later(delay, lambda: world.update(created, phase="Running", **addresses(IP)))
            assert await holder(controller, IP) == "a"

    async def test_with_a_cni_it_is_served_before_any_status_is_told(self, world: World) -> None:
        cni = FakeCni(world.folder / "cni")
        created = world.create(pod("a", role="web"))
        async with cni.running(), world.running() as controller:
            cni.give(IP, created)
            assert await holder(controller, IP) == "a"

    async def test_it_is_served_as_soon_as_its_pod_is_seen(self, world: World) -> None:
        """The network knows the pod by its uid before the API server has shown it to us."""
        cni = FakeCni(world.folder / "cni")
        async with cni.running(), world.running() as controller:
            asyncio.get_running_loop().call_later(
                0.5, lambda: cni.give(IP, world.create(pod("a", role="web")))
            )
            assert await holder(controller, IP) == "a"

    async def test_nobody_is_served_from_caches_that_are_not_filled(self, world: World) -> None:
        world.create(pod("a", IP, role="web"))
        world.api.faults.add(Fault(resource="namespaces", status=503))
        async with world.controller() as controller:
            controller._pass()
            assert await holder(controller, IP, 0.2) == ""
            assert "namespaces not read yet" in controller.not_ready()

    async def test_a_cni_that_falls_silent_is_believed_for_a_while(self, world: World) -> None:
        cni = FakeCni(world.folder / "cni")
        created = world.create(pod("a", IP, role="web"))
        cni.give(IP, created)
        async with cni.running(), world.running() as controller:
            assert await holder(controller, IP, 2) == "a"
            cni.status = 500
            assert controller.not_ready() == ""
            controller.assignments.read_at -= 31
            assert await holder(controller, IP, 0.1) == ""
            assert "assignments not read" in controller.not_ready()

    async def test_a_cni_that_is_there_is_asked_before_anybody_is_served(self, world: World) -> None:
        cni = FakeCni(world.folder / "cni")
        world.create(pod("a", IP, role="web"))
        async with cni.running(), world.running() as controller:
            cni.given = []
            assert await holder(controller, IP, 0.2) == ""
            assert cni.reads


def fail() -> Any:
    raise RuntimeError("out of order")


class TestNews:
    """What has been heard counts from that moment on, and not when the next round has taken it in."""

    async def test_a_round_that_fails_leaves_nobody_to_be_served(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        created = world.create(pod("a", IP, role="web"))
        async with world.running() as controller:
            assert await holder(controller, IP) == "a"
            monkeypatch.setattr(controller, "_rules", fail)
            world.delete(created)
            world.create(pod("b", IP, role="web"))
            await until(lambda: controller.pods.get("prod", "b"), pause=0.001)
            assert await holder(controller, IP, 0.2) == ""
            assert controller.not_ready() == "the last round failed: RuntimeError('out of order')"
            monkeypatch.undo()
            assert await holder(controller, IP, 10) == "b"
            assert controller.not_ready() == ""

    async def test_the_cni_confirms_nothing_that_it_has_changed(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cni = FakeCni(world.folder / "cni")
        first, second = (world.create(pod(name, role="web")) for name in "ab")
        cni.give(IP, first)
        async with cni.running(), world.running() as controller:
            assert await holder(controller, IP) == "a"
            monkeypatch.setattr(controller, "_rules", fail)
            cni.give(IP, second)
            await asyncio.sleep(LEAST_SECONDS)
            assert await holder(controller, IP, 0.2) == ""
            monkeypatch.undo()
            assert await holder(controller, IP, 10) == "b"
