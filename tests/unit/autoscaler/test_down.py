"""Which nodes go, in which order, and why each other stays."""

import random
from typing import Any

import pytest
from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.model.groups import GroupOptions, Instance
from addons.autoscaler.model.intents import GroupRecord, Memory, NodeRecord
from addons.autoscaler.model.plans import GrowPlan, Order
from addons.autoscaler.model.pods import Requirement, Spread
from addons.autoscaler.model.snapshot import Totals
from tests.support.as_shrink import (
    GIB,
    HOST,
    LONG_AGO,
    NOW,
    ZONE,
    budget,
    codes,
    daemon,
    gone,
    group,
    node,
    pod,
    pod_class,
    remembered,
    shrink,
    snapshot,
)

BUSY = [node("busy"), *()]
FULL = pod("full", "busy", cpu=1200)
"""Leaves 800 m of the node, which is used too much to go."""


class TestWhichGo:
    def test_a_node_without_pods_goes(self) -> None:
        plan = shrink(snapshot([node("n1")]))
        assert gone(plan) == ["n1"]
        assert plan.removals[0].is_empty
        assert plan.removals[0].why == "no pods to move, not needed for 86400 s"

    def test_a_node_with_daemonset_pods_alone_is_as_good_as_empty(self) -> None:
        assert shrink(snapshot([node("n1")], [daemon("d")])).removals[0].is_empty

    def test_a_little_used_node_goes_when_its_pods_find_places(self) -> None:
        moving = pod("a")
        plan = shrink(snapshot([node("n1"), *BUSY], [moving, FULL]))
        assert gone(plan) == ["n1"]
        assert plan.removals[0].moves == ((moving, "busy"),)

    def test_what_is_used_stays(self) -> None:
        plan = shrink(snapshot([node("n1")], [pod("a", cpu=1001)]))
        assert codes(plan) == {"n1": names.NOT_UNDERUTILIZED}
        assert plan.stays["n1"].message == "cpu 50.0% requested, more than 50.0%"

    def test_a_group_may_have_a_threshold_of_its_own(self) -> None:
        told = group("g", ["n1", "n2"], options=GroupOptions(utilization_threshold=0.9))
        assert gone(shrink(snapshot([node("n1"), node("n2")], [pod("a", cpu=1700)], groups=[told]))) == ["n2"]

    def test_a_pod_without_another_place_keeps_its_node(self) -> None:
        plan = shrink(snapshot([node("n1"), *BUSY], [pod("a", cpu=900), FULL]))
        assert codes(plan)["n1"] == names.NO_PLACE_TO_MOVE
        assert plan.stays["n1"].about == "shop/a"

    def test_an_expendable_pod_needs_no_place(self) -> None:
        plan = shrink(snapshot([node("n1")], [pod("a", cpu=900, priority=-11)]))
        assert gone(plan) == ["n1"]
        assert not plan.removals[0].moves

    def test_empty_nodes_go_first_then_those_used_least(self) -> None:
        nodes = [node(name) for name in ("n1", "n2", "n3", "busy")]
        pods = [pod("a", "n1", cpu=200), pod("b", "n3", cpu=100), FULL]
        assert gone(shrink(snapshot(nodes, pods))) == ["n2", "n3", "n1"]


class TestTogether:
    """What one node that goes means for the others."""

    def test_a_node_that_receives_pods_stays(self) -> None:
        nodes, pods = [node("n1"), node("n2")], [pod("a", "n1", cpu=100), pod("b", "n2", cpu=200)]
        plan = shrink(snapshot(nodes, pods))
        assert gone(plan) == ["n1"]
        assert codes(plan) == {"n2": names.RECEIVES_PODS}
        assert plan.stays["n2"].message == "pod shop/a of node n1 is to move to it"

    def test_pods_are_never_planned_onto_a_node_that_goes(self) -> None:
        nodes = [node(f"n{number}") for number in range(6)]
        pods = [pod(f"p{number}", f"n{number}", cpu=400) for number in range(6)]
        plan = shrink(snapshot(nodes, pods))
        assert plan.removals
        assert not {where for each in plan.removals for _, where in each.moves} & set(gone(plan))

    def test_room_is_given_once(self) -> None:
        nodes, pods = (
            [node("n1"), node("n2"), *BUSY],
            [pod("a", "n1", cpu=500), pod("b", "n2", cpu=600), FULL],
        )
        told = [group("g", ["n1", "n2", "busy"])]
        plan = shrink(snapshot(nodes, pods, groups=told))
        assert gone(plan) == ["n1"]
        assert codes(plan)["n2"] == names.NO_PLACE_TO_MOVE

    def test_pods_that_wait_and_fit_keep_their_place(self) -> None:
        plan = shrink(snapshot([node("n1")], waiting=[pod("w", "", phase="Pending")]))
        assert codes(plan) == {"n1": names.RECEIVES_PODS}
        assert plan.stays["n1"].message == "pod shop/w waits and fits on it"

    def test_pods_that_nobody_has_to_wait_for_keep_none(self) -> None:
        waiting = [
            pod("d", "", phase="Pending", is_daemon=True),
            pod("e", "", phase="Pending", delete_at=NOW + 5),
            pod("g", "", phase="Pending", is_gated=True),
            pod("x", "", phase="Pending", priority=-11),
        ]
        assert gone(shrink(snapshot([node("n1")], waiting=waiting))) == ["n1"]

    def test_pods_of_a_node_under_way_keep_theirs(self) -> None:
        going = node("n1", to_be_deleted_since=NOW - 5)
        nodes, pods = [going, node("n2")], [pod("a", "n1")]
        plan = shrink(snapshot(nodes, pods, removing=frozenset({"n1"})))
        assert codes(plan) == {"n1": names.BEING_REMOVED, "n2": names.RECEIVES_PODS}

    def test_a_node_that_goes_still_counts_for_spread(self) -> None:
        """Without its zone, both pods would be told to fit into the other."""
        spread = Spread(1, ZONE, (Requirement("app", "In", ("web",)),))
        cls = pod_class(100, spread=(spread,))
        nodes = [node("a1", zone="a"), node("b1", zone="b"), node("b2", zone="b")]
        pods = [pod("p", "a1", cls=cls), pod("q", "b1", cls=cls), pod("r", "b2", cls=cls, cpu=100)]
        told = [group("g", ["a1"]), group("other", (), instances=())]
        plan = shrink(snapshot(nodes, pods, groups=told))
        assert codes(plan)["a1"] == names.NO_PLACE_TO_MOVE

    def test_two_that_must_be_apart_do_not_move_together(self) -> None:
        spread = Spread(1, HOST, (Requirement("app", "In", ("web",)),))
        cls = pod_class(100, spread=(spread,))
        nodes = [node("n1"), node("n2"), *BUSY]
        pods = [pod("p", "n1", cls=cls), pod("q", "n2", cls=cls), FULL]
        assert len(gone(shrink(snapshot(nodes, pods)))) <= 1


class TestBudgets:
    COVERED = [pod("a", "n1"), pod("b", "n2")]  # noqa: RUF012

    def cluster(self, allowed: int, **more: Any) -> Any:
        pods = [*self.COVERED, pod("full", "busy", cpu=1200, app="other")]
        return snapshot([node("n1"), node("n2"), *BUSY], pods, budgets=(budget(allowed),), **more)

    def test_a_budget_that_allows_nothing_keeps_the_node_and_says_so(self) -> None:
        plan = shrink(self.cluster(0))
        assert codes(plan)["n1"] == names.BLOCKED_BUDGET
        assert "shop/a" in plan.stays["n1"].message

    def test_it_is_shared_by_all_nodes_of_the_pass(self) -> None:
        plan = shrink(self.cluster(1))
        assert gone(plan) == ["n1"]
        assert codes(plan)["n2"] == names.BLOCKED_BUDGET
        assert gone(shrink(self.cluster(2))) == ["n1", "n2"]

    def test_and_by_those_under_way(self) -> None:
        plan = shrink(self.cluster(1, removing=frozenset({"n1"})))
        assert codes(plan)["n2"] == names.BLOCKED_BUDGET

    def test_time_runs_on_while_only_a_budget_keeps_a_node(self) -> None:
        assert shrink(self.cluster(0)).unneeded == {"n1": LONG_AGO, "n2": LONG_AGO}

    def test_two_pods_of_one_budget_go_one_after_the_other(self) -> None:
        pods = [pod("a"), pod("b"), pod("full", "busy", cpu=1200, app="other")]
        assert gone(shrink(snapshot([node("n1"), *BUSY], pods, budgets=(budget(1),)))) == ["n1"]

    def test_two_budgets_on_a_pod_keep_the_node(self) -> None:
        both = (budget(3, "one"), budget(3, "two"))
        plan = shrink(snapshot([node("n1"), *BUSY], [pod("a"), FULL], budgets=both))
        assert codes(plan)["n1"] == names.BLOCKED_SEVERAL_BUDGETS


class TestTimes:
    def since(self, at: float) -> Memory:
        return remembered({"n1": at}, {"g": GroupRecord()})

    def test_a_node_must_not_have_been_needed_for_long_enough(self) -> None:
        plan = shrink(snapshot([node("n1")], memory=self.since(NOW - 599)))
        assert codes(plan) == {"n1": names.NOT_UNNEEDED_LONG}
        assert gone(shrink(snapshot([node("n1")], memory=self.since(NOW - 600)))) == ["n1"]

    def test_it_is_kept_while_its_removal_is_under_way(self) -> None:
        plan = shrink(snapshot([node("n1")], removing=frozenset({"n1"}), memory=self.since(NOW - 700)))
        assert plan.unneeded == {"n1": NOW - 700}

    def test_its_time_begins_now(self) -> None:
        assert shrink(snapshot([node("n1")], memory=Memory())).unneeded == {"n1": NOW}

    def test_and_goes_on(self) -> None:
        assert shrink(snapshot([node("n1")], memory=self.since(NOW - 99))).unneeded == {"n1": NOW - 99}

    def test_it_is_forgotten_when_the_node_is_needed(self) -> None:
        plan = shrink(snapshot([node("n1")], [pod("a", cpu=1500)], memory=self.since(NOW - 99)))
        assert not plan.unneeded

    def test_the_soft_taint_knows_it_when_the_memory_is_lost(self) -> None:
        tainted = node("n1", candidate_since=NOW - 700)
        assert gone(shrink(snapshot([tainted], memory=Memory()))) == ["n1"]

    def test_the_memory_knows_better(self) -> None:
        tainted = node("n1", candidate_since=NOW - 700)
        plan = shrink(snapshot([tainted], memory=self.since(NOW - 5)))
        assert plan.unneeded == {"n1": NOW - 5}

    def test_a_group_may_have_a_time_of_its_own(self) -> None:
        told = group("g", ["n1"], options=GroupOptions(unneeded_seconds=10))
        assert gone(shrink(snapshot([node("n1")], groups=[told], memory=self.since(NOW - 11)))) == ["n1"]


class TestCooldown:
    def cluster(self, **record: float) -> Any:
        memory = Memory(
            groups={"g": GroupRecord(**record)},  # type: ignore[arg-type]
            nodes={name: NodeRecord(unneeded_since=LONG_AGO) for name in ("n1", "m1")},
        )
        told = [group("g", ["n1"]), group("h", ["m1"])]
        return snapshot([node("n1"), node("m1")], groups=told, memory=memory)

    def test_a_group_that_grew_keeps_its_nodes_and_no_other_does(self) -> None:
        plan = shrink(self.cluster(grown_at=NOW - 599))
        assert gone(plan) == ["m1"]
        assert codes(plan) == {"n1": names.COOLDOWN}

    def test_for_a_time(self) -> None:
        assert gone(shrink(self.cluster(grown_at=NOW - 600))) == ["m1", "n1"]

    def test_all_groups_do_where_the_settings_say_so(self) -> None:
        assert not gone(shrink(self.cluster(grown_at=NOW - 599), delays_are_local=False))

    def test_a_removal_delays_the_next(self) -> None:
        plan = shrink(self.cluster(shrunk_at=NOW - 5), delay_after_delete=60)
        assert codes(plan) == {"n1": names.COOLDOWN}

    def test_a_group_that_grows_in_this_pass_keeps_its_nodes(self) -> None:
        grow = GrowPlan(orders=(Order("g", 1, 2, (), "pods wait"),))
        assert codes(shrink(self.cluster(), grow=grow)) == {"n1": names.COOLDOWN}


class TestMinimums:
    def test_a_group_keeps_its_minimum(self) -> None:
        told = [group("g", ["n1", "n2", "n3"], least=2)]
        plan = shrink(snapshot([node("n1"), node("n2"), node("n3")], groups=told))
        assert gone(plan) == ["n1"]
        assert codes(plan) == {"n2": names.MIN_SIZE, "n3": names.MIN_SIZE}

    def test_counted_with_what_goes_already(self) -> None:
        told = [group("g", ["n1", "n2", "n3"], least=2)]
        nodes = [node("n1"), node("n2"), node("n3")]
        assert not gone(shrink(snapshot(nodes, groups=told, removing=frozenset({"n1"}))))

    def test_and_with_what_aws_ends(self) -> None:
        found = (Instance("i-n1"), Instance("i-x", state="Terminating"))
        told = [group("g", (), least=1, instances=found, desired=1)]
        assert codes(shrink(snapshot([node("n1")], groups=told))) == {"n1": names.MIN_SIZE}

    def test_capacity_that_has_not_come_does_not_stand_in(self) -> None:
        told = [group("g", ["n1"], least=1, desired=3)]
        assert codes(shrink(snapshot([node("n1")], groups=told))) == {"n1": names.MIN_SIZE}

    def test_the_cluster_keeps_its_cores_over_several_passes(self) -> None:
        nodes = [node("n1"), node("n2"), node("n3")]
        totals = Totals(min_cores=4)
        first = shrink(snapshot(nodes, totals=totals))
        assert gone(first) == ["n1"]
        assert set(codes(first).values()) == {names.CLUSTER_MINIMUM}
        second = shrink(snapshot(nodes, totals=totals, removing=frozenset({"n1"})))
        assert not gone(second)

    def test_and_its_memory(self) -> None:
        plan = shrink(snapshot([node("n1"), node("n2")], totals=Totals(min_memory=8 * GIB)))
        assert gone(plan) == ["n1"]
        assert plan.stays["n2"].message == (
            "the cluster would have 0.0 GiB of memory, less than its minimum of 8.0"
        )


class TestAtOnce:
    def test_so_many_go_at_once(self) -> None:
        plan = shrink(snapshot([node(f"n{number}") for number in range(4)]), max_removals=3)
        assert gone(plan) == ["n0", "n1", "n2"]
        assert codes(plan) == {"n3": names.PARALLELISM}

    def test_those_under_way_count(self) -> None:
        nodes = [node(f"n{number}") for number in range(4)]
        plan = shrink(snapshot(nodes, removing=frozenset({"n0"})), max_removals=2)
        assert gone(plan) == ["n1"]

    def test_what_aws_ends_already_is_over_though_its_node_is_still_there(self) -> None:
        ending = [node(f"e{number}", to_be_deleted_since=NOW - 60) for number in range(3)]
        found = tuple(Instance(f"i-e{number}", state="Terminating") for number in range(3))
        told = group("g", (), instances=(*found, Instance("i-n1")), desired=1)
        plan = shrink(snapshot([*ending, node("n1")], groups=[told]), max_removals=1)
        assert gone(plan) == ["n1"]

    def test_fewer_of_those_with_pods(self) -> None:
        nodes = [node("n1"), node("n2"), node("n3"), *BUSY]
        pods = [pod("a", "n1"), pod("b", "n2"), FULL]
        plan = shrink(snapshot(nodes, pods), max_drains=1)
        assert gone(plan) == ["n3", "n1"]
        assert codes(plan)["n2"] == names.PARALLELISM

    def test_a_node_that_waits_for_its_turn_does_not_lose_its_time(self) -> None:
        plan = shrink(snapshot([node("n1"), node("n2")]), max_removals=1)
        assert plan.unneeded == {"n1": LONG_AGO, "n2": LONG_AGO}


class TestFailures:
    def failed(self, times: int, ago: float) -> Memory:
        record = NodeRecord(
            unneeded_since=LONG_AGO, failures=times, last_failure=NOW - ago, failure="a pod stayed"
        )
        return Memory(nodes={"n1": record})

    def test_a_node_rests_after_a_failure(self) -> None:
        plan = shrink(snapshot([node("n1")], memory=self.failed(1, 179)))
        assert codes(plan) == {"n1": names.RECENTLY_FAILED}
        assert "a pod stayed" in plan.stays["n1"].message
        assert gone(shrink(snapshot([node("n1")], memory=self.failed(1, 180)))) == ["n1"]

    @pytest.mark.parametrize(("times", "rest"), [(2, 360), (3, 720), (6, 5760), (60, 5760)])
    def test_longer_after_each(self, times: int, rest: float) -> None:
        assert not gone(shrink(snapshot([node("n1")], memory=self.failed(times, rest - 1))))
        assert gone(shrink(snapshot([node("n1")], memory=self.failed(times, rest)))) == ["n1"]

    def test_it_takes_pods_meanwhile(self) -> None:
        nodes = [node("n1"), node("n2")]
        memory = self.failed(1, 5)
        memory = replace(memory, nodes={**memory.nodes, "n2": NodeRecord(unneeded_since=LONG_AGO)})
        plan = shrink(snapshot(nodes, [pod("a", "n1"), pod("b", "n2")], memory=memory))
        assert gone(plan) == ["n2"]


class TestStays:
    """Every other node says why it stays."""

    def code(self, **more: Any) -> str:
        return codes(shrink(snapshot([node("n1", **more)])))["n1"]

    def test_our_own(self) -> None:
        assert codes(shrink(snapshot([node("n1")], own_node="n1"))) == {"n1": names.OWN_NODE}

    def test_one_in_no_group(self) -> None:
        plan = shrink(snapshot([node("n1")], groups=[]))
        assert codes(plan) == {"n1": names.NO_GROUP}

    def test_one_that_is_no_instance(self) -> None:
        assert self.code(instance="") == names.NO_GROUP

    def test_one_with_the_annotation(self) -> None:
        assert self.code(scale_down_disabled=True) == names.DISABLED_BY_ANNOTATION

    def test_one_that_is_starting(self) -> None:
        assert self.code(starting_why="taint x") == names.STILL_STARTING

    def test_one_that_somebody_else_removes(self) -> None:
        assert self.code(to_be_deleted_since=NOW) == names.BEING_REMOVED

    def test_one_whose_instance_ends(self) -> None:
        told = group("g", (), instances=(Instance("i-n1", state="Terminating:Wait"),))
        assert codes(shrink(snapshot([node("n1")], groups=[told]))) == {"n1": names.BEING_REMOVED}

    def test_one_that_is_protected(self) -> None:
        told = group("g", (), instances=(Instance("i-n1", is_protected=True),))
        assert codes(shrink(snapshot([node("n1")], groups=[told]))) == {"n1": names.INSTANCE_PROTECTED}

    def test_one_whose_group_aws_has_not_told_of(self) -> None:
        told = group("g", ["n1"], observed=NOW - 181, degraded="access denied")
        plan = shrink(snapshot([node("n1")], groups=[told]))
        assert codes(plan) == {"n1": names.STALE_VIEW}
        assert plan.stays["n1"].message == "group g was read 181 s ago: access denied"
        assert plan.unneeded == {"n1": LONG_AGO}

    def test_all_where_caches_are_stale_and_no_time_is_lost(self) -> None:
        plan = shrink(snapshot([node("n1"), node("n2")], is_stale="nodes were not heard of for 90 s"))
        assert codes(plan) == {"n1": names.STALE_VIEW, "n2": names.STALE_VIEW}
        assert plan.unneeded == {"n1": LONG_AGO, "n2": LONG_AGO}

    def test_all_where_nothing_is_to_be_removed(self) -> None:
        assert codes(shrink(snapshot([node("n1")]), is_on=False)) == {"n1": names.SCALE_DOWN_OFF}


class TestSteadiness:
    def test_the_order_of_the_input_is_no_matter(self) -> None:
        nodes = [node(f"n{number}") for number in range(9)]
        pods = [pod(f"p{number}", f"n{number % 8}", cpu=100 + 37 * number) for number in range(20)]
        expected = shrink(snapshot(nodes, pods))
        for seed in range(5):
            rng = random.Random(seed)
            found = shrink(snapshot(rng.sample(nodes, 9), rng.sample(pods, 20)))
            assert [(each.node, set(each.moves)) for each in found.removals] == [
                (each.node, set(each.moves)) for each in expected.removals
            ]
            assert found.stays == expected.stays

    def test_a_node_that_could_go_is_not_exchanged_for_one_used_a_little_less(self) -> None:
        """Else both would take turns, and neither would be unneeded for long enough."""
        pods = [pod("a", "n1", cpu=300), pod("b", "n2", cpu=200)]
        memory = remembered({"n1": NOW - 60})
        plan = shrink(snapshot([node("n1"), node("n2")], pods, memory=memory))
        assert plan.unneeded == {"n1": NOW - 60}
        assert codes(plan)["n2"] == names.RECEIVES_PODS
