"""Who may act: one replica, not beside the original, and not from a node that may be taken away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.as_daemons import autoscaler
from tests.support.as_objects import pod
from tests.support.as_world import AutoscalerWorld, autoscaler_world
from tests.support.virtual import virtual_now

pytestmark = pytest.mark.virtual_time(threads=True)

LEASES = ("coordination.k8s.io/v1", "leases")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        made.add_group("a")
        made.create(pod("web"))
        yield made


def original_leads(world: AutoscalerWorld, *, ago: float = 0) -> None:
    """The original writes its Lease."""
    at = (virtual_now() - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec: dict[str, Any] = {
        "holderIdentity": "original-0",
        "leaseDurationSeconds": 15,
        "acquireTime": at,
        "renewTime": at,
    }
    metadata = {"name": "cluster-autoscaler", "namespace": "kube-system"}
    found = [each for each in world.store.list(*LEASES) if each["metadata"]["name"] == "cluster-autoscaler"]
    if found:
        world.store.update(*LEASES, {**found[0], "spec": spec})
    else:
        world.store.create(*LEASES, {"metadata": metadata, "spec": spec})


class TestOriginal:
    async def test_while_it_leads_nothing_is_changed_or_told(self, world: AutoscalerWorld) -> None:
        original_leads(world)
        async with autoscaler(world) as made:
            for _ in range(6):
                await world.pass_by(seconds=5)
                original_leads(world)
            assert "original-0 of the original leads" in made.not_ready()
            assert made.last is not None
            assert [order.group for order in made.last.grow.orders] == ["a"]
        assert world.asked() == []
        assert world.events() == []
        assert [each["metadata"]["name"] for each in world.store.list("v1", "configmaps")] == []

    async def test_when_it_has_gone_the_work_begins(self, world: AutoscalerWorld) -> None:
        original_leads(world)
        async with autoscaler(world):
            await world.pass_by(seconds=10)
            assert world.asked() == []
            await world.reach(lambda: world.asked(), minutes=2)

    async def test_by_force_both_act(self, world: AutoscalerWorld) -> None:
        original_leads(world)
        async with autoscaler(world, "--force-take-over"):
            await world.reach(lambda: world.asked(), minutes=1)


class TestReplicas:
    async def test_one_of_two_acts_and_the_other_takes_over(self, world: AutoscalerWorld) -> None:
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(
                autoscaler(world, "--leader-elect", "--leader-elect-namespace=kube-system", replica="one")
            )
            await world.reach(lambda: world.asked())
            async with autoscaler(
                world, "--leader-elect", "--leader-elect-namespace=kube-system", replica="two"
            ) as second:
                await world.reach(lambda: world.is_settled("web"))
                assert (first.last is None, second.last is None) == (False, True)
                await stack.aclose()
                world.create(pod("later", cpu="1900m"))
                await world.reach(lambda: second.last)
                await world.reach(lambda: world.is_settled("later"))
        assert world.started("a") == 2


class TestSpot:
    """From a node that may be taken away at any time nothing is done."""

    async def run_on(self, world: AutoscalerWorld, monkeypatch: pytest.MonkeyPatch, **labels: str) -> None:
        """We run as a pod on a node with these labels."""
        world.add_group("own", desired=1, labels={key.replace("__", "/"): labels[key] for key in labels})
        await world.reach(lambda: world.node_names("own"))
        (name,) = world.node_names("own")
        world.create(pod("autoscaler-0", namespace="kube-system", nodeName=name))
        for key, value in {"POD_NAME": "autoscaler-0", "POD_NAMESPACE": "kube-system"}.items():
            monkeypatch.setenv(key, value)

    async def test_it_does_not_act_and_says_so(
        self, world: AutoscalerWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await self.run_on(world, monkeypatch, eks__x="y", lifecycle="Ec2Spot")
        async with autoscaler(world) as made:
            await world.pass_by(minutes=1)
            assert "lifecycle=Ec2Spot" in made.not_ready()
            assert [fault.reason for fault in made.faults()] == ["OnSpotNode"]
        assert world.asked(group="a") == []

    async def test_it_acts_where_it_is_told_to(
        self, world: AutoscalerWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await self.run_on(world, monkeypatch, lifecycle="Ec2Spot")
        async with autoscaler(world, "--allow-spot") as made:
            await world.reach(lambda: made.last)
            assert made.not_ready() == ""

    async def test_our_own_node_never_goes(
        self, world: AutoscalerWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await self.run_on(world, monkeypatch, lifecycle="normal")
        world.delete("web")
        flags = ("--scale-down-unneeded-time=1s", "--scan-interval=1s")
        async with autoscaler(world, *flags) as made:
            await world.pass_by(minutes=15)
            (name,) = world.node_names("own")
            said = [one.reason for one in made.decisions_on(f"node/{name}")]
        assert "OwnNode" in said
        assert world.desired("own") == 1
