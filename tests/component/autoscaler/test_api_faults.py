"""What the API server refuses, or answers late, costs what depends on it and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.sim.kubeapi.faults import Fault
from tests.support.as_daemons import QUICK, autoscaler
from tests.support.as_objects import pod
from tests.support.as_world import AutoscalerWorld, autoscaler_world

pytestmark = pytest.mark.virtual_time(threads=True)

GOING = "ToBeDeletedByClusterAutoscaler"
INTENTS = "aws-addons-autoscaler-intents"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        made.add_group("a")
        yield made


class TestReading:
    @pytest.mark.parametrize("kind", ["csinodes", "poddisruptionbudgets", "jobs", "persistentvolumeclaims"])
    async def test_without_the_right_to_one_kind_pods_get_nodes_and_no_node_goes(
        self, world: AutoscalerWorld, kind: str
    ) -> None:
        world.api.faults.add(Fault(resource=kind, status=403))
        world.create(pod("web"))
        async with autoscaler(world, *QUICK) as made:
            await world.reach(lambda: world.is_settled("web"))
            world.delete("web")
            await world.pass_by(minutes=5)
            assert kind in made.not_ready()
            assert kind in str(made.state()["removalsHeld"])
            assert [fault.about for fault in made.faults()] == [kind]
        assert world.desired("a") == 1

    @pytest.mark.parametrize(("ahead", "side"), [(130.0, "behind"), (-130.0, "ahead of")])
    async def test_while_the_clocks_differ_pods_get_nodes_and_no_node_goes(
        self, world: AutoscalerWorld, ahead: float, side: str
    ) -> None:
        world.api.clock_ahead = ahead
        world.create(pod("web"))
        async with autoscaler(world, *QUICK) as made:
            await world.reach(lambda: world.is_settled("web"))
            world.delete("web")
            await world.pass_by(minutes=5)
            assert f"the clock here is more than 2 min {side}" in str(made.state()["removalsHeld"])
            assert [fault.reason for fault in made.faults()] == ["ClocksDiffer"]
            assert world.desired("a") == 1
            world.api.clock_ahead = ahead / 3
            await world.reach(lambda: world.desired("a") == 0)
            assert list(made.faults()) == []

    @pytest.mark.parametrize("kind", ["pods", "nodes"])
    async def test_without_pods_or_nodes_nothing_is_decided(self, world: AutoscalerWorld, kind: str) -> None:
        world.api.faults.add(Fault(resource=kind, verb="list", status=403))
        world.api.faults.add(Fault(resource=kind, verb="watch", status=403))
        world.create(pod("web"))
        async with autoscaler(world) as made:
            await world.pass_by(minutes=5)
            assert kind in made.not_ready()
        assert world.asked() == []


class TestWriting:
    async def test_a_memory_that_cannot_be_written_keeps_no_pod_waiting(self, world: AutoscalerWorld) -> None:
        world.api.faults.add(Fault(resource="configmaps", status=403))
        world.create(pod("web"))
        async with autoscaler(world) as made:
            await world.reach(lambda: world.is_settled("web"))
            assert {fault.reason for fault in made.faults()} == {"MemoryLost", "Refused", "StatusNotWritten"}
        assert world.desired("a") == 1

    async def test_an_api_server_that_writes_slowly_delays_an_order_by_a_second_at_most(
        self, world: AutoscalerWorld
    ) -> None:
        async with autoscaler(world) as made:
            await world.reach(lambda: made.last)
            await world.pass_by(seconds=5)
            world.api.faults.add(Fault(resource="configmaps", latency=60.0))
            world.create(pod("web"))
            await world.pass_by(seconds=3)
            assert world.asked()

    async def test_a_memory_that_somebody_garbled_is_told_and_made_anew(self, world: AutoscalerWorld) -> None:
        world.create(
            {
                "metadata": {"name": INTENTS, "namespace": "kube-system"},
                "data": {"group.a": "{", "nodes": "7"},
            },
            kind="configmaps",
        )
        world.create(pod("web"))
        async with autoscaler(world) as made:
            await world.reach(lambda: world.is_settled("web"))
            await world.pass_by(minutes=1)
            assert list(made.faults()) == []
        notes = world.notes("MemoryLost")
        assert sorted(note.split()[0] for note in notes) == ["group.a", "nodes"]
        kept = world.store.get("v1", "configmaps", "kube-system", INTENTS)["data"]
        assert kept["group.a"].startswith('{"group":"a"')

    async def test_a_node_that_cannot_be_tainted_is_left_alone_and_rests(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("b", desired=1)
        await world.reach(lambda: world.node_names("b"))
        (name,) = world.node_names("b")
        world.api.faults.add(Fault(resource="nodes", verb="patch", status=403))
        async with autoscaler(world, *QUICK) as made:
            await world.reach(lambda: world.events("ScaleDownFailed", name))
            failed = len(world.events("ScaleDownFailed", name))
            await world.pass_by(minutes=1)
            assert len(world.events("ScaleDownFailed", name)) == failed
            assert name in made.failures
            said = [one.reason for one in made.decisions_on(f"node/{name}")]
        assert "RecentlyFailed" in said
        assert world.desired("b") == 1

    async def test_events_that_cannot_be_written_stop_nothing(self, world: AutoscalerWorld) -> None:
        world.api.faults.add(Fault(resource="events", status=403))
        world.create(pod("web"))
        async with autoscaler(world):
            await world.reach(lambda: world.is_settled("web"))
