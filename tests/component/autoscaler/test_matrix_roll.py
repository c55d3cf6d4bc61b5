"""A new image comes to all nodes of a group: under budgets, beside a daemon, and again after a stop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.controller.matrix_commands import Asked, execute
from addons.autoscaler.controller.matrix_roll import Rolled
from addons.runtime.permit import Permit
from addons.sim.cluster.truth import NodeTruth
from tests.support.as_daemons import QUICK, autoscaler
from tests.support.as_objects import budget
from tests.support.as_roll import FIRST, GROUP, SECOND, RollSite, annotations, healthy
from tests.support.as_world import autoscaler_world, other_cluster
from tests.support.drawn import Draw

pytestmark = pytest.mark.virtual_time(threads=True)

DISCOVERY = "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/prod"
NODE = "NODE"
SIGNS: dict[str, Callable[[RollSite], object]] = {
    "it comes": lambda site: site.world.desired(GROUP) == 2,
    "its budget holds it": lambda site: site.evictions() > 1,
    "its pod ends": lambda site: len(site.world.pods("web")) < len(site.world.store.list("v1", "pods")),
}
"""How one sees from outside how far a roll is."""


def changes(site: RollSite, most: int) -> Callable[[], bool]:
    """Whether the roll has changed so much from now on: notes, nodes, evictions, and orders to AWS."""

    def seen() -> str:
        nodes = [(annotations(each), each["spec"].get("taints")) for each in site.world.nodes()]
        asked = [each for each in site.world.autoscaling.history if not each.operation.startswith("Describe")]
        return f"{site.note()} {nodes} {site.evictions()} {len(asked)}"

    last, count = seen(), 0

    def has_changed() -> bool:
        nonlocal last, count
        count += (now := seen()) != last
        last = now
        return count >= most

    return has_changed


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[RollSite]:
    async with autoscaler_world(tmp_path) as world:
        yield RollSite(world)


class TestRolling:
    @pytest.mark.timeout(180)
    async def test_ten_nodes_get_a_new_image_and_no_budget_is_overdrawn_beside_a_daemon(
        self, site: RollSite
    ) -> None:
        await site.start(10, 30)
        site.world.create_budgets(budget("web", maxUnavailable=2))
        async with autoscaler(site.world, *QUICK, "--scan-interval=10s", DISCOVERY):
            told, fewest = await site.rolled()
        assert told[-1] == Rolled(GROUP, "rolled", "10 instances")
        assert fewest >= 28
        assert site.images() == {SECOND}
        assert site.world.desired(GROUP) == 10
        assert site.note() is None
        await site.world.reach(lambda: site.world.is_settled("web"))

    async def test_a_batch_comes_and_goes_together(self, site: RollSite) -> None:
        await site.start(4, 4)
        told, _ = await site.rolled(batch=3)
        assert told[0] == Rolled(GROUP, "going", "3 new instances come before 3 old go")
        assert max(each.arguments["DesiredCapacity"] for each in site.world.asked()) == 7
        assert (told[-1].result, site.images(), site.world.desired(GROUP)) == ("rolled", {SECOND}, 4)

    async def test_a_group_at_its_maximum_replaces_one_at_a_time(self, site: RollSite) -> None:
        site.most = 3
        await site.start(3, 3)
        told, _ = await site.rolled(batch=3)
        assert told[-1] == Rolled(GROUP, "rolled", "3 instances")
        assert (site.images(), site.world.desired(GROUP)) == ({SECOND}, 3)
        ended = site.world.asked("TerminateInstanceInAutoScalingGroup")
        assert {each.arguments["ShouldDecrementDesiredCapacity"] for each in ended} == {False}

    async def test_a_group_that_does_not_differ_is_left_alone(self, site: RollSite) -> None:
        await site.start(2)
        await site.roll()
        assert await site.roll() == [Rolled(GROUP, "unchanged")]


class TestPausing:
    async def test_a_broken_image_pauses_it_after_one_node(self, site: RollSite) -> None:
        await site.start(4, 4)
        site.world.truth(GROUP).joins = False
        told, fewest = await site.rolled()
        assert told[-1].result == "paused"
        assert "to be ready" in told[-1].why
        assert (len(site.world.members(GROUP)), fewest) == (5, 4)
        assert site.world.asked("TerminateInstanceInAutoScalingGroup") == []
        site.world.truth(GROUP).joins = True
        (broken,) = {each.id for each in site.world.members(GROUP)} - {
            node["spec"]["providerID"].rpartition("/")[2] for node in site.world.nodes(GROUP)
        }
        site.world.autoscaling.lose(broken)
        assert (await site.roll())[-1].result == "rolled"
        assert (site.images(), site.world.desired(GROUP)) == ({SECOND}, 4)

    async def test_a_spent_budget_pauses_it_and_the_node_is_given_back(self, site: RollSite) -> None:
        await site.start(2, 2)
        site.world.create_budgets(budget("web", maxUnavailable=0))
        told, fewest = await site.rolled()
        assert (told[-1].result, fewest) == ("paused", 2)
        assert "budget" in told[-1].why
        assert [name for name in site.world.node_names() if site.world.taints(name)] == []

    async def test_protected_instances_stay(self, site: RollSite) -> None:
        await site.start(3, 3)
        kept = site.world.members(GROUP)[0].id
        site.world.ask(
            "SetInstanceProtection",
            AutoScalingGroupName=GROUP,
            InstanceIds=[kept],
            ProtectedFromScaleIn=True,
        )
        told = await site.roll()
        assert told[-1].result == "skipped"
        assert kept in told[-1].why
        assert kept in {each.id for each in site.world.members(GROUP)}
        assert (site.images(), site.world.desired(GROUP)) == ({FIRST, SECOND}, 3)

    async def test_what_keeps_aws_from_launching_is_told(self, site: RollSite) -> None:
        await site.start(2, 2)
        site.world.fail_launches(GROUP)
        told, fewest = await site.rolled()
        assert (told[-1].result, fewest) == ("paused", 2)
        assert told[-1].why.startswith("it waits for 1 new instance of AWS, which is not so after 300 s; the")
        assert "sufficient m5.large capacity" in told[-1].why

    async def test_an_image_that_was_mended_meanwhile_takes_the_place_of_the_broken_one(
        self, site: RollSite
    ) -> None:
        await site.start(2, 2)
        old = {each.id for each in site.world.members(GROUP)}
        site.world.truth(GROUP).joins = False
        assert (await site.roll())[-1].result == "paused"
        (broken,) = {each.id for each in site.world.members(GROUP)} - old
        site.world.cluster.nodes.truths[GROUP] = NodeTruth()
        site.image = "ami-0aaaaaaaaaaaaaaaa"
        await site.apply("new")
        assert (await site.roll())[-1] == Rolled(GROUP, "rolled", "3 instances")
        first, *_ = site.world.asked("TerminateInstanceInAutoScalingGroup")
        assert first.arguments["InstanceId"] == broken
        assert (site.images(), site.world.desired(GROUP)) == ({site.image}, 2)

    async def test_no_end_of_an_instance_waits_for_its_hook(self, site: RollSite) -> None:
        """It would for 5 minutes, as nobody answers it but the roll."""
        await site.start(2, 2)
        await site.roll()
        assert [each.state for each in site.world.autoscaling.members(GROUP) if each.waiting] == []


class TestEndingEarly:
    async def test_a_roll_that_is_killed_at_every_step_comes_to_its_end(self, site: RollSite) -> None:
        """The first one dies at its first change, the second at its second, until one lives long enough."""
        await site.start(3, 6)
        site.world.create_budgets(budget("web", maxUnavailable=1))
        told: list[Rolled] = []
        with healthy(site.world, "web") as fewest:
            for most in range(1, 60):
                if told := await site.killed(changes(site, most)):
                    break
        assert told[-1].result in ("rolled", "unchanged")
        assert fewest() >= 5
        assert (site.images(), site.world.desired(GROUP), site.note()) == ({SECOND}, 3, None)
        await site.world.reach(lambda: site.going() == [])

    async def test_a_killed_roll_goes_on_with_the_next(self, site: RollSite, draw: Draw) -> None:
        """Whatever was its last change; the next one begins anew."""
        await site.start(3, 6)
        site.world.create_budgets(budget("web", maxUnavailable=1))
        most = draw.random().randrange(1, 50)
        await site.killed(changes(site, most), batch=2)
        told, fewest = await site.rolled(batch=2)
        assert told[-1].result in ("rolled", "unchanged")
        assert fewest >= 5
        assert (site.images(), site.world.desired(GROUP), site.note()) == ({SECOND}, 3, None)

    @pytest.mark.parametrize(
        ("moment", "told"),
        [
            ("it comes", "not begun"),
            ("its budget holds it", f"node {NODE} stays tainted and cordoned, as its drain is begun"),
            ("its pod ends", f"node {NODE} stays tainted and cordoned, as its drain is begun"),
        ],
    )
    async def test_a_stop_is_heeded_at_once_and_the_next_run_goes_on(
        self, site: RollSite, moment: str, told: str
    ) -> None:
        await site.start(1, 2)
        holds = moment == "its budget holds it"
        site.world.create_budgets(budget("web", maxUnavailable=0 if holds else 2))
        stopping = asyncio.Event()
        rolling = asyncio.create_task(site.roll(Permit(stopping)))
        (node,) = site.world.node_names(GROUP)
        await site.world.reach(lambda: SIGNS[moment](site))
        stopping.set()
        began = asyncio.get_running_loop().time()
        last = (await rolling)[-1]
        assert asyncio.get_running_loop().time() - began < 0.5
        assert (last.result, last.why.startswith(told.replace(NODE, node))) == ("left", True)
        assert site.going() == ([node] if "stays" in told else [])
        if holds:
            site.world.delete("web", "poddisruptionbudgets", "policy/v1")
        assert (await site.roll(host="there"))[-1].result == "rolled"
        assert (site.images(), site.note()) == ({SECOND}, None)
        await site.world.reach(lambda: site.going() == [])

    async def test_of_two_rolls_at_once_the_second_says_who_holds_it(self, site: RollSite) -> None:
        await site.start(2)
        first = asyncio.create_task(site.roll(host="there"))
        await site.world.reach(site.note)
        told = await site.roll(host="here")
        assert told[0].why.startswith("matrix roll on there (process ")
        assert (told[-1].result, told[-1].why.split(" (")[0]) == (
            "paused",
            "it is being rolled by matrix roll on there",
        )
        assert (await first)[-1] == Rolled(GROUP, "rolled", "2 instances")

    async def test_of_two_that_begin_at_once_one_rolls(self, site: RollSite) -> None:
        await site.start(2)
        ended = await asyncio.gather(site.roll(host="here"), site.roll(host="there"))
        assert sorted(told[-1].result for told in ended) == ["paused", "rolled"]
        assert (site.images(), site.world.desired(GROUP)) == ({SECOND}, 2)

    async def test_what_a_killed_one_held_is_gone_on_with_after_a_minute(self, site: RollSite) -> None:
        await site.start(2)
        await site.killed(lambda: site.note() is not None, host="there")
        began = asyncio.get_running_loop().time()
        waits, *told = await site.roll(host="here")
        assert waits.why.endswith("told 0 s ago that it rolls it: waiting whether it goes on")
        assert (told[0].why, told[-1].result) == ("1 new instance comes before 1 old goes", "rolled")
        assert asyncio.get_running_loop().time() - began > 60


class TestDaemon:
    async def test_surge_capacity_is_not_idle_as_long_as_the_roll_goes_on(self, site: RollSite) -> None:
        await site.start(2, 2)
        killed = asyncio.create_task(site.roll(batch=2))
        await site.world.reach(lambda: len(site.world.node_names(GROUP)) == 4)
        killed.cancel()
        await asyncio.wait([killed])
        async with autoscaler(site.world, *QUICK, DISCOVERY) as daemon:
            await site.world.pass_by(minutes=5)
            assert len(site.world.members(GROUP)) == 4
            (node, *_) = site.world.node_names(GROUP)
            assert "BeingRolled" in {each.reason for each in daemon.decisions_on(f"node/{node}")}
            assert "are to be replaced by matrix roll on here" in str(daemon.state()["groups"])
            await site.world.reach(lambda: len(site.world.members(GROUP)) < 4)
            assert any("does not count" in note for note in site.world.notes(names.ROLL_ABANDONED))

    async def test_a_node_that_a_roll_drains_is_left_alone_until_the_roll_is_dead(
        self, site: RollSite
    ) -> None:
        """The daemon goes on with nothing, and gives the node back half an hour after the last word of it."""
        await site.start(2, 2)
        site.world.create_budgets(budget("web", maxUnavailable=0))
        await site.killed(lambda: bool(site.going()))
        (node,) = site.going()
        async with autoscaler(site.world, *QUICK, "--scan-interval=10s", DISCOVERY):
            await site.world.pass_by(minutes=9)
            assert site.going() == [node]
            assert site.world.asked("TerminateInstanceInAutoScalingGroup") == []
            await site.world.pass_by(minutes=20)
            assert site.going() == [node]
            await site.world.reach(lambda: site.going() == [], minutes=5)
            assert site.world.taints(node) == []


class TestCommand:
    async def test_a_dry_run_tells_what_differs(
        self, site: RollSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await site.start(2)
        site.config = replace(site.config, dry_run=True)
        assert await site.command() == 2
        assert "2 of 2 instances differ" in capsys.readouterr().out
        assert site.images() == {FIRST}

    async def test_of_a_stack_of_somebody_else_it_is_told_what_helps(
        self, site: RollSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await site.apply("new")
        path = Path(site.file())
        path.write_text(path.read_text().replace("matrix: shop", "matrix: other"))
        site.config = replace(site.config, dry_run=True)
        assert await execute(Asked("roll", str(path)), site.config) == 3
        assert f"waits: {GROUP}: a stack of this name is there already" in capsys.readouterr().err

    async def test_nothing_goes_by_the_kubeconfig_of_another_cluster(
        self, site: RollSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await site.start(3)
        before = {each.id for each in site.world.members(GROUP)}
        async with other_cluster(site.world) as kubeconfig:
            site.config = replace(site.config, kubeconfig=kubeconfig)
            assert await site.command() == 3
        assert "none of the 3 instances of the matrix is a node of this cluster" in capsys.readouterr().err
        assert {each.id for each in site.world.members(GROUP)} == before
