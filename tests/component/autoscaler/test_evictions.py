"""Pods are evicted through the Eviction API: what it may answer, and what comes of it."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from addons.autoscaler import names
from addons.autoscaler.kube.evictions import Evicted, Evictions, grace_of
from addons.autoscaler.model.plans import WhyNot
from addons.runtime.errors import Withheld
from addons.runtime.permit import Permit
from addons.sim.kubeapi.faults import Fault
from tests.support.as_drains import DrainWorld, drain_world
from tests.support.as_objects import budget, pod, replica_set
from tests.support.as_shrink import pod as seen_pod
from tests.support.permits import PERMIT
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[DrainWorld]:
    """A node with a pod that runs, and room for another."""
    async with drain_world(tmp_path) as made:
        made.add_node("n1")
        made.store.create("apps/v1", "replicasets", replica_set("web", 1))
        await until(lambda: made.pods_on("n1") and made.seen_pods("n1")[0].is_ready)
        yield made


async def evict(
    world: DrainWorld, *, seconds: float = 120.0, grace: float = 600.0, permit: Permit = PERMIT
) -> Evicted:
    found = world.seen_pods("n1")[0]
    evictions = Evictions(world.kube, random.Random(1))
    return await evictions.evict(found, longest_grace=grace, seconds=seconds, permit=permit)


def fault(**more: Any) -> Fault:
    return Fault(resource="pods", subresource="eviction", **more)


def code(found: Evicted) -> str:
    return found.code if isinstance(found, WhyNot) else found


async def test_a_pod_ends_within_its_grace(world: DrainWorld) -> None:
    first = world.seen_pods("n1")[0]
    assert await evict(world) == "evicted"
    await until(lambda: all(each.uid != first.uid for each in world.seen_pods("n1")))


async def test_a_pod_that_is_ending_is_evicted_again_and_nothing_happens(world: DrainWorld) -> None:
    assert await evict(world) == "evicted"
    assert await evict(world) == "evicted"


async def test_a_pod_that_is_gone_is_as_it_should_be(world: DrainWorld) -> None:
    evictions = Evictions(world.kube, random.Random(1))
    gone = seen_pod("nobody", cls=None)
    assert await evictions.evict(gone, longest_grace=9, seconds=9, permit=PERMIT) == "gone"


async def test_another_pod_of_the_same_name_is_not_evicted(world: DrainWorld) -> None:
    world.store.create("v1", "pods", pod("single"))
    (old,) = await until(lambda: [each for each in world.seen_pods("n1") if each.name == "single"])
    world.store.delete("v1", "pods", "default", "single")
    world.store.create("v1", "pods", pod("single"))
    evictions = Evictions(world.kube, random.Random(1))
    assert await evictions.evict(old, longest_grace=9, seconds=9, permit=PERMIT) == "gone"
    assert world.store.get("v1", "pods", "default", "single")["metadata"].get("deletionTimestamp") is None


async def test_a_long_grace_is_cut_and_a_short_one_is_its_own(world: DrainWorld) -> None:
    assert grace_of(seen_pod("a", grace_seconds=900), 600) == 600
    assert grace_of(seen_pod("a", grace_seconds=30), 600) is None
    assert grace_of(seen_pod("a", grace_seconds=30), 0) == 0


class TestBudget:
    async def test_one_that_allows_none_is_waited_for(self, world: DrainWorld) -> None:
        world.store.create("policy/v1", "poddisruptionbudgets", budget("web", minAvailable=1))
        await until(lambda: world.budget_left("web").get("disruptionsAllowed") == 0)
        task = asyncio.create_task(evict(world))
        await asyncio.sleep(20)
        assert not task.done()
        world.scale("web", 2)
        assert await task == "evicted"

    async def test_for_a_time(self, world: DrainWorld) -> None:
        world.store.create("policy/v1", "poddisruptionbudgets", budget("web", minAvailable=1))
        await until(lambda: world.budget_left("web").get("disruptionsAllowed") == 0)
        began = asyncio.get_running_loop().time()
        found = await evict(world, seconds=60)
        assert code(found) == names.BLOCKED_BUDGET
        assert isinstance(found, WhyNot)
        assert found.about.startswith("default/web-")
        assert 50 <= asyncio.get_running_loop().time() - began <= 60

    async def test_several_on_a_pod_are_not_waited_for(self, world: DrainWorld) -> None:
        for name in ("one", "two"):
            world.store.create("policy/v1", "poddisruptionbudgets", budget(name, app="web", minAvailable=0))
        before = world.evictions()
        assert code(await evict(world)) == names.BLOCKED_SEVERAL_BUDGETS
        assert world.evictions() == before + 1


class TestTrouble:
    async def test_a_server_that_is_away_is_asked_again(self, world: DrainWorld) -> None:
        world.api.faults.add(fault(status=503, times=3))
        assert await evict(world) == "evicted"

    async def test_so_is_one_that_was_busy_with_another_change(self, world: DrainWorld) -> None:
        world.api.faults.add(fault(status=409, times=3))
        first = world.seen_pods("n1")[0]
        assert await evict(world) == "evicted"
        await until(lambda: all(each.uid != first.uid for each in world.seen_pods("n1")))

    async def test_as_late_as_it_says(self, world: DrainWorld) -> None:
        world.api.faults.add(fault(status=429, retry_after=40, times=1))
        began = asyncio.get_running_loop().time()
        assert await evict(world) == "evicted"
        assert asyncio.get_running_loop().time() - began >= 40

    async def test_a_refusal_is_told(self, world: DrainWorld) -> None:
        world.api.faults.add(fault(status=403, message="not for you"))
        found = await evict(world)
        assert code(found) == names.EVICTION_REFUSED
        assert isinstance(found, WhyNot)
        assert "not for you" in found.message

    async def test_in_a_namespace_that_goes_a_refusal_passes(self, world: DrainWorld) -> None:
        message = "unable to create new content in namespace default because it is being terminated"
        world.api.faults.add(fault(status=403, message=message, times=2))
        assert await evict(world) == "evicted"

    async def test_after_a_stop_nothing_is_sent(self, world: DrainWorld) -> None:
        stopping = asyncio.Event()
        world.api.faults.add(fault(status=503))
        task = asyncio.create_task(evict(world, permit=Permit(stopping)))
        await asyncio.sleep(3)
        sent = world.evictions()
        stopping.set()
        with pytest.raises(Withheld):
            await task
        assert world.evictions() == sent
