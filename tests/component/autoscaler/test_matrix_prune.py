"""Groups that no cell asks for go: never without a word, and drained under budgets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.controller.matrix_commands import Asked, execute
from addons.autoscaler.controller.matrix_prune import Pruned
from addons.runtime.permit import Permit
from tests.support.as_daemons import QUICK, autoscaler
from tests.support.as_objects import budget
from tests.support.as_prune import NEW, OLD, PruneSite, tags
from tests.support.as_world import POLICY, autoscaler_world, other_cluster

pytestmark = pytest.mark.virtual_time(threads=True)

DISCOVERY = "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/prod"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[PruneSite]:
    async with autoscaler_world(tmp_path) as world:
        yield PruneSite(world)


class TestGoing:
    async def test_a_removed_cell_drains_and_goes(self, site: PruneSite) -> None:
        await site.fill(4)
        site.world.create_budgets(budget("web", maxUnavailable=1))
        pruning_task = asyncio.create_task(site.prune())
        fewest = 4
        while not pruning_task.done():
            await asyncio.sleep(1)
            fewest = min(fewest, len(site.world.running("web")))
        told = pruning_task.result()
        assert told[-1] == Pruned(OLD, "deleted")
        assert fewest >= 3
        assert site.stacks == {NEW: "CREATE_COMPLETE"}
        assert len(site.world.node_names()) == 1
        assert OLD not in site.world.autoscaling.groups
        await site.world.reach(lambda: site.world.is_settled("web"))

    async def test_no_pod_moves_from_one_node_that_goes_to_the_next(self, site: PruneSite) -> None:
        await site.fill(6)
        await site.prune()
        await site.world.reach(lambda: site.world.is_settled("web"))
        assert site.evictions() == 6

    async def test_instances_without_nodes_go_and_no_hook_waits_in_vain(self, site: PruneSite) -> None:
        site.world.truth(OLD).joins = False
        await site.apply("old, new")
        site.world.ask("SetDesiredCapacity", AutoScalingGroupName=OLD, DesiredCapacity=3)
        await site.world.reach(lambda: len(site.world.members(OLD)) == 3)
        assert (await site.prune())[-1] == Pruned(OLD, "deleted")
        assert len([each for each in site.world.asked("CompleteLifecycleAction") if not each.error]) == 3

    async def test_a_group_of_somebody_else_under_the_name_of_a_stack_that_was_undone_stays(
        self, site: PruneSite
    ) -> None:
        site.world.add_group(OLD, desired=2)
        assert {each.name: each.result for each in await site.apply("old, new")}[OLD] == "failed"
        await site.world.reach(lambda: len(site.world.node_names(OLD)) == 2)
        assert await site.prune() == [Pruned(OLD, "deleted")]
        assert (len(site.world.members(OLD)), site.evictions()) == (2, 0)
        assert not [each for each in site.world.nodes() if "annotations" in each["metadata"]]

    async def test_nothing_grows_there_meanwhile_and_a_daemon_stays_away(self, site: PruneSite) -> None:
        await site.fill(4)
        async with autoscaler(site.world, *QUICK, DISCOVERY):
            told = await site.prune()
            await site.world.pass_by(minutes=5)
        assert told[-1] == Pruned(OLD, "deleted")
        assert site.stacks == {NEW: "CREATE_COMPLETE"}
        assert site.world.is_settled("web")
        assert site.world.notes(names.DRAIN_RESUMED) == []


class TestFailing:
    async def test_a_spent_budget_keeps_the_stack_and_the_next_run_goes_on(self, site: PruneSite) -> None:
        await site.fill(2)
        site.world.create_budgets(budget("web", maxUnavailable=0))
        told = await site.prune()
        assert told[-1].result == "failed"
        assert "budget" in told[-1].why
        assert len(site.world.running("web")) == 2
        assert OLD in site.stacks
        found = site.world.store.get(POLICY, "poddisruptionbudgets", "default", "web")
        found["spec"]["maxUnavailable"] = 1
        site.world.store.update(POLICY, "poddisruptionbudgets", found)
        assert (await site.prune())[-1] == Pruned(OLD, "deleted")

    async def test_no_pod_is_evicted_for_instances_that_a_minimum_keeps(self, site: PruneSite) -> None:
        await site.fill(2)
        site.world.aws.cloudformation.fail_resource(OLD, "Group", "no", verbs=["update"], times=2)
        assert (await site.prune())[-1].result == "failed"
        assert site.stacks[OLD] == "UPDATE_ROLLBACK_FAILED"
        (told,) = await site.prune()
        assert told.why.startswith("nothing is drained, as its stack is in UPDATE_ROLLBACK_FAILED")
        assert told.why.endswith(f"--auto-scaling-group-name {OLD} --min-size 0`")
        assert site.evictions() == 0
        site.world.ask("UpdateAutoScalingGroup", AutoScalingGroupName=OLD, MinSize=0)
        assert (await site.prune())[-1] == Pruned(OLD, "deleted")

    @pytest.mark.parametrize("seconds", [1, 4, 8, 12, 20, 40])
    async def test_a_killed_run_goes_on_with_the_next(self, site: PruneSite, seconds: float) -> None:
        await site.fill(4)
        killed = asyncio.create_task(site.prune())
        await asyncio.sleep(seconds)
        killed.cancel()
        await asyncio.wait([killed])
        told = await site.prune()
        assert told == [] or told[-1] == Pruned(OLD, "deleted")
        assert site.stacks == {NEW: "CREATE_COMPLETE"}
        await site.world.reach(lambda: site.world.is_settled("web"))

    async def test_a_stop_leaves_the_rest(self, site: PruneSite) -> None:
        await site.fill(4)
        stopping = asyncio.Event()
        asyncio.get_running_loop().call_later(10, stopping.set)
        told = await site.prune(Permit(stopping))
        assert told[-1].result == "left"
        assert OLD in site.stacks

    async def test_a_cell_that_comes_back_is_as_it_was(self, site: PruneSite) -> None:
        await site.fill(2)
        site.world.create_budgets(budget("web", maxUnavailable=0))
        await site.prune()
        assert site.world.group(OLD).least == 0
        assert names.TAG_PREFIX + "enabled" not in tags(site.world, OLD)
        assert [(each.name, each.result) for each in await site.apply("old, new")] == [(OLD, "updated")]
        assert site.world.group(OLD).least == 1
        assert tags(site.world, OLD)[names.TAG_PREFIX + "enabled"] == "true"


class TestGuards:
    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ({}, "more than 30 % needs --most 67"),
            ({"most": 70.0}, "1 stack with 2 instances would go: that needs --yes"),
        ],
    )
    async def test_nothing_goes_without_a_word(
        self, site: PruneSite, asked: dict[str, float], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await site.fill(1)
        file = site.file("new")
        assert await execute(Asked("prune", file, **asked), site.config) == 3  # type: ignore[arg-type]
        assert said in capsys.readouterr().err
        assert site.stacks[OLD] == "CREATE_COMPLETE"
        assert site.evictions() == 0

    async def test_a_matrix_that_is_excluded_whole_goes_whole(
        self, site: PruneSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await site.apply("old, new")
        await site.world.reach(lambda: len(site.world.node_names()) == 2)
        file = Path(site.file("old, new"))
        file.write_text(file.read_text() + 'exclude: [{services: "*"}]\n')
        assert await execute(Asked("plan", str(file)), site.config) == 2
        assert await execute(Asked("apply", str(file)), site.config) == 0
        assert await execute(Asked("prune", str(file), is_said=True), site.config) == 3
        assert "a matrix that is to go as a whole needs --most 100" in capsys.readouterr().err
        assert await execute(Asked("prune", str(file), most=100.0), site.config) == 3
        assert "2 stacks with 2 instances would go: that needs --yes" in capsys.readouterr().err
        assert await execute(Asked("prune", str(file), is_said=True, most=100.0), site.config) == 0
        assert (site.stacks, site.world.node_names()) == ({}, [])

    async def test_nothing_goes_by_the_kubeconfig_of_another_cluster(
        self, site: PruneSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await site.fill(1)
        async with other_cluster(site.world) as kubeconfig:
            asked = Asked("prune", site.file("new"), is_said=True, most=70.0)
            assert await execute(asked, replace(site.config, kubeconfig=kubeconfig)) == 4
        assert "none of the 3 instances of the matrix is a node of this cluster" in capsys.readouterr().err
        assert site.stacks[OLD] == "CREATE_COMPLETE"
        assert len(site.world.members(OLD)) == 2
        assert site.world.group(OLD).least == 1
