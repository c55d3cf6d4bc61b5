"""The removal of nodes, from taint to the end of the instance, or back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from addons.autoscaler import names
from addons.autoscaler.model.drains import OTHERS_SECONDS, Drained, DrainNote, read_note
from addons.autoscaler.model.plans import WhyNot
from addons.runtime.errors import Denied, Throttled, Withheld
from addons.runtime.permit import CACHES_STALE, LEASE_ENDING, STOPPING, Permit
from addons.sim.cluster.kubelets import STOP_SECONDS
from addons.sim.kubeapi.faults import Fault
from tests.support.as_drains import DrainWorld, drain_world
from tests.support.as_objects import Object, budget, daemon_set, pod, replica_set
from tests.support.permits import PERMIT
from tests.support.until import until
from tests.support.virtual import virtual_now

pytestmark = pytest.mark.virtual_time


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[DrainWorld]:
    """A node to be removed; others come where a test wants them."""
    async with drain_world(tmp_path) as made:
        made.add_node("n1")
        await until(lambda: made.seen_node("n1"))
        yield made


async def run_pods(world: DrainWorld, count: int, name: str = "web", **more: Any) -> None:
    """Pods of a ReplicaSet that run on n1; then a second node comes, for those that take their place."""
    world.store.create("apps/v1", "replicasets", replica_set(name, count, **more))
    await until(lambda: sum(each.is_ready for each in world.seen_pods("n1")) >= count)
    if world.seen_node("n2") is None:
        world.add_node("n2")
        await until(lambda: world.seen_node("n2"))


def time() -> float:
    return asyncio.get_running_loop().time()


def code(drained: Drained) -> str:
    return drained.why.code if drained.why else ""


def is_given_back(world: DrainWorld) -> bool:
    return not (world.taints("n1") or world.is_cordoned("n1") or world.note("n1"))


class TestDone:
    async def test_an_empty_node_is_tainted_and_ended_when_the_scheduler_has_seen_it(
        self, world: DrainWorld
    ) -> None:
        drained = await world.removed("n1", delay_after_taint=5)
        assert drained.ended == "done"
        assert [instance for instance, _ in world.terminated] == ["i-n1"]
        assert 5 <= drained.seconds < 6
        assert names.TO_BE_DELETED in world.taints("n1")
        assert world.is_cordoned("n1")

    async def test_pods_have_moved_before(self, world: DrainWorld) -> None:
        await run_pods(world, 3)
        drained = await world.removed("n1")
        assert drained.ended == "done"
        assert len(drained.evicted) == 3
        assert not world.pods_on("n1")
        await until(lambda: len(world.pods_on("n2")) == 3)

    async def test_it_takes_no_longer_than_the_pods_do(self, world: DrainWorld) -> None:
        await run_pods(world, 3, annotations={STOP_SECONDS: "4"})
        drained = await world.removed("n1", delay_after_taint=5)
        assert 9 <= drained.seconds < 10

    async def test_the_stage_stands_on_the_node(self, world: DrainWorld) -> None:
        await run_pods(world, 1, annotations={STOP_SECONDS: "20"})
        drains = world.drains()
        drains.start(world.drain("n1"), PERMIT)
        seen: list[str] = []
        while drains.under_way:
            note = read_note(world.note("n1"))
            stage = note.stage if note else ""
            if not seen or seen[-1] != stage:
                seen.append(stage)
            await asyncio.sleep(0.01)
        assert seen[-3:] == ["taint", "evict", "end"] or seen[-2:] == ["taint", "evict"]
        note = read_note(world.note("n1"))
        assert note
        assert (note.stage, note.why, note.instance, note.group) == ("end", "not needed", "i-n1", "g")

    async def test_static_pods_are_not_waited_for(self, world: DrainWorld) -> None:
        static = pod("static", annotations={names.MIRROR: "x"}, nodeName="n1")
        world.store.create("v1", "pods", static)
        await until(lambda: world.seen_pods("n1"))
        drained = await world.removed("n1")
        assert (drained.ended, drained.evicted) == ("done", ())

    async def test_daemonset_pods_are_evicted_last_and_not_waited_for(self, world: DrainWorld) -> None:
        world.store.create("apps/v1", "daemonsets", daemon_set("agent"))
        await until(lambda: world.seen_pods("n1"))
        drained = await world.removed("n1")
        assert (drained.ended, drained.evicted) == ("done", ())
        assert world.evictions() == 1

    async def test_daemonset_pods_of_an_empty_node_end_with_it(self, world: DrainWorld) -> None:
        world.store.create("apps/v1", "daemonsets", daemon_set("agent"))
        await until(lambda: world.seen_pods("n1"))
        drains = world.drains()
        drains.start(world.drain("n1", is_empty=True), PERMIT)
        await drains.settled()
        assert world.evictions() == 0

    async def test_an_annotation_delays_the_end(self, world: DrainWorld) -> None:
        world.annotate("n1", **{names.DELAY_DELETION + "volumes": "true"})
        drains = world.drains()
        drains.start(world.drain("n1"), PERMIT)
        await asyncio.sleep(30)
        assert not world.terminated
        world.annotate("n1", **{names.DELAY_DELETION + "volumes": None})
        await drains.settled()
        assert 30 <= world.terminated[0][1] < 33

    async def test_for_a_time(self, world: DrainWorld) -> None:
        world.annotate("n1", **{names.DELAY_DELETION + "volumes": "true"})
        drained = await world.removed("n1", delay_after_taint=5, deletion_delay=120)
        assert drained.ended == "done"
        assert 125 <= drained.seconds < 127

    async def test_nodes_do_not_wait_for_each_other(self, world: DrainWorld) -> None:
        await run_pods(world, 1, annotations={STOP_SECONDS: "25"})
        drains = world.drains()
        drains.start(world.drain("n1"), PERMIT)
        drains.start(world.drain("n2"), PERMIT)
        await until(lambda: world.drained)
        assert [each.drain.node for each in world.drained] == ["n2"]
        assert drains.stages == {"n1": "evict"}
        await drains.settled()

    async def test_a_node_is_removed_once(self, world: DrainWorld) -> None:
        drains = world.drains()
        assert drains.start(world.drain("n1"), PERMIT)
        assert not drains.start(world.drain("n1"), PERMIT)
        assert drains.under_way == {"n1"}
        await drains.settled()
        assert len(world.terminated) == 1


class TestBudgets:
    async def test_pods_under_one_budget_go_one_after_the_other(self, world: DrainWorld) -> None:
        """Each ends after 40 s, so that the last one's turn comes when the original has given up."""
        await run_pods(world, 4, annotations={STOP_SECONDS: "40"}, terminationGracePeriodSeconds=60)
        world.store.create("policy/v1", "poddisruptionbudgets", budget("web", maxUnavailable=1))
        await until(lambda: world.budget_left("web").get("disruptionsAllowed") == 1)
        drained = await world.removed("n1", eviction_seconds=60)
        assert drained.ended == "done"
        assert len(drained.evicted) == 4

    async def test_a_budget_that_allows_none_gives_the_node_back(self, world: DrainWorld) -> None:
        await run_pods(world, 1)
        world.store.create("policy/v1", "poddisruptionbudgets", budget("web", minAvailable=1))
        await until(lambda: world.budget_left("web").get("disruptionsAllowed") == 0)
        drained = await world.removed("n1", eviction_seconds=60)
        assert (drained.ended, code(drained)) == ("failed", names.BLOCKED_BUDGET)
        assert is_given_back(world)
        assert not world.terminated

    async def test_a_pod_that_is_not_ready_holds_up_nothing_while_enough_others_are(
        self, world: DrainWorld
    ) -> None:
        await run_pods(world, 2)
        world.store.create("policy/v1", "poddisruptionbudgets", budget("web", minAvailable=2))
        world.add_node("n3")
        world.store.create("v1", "pods", pod("sick", labels={"app": "web"}, nodeName="n3"))
        (sick,) = await until(lambda: [each for each in world.seen_pods("n3") if each.is_ready])
        found = world.store.get("v1", "pods", "default", sick.name)
        found["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        world.store.update("v1", "pods", found)
        await until(lambda: world.budget_left("web").get("disruptionsAllowed") == 0)
        drained = await world.removed("n3")
        assert (drained.ended, [str(each) for each in drained.evicted]) == ("done", ["default/sick"])

    async def test_several_budgets_give_it_back_at_once(self, world: DrainWorld) -> None:
        await run_pods(world, 1)
        for name in ("one", "two"):
            world.store.create("policy/v1", "poddisruptionbudgets", budget(name, app="web", minAvailable=0))
        drained = await world.removed("n1", delay_after_taint=5)
        assert code(drained) == names.BLOCKED_SEVERAL_BUDGETS
        assert drained.seconds < 6
        assert is_given_back(world)


class TestGivenBack:
    async def test_a_node_that_is_needed_after_all(self, world: DrainWorld) -> None:
        await run_pods(world, 1)
        world.kept_after_all["n1"] = WhyNot(names.NO_PLACE_TO_MOVE, "pod x fits on no other node")
        drained = await world.removed("n1")
        assert (drained.ended, code(drained)) == ("failed", names.NO_PLACE_TO_MOVE)
        assert is_given_back(world)
        assert world.evictions() == 0

    async def test_a_pod_that_outlives_its_grace_is_named(self, world: DrainWorld) -> None:
        await run_pods(world, 1)
        held = world.store.list("v1", "pods")[0]
        held["metadata"]["finalizers"] = ["example.org/hold"]
        world.store.update("v1", "pods", held)
        drained = await world.removed("n1")
        assert (drained.ended, code(drained)) == ("failed", names.POD_OUTLIVES_GRACE)
        assert drained.why
        assert drained.why.about == f"default/{held['metadata']['name']}"
        assert 60 <= drained.seconds < 70
        assert is_given_back(world)
        world.remove_pod_finalizers()

    async def test_one_of_a_node_that_is_silent_is_not_waited_for(self, world: DrainWorld) -> None:
        await run_pods(world, 1)

        def silence(node: Object) -> None:
            node["status"]["conditions"][0]["status"] = "Unknown"

        world.change_node("n1", silence)
        drains = world.drains()
        drains.start(world.drain("n1", is_dead=True), PERMIT)
        await drains.settled()
        assert world.drained[-1].ended == "done"

    async def test_the_others_are_not_sent_away_then(self, world: DrainWorld) -> None:
        await run_pods(world, 1, "one")
        world.store.create("apps/v1", "replicasets", replica_set("two", 1, nodeName="n1"))
        await until(lambda: len([each for each in world.seen_pods("n1") if each.is_ready]) == 2)
        world.store.create("policy/v1", "poddisruptionbudgets", budget("two", minAvailable=1))
        for name in ("a", "b"):
            world.store.create("policy/v1", "poddisruptionbudgets", budget(name, app="one", minAvailable=0))
        drained = await world.removed("n1", eviction_seconds=300)
        assert code(drained) == names.BLOCKED_SEVERAL_BUDGETS
        assert len(world.pods_on("n1")) == 2

    async def test_an_instance_that_aws_does_not_end(self, world: DrainWorld) -> None:
        world.termination_errors.append(Denied("not authorized"))
        drained = await world.removed("n1")
        assert (drained.ended, code(drained)) == ("failed", names.TERMINATION_FAILED)
        assert is_given_back(world)

    async def test_aws_is_asked_again_when_it_was_asked_too_often(self, world: DrainWorld) -> None:
        world.termination_errors += [Throttled("rate exceeded")] * 3
        assert (await world.removed("n1")).ended == "done"

    async def test_a_cordon_of_somebody_else_stays(self, world: DrainWorld) -> None:
        world.change_node("n1", lambda node: node["spec"].update(unschedulable=True))
        world.kept_after_all["n1"] = WhyNot(names.NO_PLACE_TO_MOVE, "pod x fits on no other node")
        await world.removed("n1")
        assert world.is_cordoned("n1")
        assert not world.taints("n1")

    async def test_a_node_that_is_gone_is_no_matter(self, world: DrainWorld) -> None:
        drain = world.drain("n1")
        world.store.delete("v1", "nodes", "", "n1")
        drains = world.drains()
        drains.start(drain, PERMIT)
        await drains.settled()
        assert (world.drained[-1].ended, code(world.drained[-1])) == ("failed", names.NODE_REPLACED)
        assert not world.terminated

    async def test_a_note_that_cannot_be_written_holds_up_nothing(self, world: DrainWorld) -> None:
        await run_pods(world, 1)
        drains = world.drains()
        drains.start(world.drain("n1"), PERMIT)
        await until(lambda: names.TO_BE_DELETED in world.taints("n1"))
        world.api.faults.add(Fault(verb="patch", resource="nodes", status=503))
        await drains.settled()
        assert world.drained[-1].ended == "done"

    async def test_what_cannot_be_written_is_tried_again(self, world: DrainWorld) -> None:
        world.kept_after_all["n1"] = WhyNot(names.NO_PLACE_TO_MOVE, "pod x fits on no other node")
        drains = world.drains()
        drains.start(world.drain("n1"), PERMIT)
        await until(lambda: names.TO_BE_DELETED in world.taints("n1"))
        world.api.faults.add(Fault(verb="patch", resource="nodes", status=503, times=2))
        await drains.settled()
        assert is_given_back(world)


class TestPermission:
    async def test_a_stop_leaves_taint_and_annotation(self, world: DrainWorld) -> None:
        await run_pods(world, 1, annotations={STOP_SECONDS: "25"})
        stopping = asyncio.Event()
        drains = world.drains()
        running = asyncio.create_task(drains.run(stopping))
        drains.start(world.drain("n1"), Permit(stopping))
        await until(lambda: drains.stages.get("n1") == "evict")
        began = time()
        stopping.set()
        await running
        assert time() - began < 1
        assert (world.drained[-1].ended, code(world.drained[-1])) == ("left", STOPPING)
        assert names.TO_BE_DELETED in world.taints("n1")
        assert world.note("n1")

    async def test_without_the_lease_nothing_is_sent(self, world: DrainWorld) -> None:
        await run_pods(world, 1)
        left = [60.0]
        drains = world.drains(delay_after_taint=5)
        drains.start(world.drain("n1"), Permit(asyncio.Event(), lease_left=lambda: left[0]))
        await until(lambda: names.TO_BE_DELETED in world.taints("n1"))
        left[0] = 0.0
        sent = len(world.api.requests)
        await drains.settled()
        writes = [each for each in world.api.requests[sent:] if each.verb not in ("get", "list", "watch")]
        assert (world.drained[-1].ended, code(world.drained[-1])) == ("left", LEASE_ENDING)
        assert not [each for each in writes if each.resource == "nodes" or each.subresource == "eviction"]
        assert not world.terminated

    async def test_stale_caches_are_waited_for(self, world: DrainWorld) -> None:
        stale = ["pods were not heard of for 90 s"]
        drains = world.drains()
        drains.start(world.drain("n1"), Permit(asyncio.Event(), stale=lambda: stale[0]))
        await asyncio.sleep(60)
        assert not world.taints("n1")
        stale[0] = ""
        await drains.settled()
        assert world.drained[-1].ended == "done"

    async def test_an_end_that_was_withheld_is_asked_for_again(self, world: DrainWorld) -> None:
        world.termination_errors += [Withheld("caches are stale", code=CACHES_STALE)] * 9
        assert (await world.removed("n1")).ended == "done"

    async def test_a_fault_of_our_own_ends_the_daemon(self, world: DrainWorld) -> None:
        drains, stopping = world.drains(), asyncio.Event()
        world.terminated = None  # type: ignore[assignment]
        running = asyncio.create_task(drains.run(stopping))
        drains.start(world.drain("n1"), PERMIT)
        with pytest.raises(AttributeError):
            await running


class TestResumed:
    """Another process goes on with what stands on the nodes."""

    async def left(self, world: DrainWorld, stage: str = "evict") -> None:
        """A process that was stopped in mid-drain."""
        await run_pods(world, 2, annotations={STOP_SECONDS: "25"})
        stopping = asyncio.Event()
        drains = world.drains()
        drains.start(world.drain("n1"), Permit(stopping))
        await until(lambda: drains.stages.get("n1") == stage)
        stopping.set()
        drains.changed("n1")
        await drains.settled()
        await until(lambda: (found := world.seen_node("n1")) and found.drain)

    async def test_it_is_gone_on_with(self, world: DrainWorld) -> None:
        await self.left(world)
        drains = world.drains()
        (resumed,) = drains.sweep(world.seen_nodes(), PERMIT)
        assert (resumed.node, resumed.instance, resumed.group) == ("n1", "i-n1", "g")
        await drains.settled()
        assert world.drained[-1].ended == "done"
        assert [instance for instance, _ in world.terminated] == ["i-n1"]

    async def test_once(self, world: DrainWorld) -> None:
        await self.left(world)
        drains = world.drains()
        assert drains.sweep(world.seen_nodes(), PERMIT)
        assert not drains.sweep(world.seen_nodes(), PERMIT)
        await drains.settled()
        assert not drains.sweep(world.seen_nodes(), PERMIT)

    async def test_it_is_looked_at_again_before(self, world: DrainWorld) -> None:
        await self.left(world)
        world.kept_after_all["n1"] = WhyNot(names.NO_PLACE_TO_MOVE, "pod x fits on no other node")
        drains = world.drains()
        drains.sweep(world.seen_nodes(), PERMIT)
        await drains.settled()
        assert world.drained[-1].ended == "failed"
        assert is_given_back(world)

    async def test_one_whose_pods_were_gone_is_ended_without_another_look(self, world: DrainWorld) -> None:
        now = virtual_now().timestamp()
        note = DrainNote(
            why="not needed", since=now, stage="end", at=now, instance="i-n1", group="g", cordoned=True
        )
        await world.tools().taints.mark_going("n1", "", note, cordons=True, permit=PERMIT)
        world.kept_after_all["n1"] = WhyNot(names.NO_PLACE_TO_MOVE, "pod x fits on no other node")
        await until(lambda: (found := world.seen_node("n1")) and found.drain)
        drains = world.drains()
        drains.sweep(world.seen_nodes(), PERMIT)
        await drains.settled()
        assert world.terminated

    async def test_an_old_one_is_undone_and_told(self, world: DrainWorld) -> None:
        await self.left(world)
        await asyncio.sleep(700)
        drains = world.drains()
        assert not drains.sweep(world.seen_nodes(), PERMIT)
        await drains.settled()
        assert (world.drained[-1].ended, code(world.drained[-1])) == ("undone", names.DRAIN_ABANDONED)
        assert is_given_back(world)
        assert not world.terminated

    async def test_one_of_another_program_is_left_to_it_as_long_as_it_goes_on(
        self, world: DrainWorld
    ) -> None:
        now = virtual_now().timestamp()
        note = DrainNote(
            why="no cell",
            since=now,
            stage="evict",
            at=now,
            instance="i-n1",
            group="a",
            cordoned=True,
            by="matrix prune",
        )
        await world.tools().taints.mark_going("n1", "", note, cordons=True, permit=PERMIT)
        await until(lambda: (found := world.seen_node("n1")) and found.drain)
        drains = world.drains()
        await asyncio.sleep(OTHERS_SECONDS - 10)
        assert not drains.sweep(world.seen_nodes(), PERMIT)
        assert not drains.under_way
        await asyncio.sleep(20)
        assert not drains.sweep(world.seen_nodes(), PERMIT, rolled={"a"})
        assert not drains.under_way
        assert not drains.sweep(world.seen_nodes(), PERMIT)
        await drains.settled()
        assert world.drained[-1].ended == "undone"
        assert is_given_back(world)
        assert not world.terminated

    async def test_what_the_original_left_is_undone_after_a_time(self, world: DrainWorld) -> None:
        since = int(virtual_now().timestamp())

        def leave(node: Object) -> None:
            taint = {"key": names.TO_BE_DELETED, "value": str(since), "effect": "NoSchedule"}
            node["spec"].update(unschedulable=True, taints=[taint])

        world.change_node("n1", leave)
        await until(lambda: (found := world.seen_node("n1")) and found.to_be_deleted_since)
        drains = world.drains()
        drains.sweep(world.seen_nodes(), PERMIT)
        assert not drains.under_way
        await asyncio.sleep(601)
        drains.sweep(world.seen_nodes(), PERMIT)
        await drains.settled()
        assert is_given_back(world)

    async def test_nodes_without_marks_are_left_alone(self, world: DrainWorld) -> None:
        drains = world.drains()
        assert not drains.sweep(world.seen_nodes(), PERMIT)
        assert not drains.under_way


class TestDeadline:
    """An interruption: the instance goes, whatever still runs on it."""

    async def interrupted(self, world: DrainWorld, seconds: float = 120.0) -> Drained:
        drains = world.drains()
        deadline = virtual_now().timestamp() + seconds
        drains.start(world.drain("n1", deadline=deadline), PERMIT)
        await drains.settled()
        return world.drained[-1]

    async def test_pods_are_sent_away_at_once(self, world: DrainWorld) -> None:
        await run_pods(world, 2)
        drained = await self.interrupted(world)
        assert drained.ended == "done"
        assert len(drained.evicted) == 2
        assert drained.seconds < 4

    async def test_nothing_gives_the_node_back(self, world: DrainWorld) -> None:
        await run_pods(world, 1)
        world.store.create("policy/v1", "poddisruptionbudgets", budget("web", minAvailable=1))
        await until(lambda: world.budget_left("web").get("disruptionsAllowed") == 0)
        drained = await self.interrupted(world)
        assert drained.ended == "done"
        assert 119 <= drained.seconds < 121

    async def test_a_pod_that_cannot_be_evicted_runs_until_the_deadline(self, world: DrainWorld) -> None:
        await run_pods(world, 1)
        for name in ("one", "two"):
            world.store.create("policy/v1", "poddisruptionbudgets", budget(name, app="web", minAvailable=0))
        drained = await self.interrupted(world, 60)
        assert drained.ended == "done"
        assert 59 <= drained.seconds < 61

    async def test_a_node_that_cannot_be_marked_is_emptied_all_the_same(self, world: DrainWorld) -> None:
        await run_pods(world, 2)
        world.api.faults.add(Fault(verb="patch", resource="nodes", status=503))
        drained = await self.interrupted(world)
        assert drained.ended == "done"
        assert len(drained.evicted) == 2

    async def test_graces_are_cut_to_what_is_left(self, world: DrainWorld) -> None:
        await run_pods(world, 1, annotations={STOP_SECONDS: "500"}, terminationGracePeriodSeconds=600)
        drained = await self.interrupted(world, 100)
        assert drained.ended == "done"
        assert drained.seconds < 101

    async def test_a_removal_under_way_is_hurried(self, world: DrainWorld) -> None:
        await run_pods(world, 1)
        world.store.create("policy/v1", "poddisruptionbudgets", budget("web", minAvailable=1))
        await until(lambda: world.budget_left("web").get("disruptionsAllowed") == 0)
        drains = world.drains(eviction_seconds=600)
        drains.start(world.drain("n1"), PERMIT)
        await until(lambda: drains.stages.get("n1") == "evict")
        deadline = virtual_now().timestamp() + 60
        assert not drains.start(world.drain("n1", deadline=deadline), PERMIT)
        began = time()
        await drains.settled()
        assert world.drained[-1].ended == "done"
        assert 59 <= time() - began < 61
