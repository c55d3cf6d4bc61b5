"""What is written on nodes, and that nothing of anybody else's is lost by it."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from addons.autoscaler import names
from addons.autoscaler.kube.taints import Taints
from addons.autoscaler.model.drains import DrainNote, read_note
from addons.runtime.errors import Conflict, NotFound, Withheld
from addons.runtime.permit import Permit
from addons.sim.kubeapi.faults import Fault
from tests.support.as_drains import DrainWorld, drain_world
from tests.support.as_objects import Object
from tests.support.permits import PERMIT

pytestmark = pytest.mark.virtual_time

FOREIGN = {
    "key": "node.kubernetes.io/unreachable",
    "value": "",
    "effect": "NoExecute",
    "timeAdded": "2026-01-02T03:04:05Z",
}
NOTE = DrainNote(why="not needed", since=1000.0, stage="taint", at=1000.0)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[DrainWorld]:
    async with drain_world(tmp_path) as made:
        made.add_node("n1", taints=(FOREIGN,))
        yield made


def uid(world: DrainWorld) -> str:
    return str(world.node("n1")["metadata"]["uid"])


def spec(world: DrainWorld) -> Object:
    found: Object = world.node("n1")["spec"]
    return found


async def mark(world: DrainWorld, *, cordons: bool = True) -> DrainNote:
    return await Taints(world.kube).mark_going("n1", uid(world), NOTE, cordons=cordons, permit=PERMIT)


async def give_back(world: DrainWorld) -> None:
    await Taints(world.kube).give_back("n1", uid(world), PERMIT)


class TestSoftTaint:
    async def test_it_says_since_when_a_node_is_not_needed(self, world: DrainWorld) -> None:
        await Taints(world.kube).mark_unneeded("n1", uid(world), 1234.5, PERMIT)
        soft = {"key": names.DELETION_CANDIDATE, "value": "1234", "effect": "PreferNoSchedule"}
        assert spec(world)["taints"] == [FOREIGN, soft]

    async def test_the_same_again_writes_nothing(self, world: DrainWorld) -> None:
        taints = Taints(world.kube)
        await taints.mark_unneeded("n1", uid(world), 1234.5, PERMIT)
        version = world.node("n1")["metadata"]["resourceVersion"]
        await taints.mark_unneeded("n1", uid(world), 1234.5, PERMIT)
        assert world.node("n1")["metadata"]["resourceVersion"] == version

    async def test_it_is_taken_away(self, world: DrainWorld) -> None:
        taints = Taints(world.kube)
        await taints.mark_unneeded("n1", uid(world), 1234.5, PERMIT)
        await taints.mark_needed("n1", uid(world), PERMIT)
        assert spec(world)["taints"] == [FOREIGN]


class TestMarks:
    async def test_taint_cordon_and_annotation_are_one_patch(self, world: DrainWorld) -> None:
        before = len([each for each in world.api.requests if each.verb == "patch"])
        await mark(world)
        assert len([each for each in world.api.requests if each.verb == "patch"]) == before + 1
        assert world.taints("n1")[names.TO_BE_DELETED] == "1000"
        assert world.is_cordoned("n1")
        note = read_note(world.note("n1"))
        assert note
        assert note.cordoned

    async def test_nothing_is_left_of_them_afterwards(self, world: DrainWorld) -> None:
        before = world.node("n1")["spec"]
        await mark(world)
        await give_back(world)
        assert world.node("n1")["spec"] == before
        assert not world.note("n1")

    async def test_a_cordon_of_somebody_else_stays(self, world: DrainWorld) -> None:
        world.change_node("n1", lambda node: node["spec"].update(unschedulable=True))
        assert not (await mark(world)).cordoned
        await give_back(world)
        assert world.is_cordoned("n1")

    async def test_a_node_that_was_marked_before_is_still_cordoned_by_us(self, world: DrainWorld) -> None:
        await mark(world)
        assert (await mark(world)).cordoned

    async def test_without_a_cordon_there_is_only_the_taint(self, world: DrainWorld) -> None:
        await mark(world, cordons=False)
        assert not world.is_cordoned("n1")

    async def test_what_the_original_left_is_taken_away_with_its_cordon(self, world: DrainWorld) -> None:
        def leave(node: Object) -> None:
            taint = {"key": names.TO_BE_DELETED, "value": "1", "effect": "NoSchedule"}
            node["spec"].update(unschedulable=True, taints=[taint])

        world.change_node("n1", leave)
        await give_back(world)
        assert not world.taints("n1")
        assert not world.is_cordoned("n1")

    async def test_a_node_without_marks_is_not_written(self, world: DrainWorld) -> None:
        world.change_node("n1", lambda node: node["spec"].update(unschedulable=True))
        version = world.node("n1")["metadata"]["resourceVersion"]
        await give_back(world)
        assert world.node("n1")["metadata"]["resourceVersion"] == version


class TestOthers:
    """Others change taints at the same time."""

    async def test_no_change_is_lost(self, world: DrainWorld) -> None:
        def add(node: Object, key: str) -> None:
            node["spec"]["taints"].append({"key": key, "value": "", "effect": "NoSchedule"})

        async def others() -> None:
            for number in range(4):
                world.change_node("n1", partial(add, key=f"other-{number}"))
                await asyncio.sleep(0.001)

        world.api.faults.add(Fault(verb="patch", resource="nodes", latency=0.002, times=3))
        await asyncio.gather(mark(world), others())
        keys = {FOREIGN["key"], names.TO_BE_DELETED, *(f"other-{number}" for number in range(4))}
        assert set(world.taints("n1")) == keys

    async def test_a_conflict_is_tried_again_with_what_the_node_is_then(self, world: DrainWorld) -> None:
        world.api.faults.add(Fault(verb="patch", resource="nodes", status=409, times=2))
        await mark(world)
        assert names.TO_BE_DELETED in world.taints("n1")

    async def test_but_not_for_ever(self, world: DrainWorld) -> None:
        world.api.faults.add(Fault(verb="patch", resource="nodes", status=409))
        with pytest.raises(Conflict):
            await mark(world)

    async def test_another_node_of_the_same_name_is_left_alone(self, world: DrainWorld) -> None:
        old = uid(world)
        world.store.delete("v1", "nodes", "", "n1")
        world.add_node("n1")
        with pytest.raises(NotFound):
            await Taints(world.kube).mark_going("n1", old, NOTE, cordons=True, permit=PERMIT)
        assert not world.taints("n1")

    async def test_without_permission_nothing_is_written(self, world: DrainWorld) -> None:
        stopping = asyncio.Event()
        stopping.set()
        with pytest.raises(Withheld):
            await Taints(world.kube).mark_unneeded("n1", uid(world), 1.0, Permit(stopping))
        assert spec(world)["taints"] == [FOREIGN]
