"""Who has which address, however late anybody hears of it: B never gets what is A's."""

import asyncio
from random import Random

import pytest

from addons.iamproxy.controller.node import Controller
from addons.iamproxy.store.addresses import CURRENT_SECONDS
from addons.sim.kubeapi.faults import Fault
from tests.support.iamproxy_world import FakeCni, World, addresses, holder, pod

IP = "10.0.0.1"
ROUNDS = 1000
LANES = 10


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
            assert "namespaces cannot be read" in controller.not_ready()

    async def test_a_cni_that_falls_silent_is_believed_for_a_while(self, world: World) -> None:
        cni = FakeCni(world.folder / "cni")
        created = world.create(pod("a", IP, role="web"))
        cni.give(IP, created)
        async with cni.running(), world.running() as controller:
            assert await holder(controller, IP, 2) == "a"
            cni.status = 500
            assert await holder(controller, IP) == "a"
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


class TestHandingOver:
    async def test_with_a_cni(self, world: World) -> None:
        """A's end is told late, and B is perhaps not yet seen, when B has A's address and asks."""
        cni = FakeCni(world.folder / "cni")
        async with cni.running(), world.running("--no-prefetch") as controller:
            lanes = (self.hand_on(world, cni, controller, f"10.0.0.{lane}") for lane in range(LANES))
            await asyncio.gather(*lanes)

    async def hand_on(self, world: World, cni: FakeCni, controller: Controller, ip: str) -> None:
        rng = Random(ip)
        before = world.create(pod(f"pod-{ip}-0", role="web"))
        cni.give(ip, before)
        for number in range(1, ROUNDS // LANES + 1):
            name = f"pod-{ip}-{number}"
            after = world.create(pod(name, role="web"))
            cni.give(ip, after)
            await asyncio.sleep(rng.uniform(CURRENT_SECONDS, 0.05))
            assert await holder(controller, ip) == name
            world.delete(before)
            before = after

    async def test_without_one(self, world: World) -> None:
        """A is going or gone, B is seen, has A's address and asks, and only then its status tells so."""
        async with world.running("--no-prefetch") as controller:
            lanes = (self.hand_on_unseen(world, controller, f"10.0.0.{lane}") for lane in range(LANES))
            await asyncio.gather(*lanes)

    async def hand_on_unseen(self, world: World, controller: Controller, ip: str) -> None:
        rng = Random(ip)
        before = world.create(pod(f"pod-{ip}-0", ip, role="web"))
        for number in range(1, ROUNDS // LANES + 1):
            name = f"pod-{ip}-{number}"
            lingers = rng.random() < 0.5
            world.delete(before, grace_seconds=30 if lingers else 0)
            after = world.create(pod(name, role="web"))
            while controller.watches.pods.store.get("prod", name) is None:
                await asyncio.sleep(0.001)
            asking = asyncio.create_task(holder(controller, ip))
            await asyncio.sleep(rng.uniform(0, 0.05))
            world.update(after, phase="Running", **addresses(ip))
            assert await asking == name
            if lingers:
                world.delete(before)
            before = after
