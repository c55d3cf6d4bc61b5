"""Nodes that are not ready, and instances that never became nodes."""

from typing import Any

from addons.autoscaler import names
from addons.autoscaler.model.groups import GroupOptions, Instance
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GroupState, GrowPlan
from addons.autoscaler.plan.down import plan_down
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.unready import lost_removals
from tests.support.as_shrink import LONG_AGO, NOW, codes, gone, group, node, pod, shrink, snapshot

HOUR = 3600.0


def sick(name: str, since: float = LONG_AGO, **more: Any) -> Node:
    """A node whose kubelet is silent since then."""
    return node(name, not_ready_why="kubelet is silent", **{"ready_changed": since, **more})


class TestUnreadyTime:
    def test_a_node_that_is_not_ready_for_long_goes(self) -> None:
        plan = shrink(snapshot([sick("n1", NOW - 1200)]))
        assert gone(plan) == ["n1"]
        assert plan.removals[0].why == "not ready for 1200 s: kubelet is silent"

    def test_it_has_time_to_recover(self) -> None:
        plan = shrink(snapshot([sick("n1", NOW - 1100)]))
        assert codes(plan) == {"n1": names.NOT_UNNEEDED_LONG}
        assert "100 s" in plan.stays["n1"].message

    def test_a_group_may_have_a_time_of_its_own(self) -> None:
        short = group("g", ["n1"], options=GroupOptions(unready_seconds=60))
        assert gone(shrink(snapshot([sick("n1", NOW - 61)], groups=[short]))) == ["n1"]

    def test_it_stays_where_the_settings_say_so(self) -> None:
        plan = shrink(snapshot([sick("n1")]), removes_unready=False)
        assert codes(plan) == {"n1": names.SCALE_DOWN_OFF}

    def test_one_that_starts_is_given_time(self) -> None:
        young = sick("n1", NOW - 300, created=NOW - 300)
        assert codes(shrink(snapshot([young]))) == {"n1": names.STILL_STARTING}

    def test_its_pods_need_places_too(self) -> None:
        plan = shrink(snapshot([sick("n1")], [pod("a", is_ready=False)]))
        assert codes(plan) == {"n1": names.NO_PLACE_TO_MOVE}


class TestHealthGate:
    """Where much is out of order, ready nodes stay."""

    SICK = [sick(f"s{number}", NOW - 60) for number in range(5)]  # noqa: RUF012

    def test_ready_nodes_stay_and_the_others_are_named(self) -> None:
        plan = shrink(snapshot([*self.SICK, node("n1"), node("n2")]))
        assert codes(plan)["n1"] == names.UNHEALTHY
        assert "5 of 7 nodes are not ready (s0, s1, s2, s3, s4)" in plan.stays["n1"].message

    def test_since_when_they_are_not_needed_is_kept(self) -> None:
        assert shrink(snapshot([*self.SICK, node("n1")])).unneeded["n1"] == LONG_AGO

    def test_nodes_of_no_group_do_not_count(self) -> None:
        told = group("g", ["n1"])
        plan = shrink(snapshot([*self.SICK, node("n1"), node("n2")], groups=[told]))
        assert gone(plan) == ["n1"]

    def test_nor_do_those_that_start(self) -> None:
        young = [sick(f"y{number}", NOW - 60, created=NOW - 60) for number in range(5)]
        assert gone(shrink(snapshot([*young, node("n1"), node("n2")]))) == ["n1", "n2"]

    def test_few_are_no_matter(self) -> None:
        assert gone(shrink(snapshot([*self.SICK[:3], node("n1")]))) == ["n1"]

    def test_those_that_are_not_ready_for_long_go_one_at_a_time(self) -> None:
        plan = shrink(snapshot([sick(f"s{number}") for number in range(6)]))
        assert gone(plan) == ["s0"]
        assert codes(plan)["s1"] == names.UNHEALTHY


class TestLost:
    """Instances without a node are ended by their id."""

    def state(self, *lost: str, least: int = 0, **more: Any) -> GroupState:
        found = tuple(Instance(each) for each in ("i-n1", *lost))
        return GroupState(group("g", (), least=least, instances=found, **more), lost=lost)

    def test_they_go(self) -> None:
        state = self.state("i-b", "i-a")
        cluster = snapshot([node("n1")], [pod("a", cpu=1500)], groups=[state.group])
        plan = plan_down(cluster, ShrinkOptions(), GrowPlan(), states=[state])
        assert [(each.node, each.instance) for each in plan.removals] == [("", "i-a"), ("", "i-b")]
        assert plan.removals[0].why == "instance i-a of group g did not become a node in 900 s"

    def test_not_below_the_minimum(self) -> None:
        state = self.state("i-a", "i-b", least=2)
        assert [each.instance for each in lost_removals([state], {"g": 3})] == ["i-a"]

    def test_even_where_no_node_is_removed(self) -> None:
        state = self.state("i-a")
        cluster = snapshot([node("n1")], groups=[state.group])
        plan = plan_down(cluster, ShrinkOptions(is_on=False), GrowPlan(), states=[state])
        assert [each.instance for each in plan.removals] == ["i-a"]
        assert codes(plan) == {"n1": names.SCALE_DOWN_OFF}

    def test_not_by_what_aws_said_long_ago(self) -> None:
        state = self.state("i-a", observed=NOW - 200)
        cluster = snapshot([node("n1")], groups=[state.group])
        assert not plan_down(cluster, ShrinkOptions(), GrowPlan(), states=[state]).removals

    def test_not_while_caches_are_stale(self) -> None:
        state = self.state("i-a")
        cluster = snapshot([node("n1")], groups=[state.group], is_stale="pods were not heard of")
        assert not plan_down(cluster, ShrinkOptions(), GrowPlan(), states=[state]).removals

    def test_a_node_does_not_go_in_place_of_one(self) -> None:
        state = self.state("i-a", least=1)
        cluster = snapshot([node("n1")], groups=[state.group])
        plan = plan_down(cluster, ShrinkOptions(), GrowPlan(), states=[state])
        assert [each.instance for each in plan.removals] == ["i-a"]
        assert codes(plan) == {"n1": names.MIN_SIZE}
