"""A last look at a node that is tainted already."""

from dataclasses import replace
from typing import Any

from addons.autoscaler import names
from addons.autoscaler.model.groups import Instance
from addons.autoscaler.model.intents import GroupRecord, Memory
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import Taint
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.recheck import why_kept
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from tests.support.as_shrink import NOW, budget, group, node, pod, shrink, snapshot


def marked(name: str = "n1", **more: Any) -> Node:
    """A node that we have tainted and cordoned."""
    taint = Taint(names.TO_BE_DELETED, str(int(NOW)))
    return node(name, taints=(taint,), is_unschedulable=True, to_be_deleted_since=NOW, **more)


def code(cluster: Snapshot, **options: Any) -> str:
    why = why_kept(cluster, ShrinkOptions(**options), "n1")
    return why.code if why else ""


class TestGoes:
    def test_nothing_has_changed(self) -> None:
        assert not code(snapshot([marked(), node("n2")], [pod("a"), pod("b", "n2")]))

    def test_whether_it_counts_among_those_that_go_or_not(self) -> None:
        cluster = snapshot([marked(), node("n2")], [pod("a")], budgets=(budget(1),))
        assert not code(cluster)
        assert not code(replace(cluster, removing=frozenset({"n1"})))

    def test_times_and_cooldowns_are_not_asked_again(self) -> None:
        memory = Memory(groups={"g": GroupRecord(shrunk_at=NOW - 1, grown_at=NOW - 1)})
        cluster = snapshot([marked(), node("n2")], memory=memory)
        assert not code(cluster, delay_after_delete=600, max_removals=1)

    def test_a_plan_and_its_last_look_agree(self) -> None:
        before = snapshot([node("n1"), node("n2")], [pod("a"), pod("b", "n2", cpu=300)], budgets=(budget(1),))
        assert [each.node for each in shrink(before).removals] == ["n1"]
        nodes = {**before.nodes, "n1": marked()}
        assert not code(replace(before, nodes=nodes, removing=frozenset({"n1"})))


class TestKept:
    def test_a_pod_came_that_keeps_it(self) -> None:
        assert code(snapshot([marked(), node("n2")], [pod("a", owner=None)])) == names.BLOCKED_NOT_REPLICATED

    def test_so_many_came_that_it_is_used(self) -> None:
        assert code(snapshot([marked(), node("n2")], [pod("a", cpu=1500)])) == names.NOT_UNDERUTILIZED

    def test_the_other_place_is_taken(self) -> None:
        pods = [pod("a", cpu=500), pod("b", "n2", cpu=1600)]
        assert code(snapshot([marked(), node("n2")], pods)) == names.NO_PLACE_TO_MOVE

    def test_a_budget_is_used_up(self) -> None:
        cluster = snapshot([marked(), node("n2")], [pod("a")], budgets=(budget(0),))
        assert code(cluster) == names.BLOCKED_BUDGET

    def test_its_owner_wants_it(self) -> None:
        assert code(snapshot([marked(scale_down_disabled=True)])) == names.DISABLED_BY_ANNOTATION

    def test_it_is_protected_now(self) -> None:
        told = group("g", (), instances=(Instance("i-n1", is_protected=True),))
        assert code(snapshot([marked()], groups=[told])) == names.INSTANCE_PROTECTED

    def test_the_minimum_was_raised(self) -> None:
        assert code(snapshot([marked()], groups=[group("g", ["n1"], least=1)])) == names.MIN_SIZE

    def test_nobody_knows(self) -> None:
        assert code(snapshot([marked()], is_stale="pods were not heard of")) == names.STALE_VIEW
