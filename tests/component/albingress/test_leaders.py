"""Who may act: one replica, not beside the original, and not on what may be out of date."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from addons.sim.kubeapi.faults import Fault
from tests.support.alb_world import World, ingress
from tests.support.until import until
from tests.support.virtual import virtual_now

pytestmark = pytest.mark.virtual_time

LEASES = ("coordination.k8s.io/v1", "leases")
ORIGINAL = "aws-load-balancer-controller-leader"


def lease(holder: str, ago: float) -> dict[str, Any]:
    """The Lease of the original, renewed so many seconds ago."""
    at = (virtual_now() - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "acquireTime": at, "renewTime": at}
    return {"metadata": {"name": ORIGINAL, "namespace": "kube-system"}, "spec": spec}


def original_leads(world: World, holder: str, *, ago: float = 0) -> None:
    """The original writes its Lease, or gives it back."""
    made = lease(holder, ago)
    found = [one for one in world.api.store.list(*LEASES) if one["metadata"]["name"] == ORIGINAL]
    if found:
        world.api.store.update(*LEASES, {**found[0], "spec": made["spec"]})
    else:
        world.api.store.create(*LEASES, made)


class TestOriginal:
    """Beside aws-load-balancer-controller nothing is changed."""

    async def test_while_it_leads_nothing_is_changed_and_everybody_is_told(self, world: World) -> None:
        world.serve("web")
        original_leads(world, "lbc-1")
        async with world.running() as controller:
            world.ingresses(ingress("web"))
            await until(lambda: "OtherControllerLeads" in world.events("web", "Warning"))
            assert "lbc-1 of the original leads by the lease kube-system/" in controller.not_ready()
            (fault,) = [one for one in controller.faults() if one.reason == "OtherControllerLeads"]
            assert ORIGINAL in fault.about
            assert (world.changes(), world.finalizers("web"), world.hostname("web")) == ([], [], "")
            original_leads(world, "")
            await world.is_served("web")
            assert controller.not_ready() == ""
            assert list(controller.faults()) == []

    async def test_a_clock_that_goes_wrong_does_not_make_its_lease_old(self, world: World) -> None:
        """Its Lease is over by our clock, and renewed all the same."""
        world.serve("web")
        world.ingresses(ingress("web"))
        original_leads(world, "lbc-1", ago=600)
        async with world.running() as controller:
            for _ in range(20):
                await asyncio.sleep(2)
                original_leads(world, "lbc-1", ago=600)
            assert world.changes() == []
            assert "lbc-1 of the original leads" in controller.not_ready()
            await world.is_served("web")

    async def test_by_force_it_acts_all_the_same(self, world: World) -> None:
        world.serve("web")
        original_leads(world, "lbc-1")
        async with world.running("--force-take-over"):
            world.ingresses(ingress("web"))
            await world.is_served("web")


class TestReplicas:
    """One acts, the other is ready to."""

    async def test_a_standby_reads_and_changes_nothing_and_takes_over_without_a_write(
        self, world: World
    ) -> None:
        world.serve("web")
        async with world.running(replica="one"):
            world.ingresses(ingress("web"))
            await world.is_served("web")
            await world.settles()
            async with world.running(replica="two") as standby:
                world.aws.calls.clear()
                await asyncio.sleep(60)
                assert world.calls() == []
                assert standby.not_ready() == ""
        async with world.running(replica="three"):
            world.aws.calls.clear()
            await asyncio.sleep(60)
            assert world.changes() == []

    async def test_who_leads_next_goes_on_where_the_other_has_stopped(self, world: World) -> None:
        world.serve("a", "b")
        async with world.running(replica="one"):
            world.ingresses(ingress("a"))
            await world.is_served("a")
        world.ingresses(ingress("b"))
        async with world.running(replica="two"):
            await world.is_served("a", "b")
            assert sorted(world.rules().values()) == ["a:80", "b:80"]


class TestCaches:
    """What may be out of date is nothing to act on."""

    async def test_without_a_right_to_services_nothing_is_made_or_taken_away(self, world: World) -> None:
        world.serve("web")
        async with world.running():
            world.ingresses(ingress("web"))
            await world.is_served("web")
            await world.settles()
        before = world.things()
        world.api.faults.add(Fault(resource="services", status=403, times=1000))
        async with world.running() as controller:
            world.ingresses(ingress("web", "/other"))
            await asyncio.sleep(120)
            assert "services" in controller.not_ready()
        assert world.things() == before
        assert world.targets("web") == ["192.168.0.11:8080"]

    async def test_ingresses_that_cannot_be_read_lose_nothing(self, world: World) -> None:
        world.serve("web")
        async with world.running():
            world.ingresses(ingress("web"))
            await world.is_served("web")
            await world.settles()
        before = world.things()
        world.api.faults.add(Fault(resource="ingresses", status=500, times=1000))
        async with world.running():
            await asyncio.sleep(300)
        assert world.things() == before
