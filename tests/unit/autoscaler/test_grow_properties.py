"""What is true of every plan of growth, whatever the cluster is like and whatever goes wrong."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.plans import GrowPlan
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.groups import group_states
from addons.autoscaler.plan.intents import ordered
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.up import plan_up
from tests.support.as_drawn_growth import drawn_fault, drawn_snapshot, play_faults
from tests.support.as_growth import group, instance, node, pod_class, pods, snapshot
from tests.support.as_plan_world import PlanWorld, Truth
from tests.support.drawn import Draw

CHANCE = st.randoms(use_true_random=False)
WEB = pod_class("web", node_selector={"team": "web"})
DB = pod_class("db", node_selector={"team": "db"})


def drawn_options(chance: Random) -> GrowOptions:
    return GrowOptions(
        expanders=chance.choice((("random",), ("least-waste",), ("most-pods", "least-nodes"), ("price",))),
        balances=chance.random() < 0.5,
        max_step_total=chance.choice((3, 1000)),
        max_per_pass=chance.choice((2, 1000)),
        max_unproven=chance.choice((1, 10)),
    )


def after_orders(snap: Snapshot, plan: GrowPlan) -> Snapshot:
    """The same moment, when AWS has taken all orders."""
    memory, groups = snap.memory, dict(snap.groups)
    for order in plan.orders:
        given_group = groups[order.group]
        memory = ordered(memory, order, group=given_group, template=snap.templates[order.group], now=snap.now)
        groups[order.group] = replace(given_group, desired=max(given_group.desired, order.target))
    return replace(snap, groups=groups, memory=memory)


class TestNothingTooMuch:
    """(a) Pods that fit what is there or on its way order nothing."""

    @settings(max_examples=40)
    @given(CHANCE)
    def test_what_was_ordered_is_not_ordered_again(self, chance: Random) -> None:
        snap, options = drawn_snapshot(chance, is_plain=True), drawn_options(chance)
        plan = plan_up(snap, options)
        again = plan_up(after_orders(snap, plan), options)
        left = {str(each.pod) for each in plan.waits if each.groups}
        assert not {str(pod) for order in again.orders for pod in order.pods} - left

    @given(there=st.integers(0, 4), coming=st.integers(0, 4), more=st.integers(0, 5))
    def test_exactly_the_pods_beyond_the_room_order(self, there: int, coming: int, more: int) -> None:
        instances = tuple(instance(f"i-{number}") for number in range(there))
        nodes = [node(each.id) for each in instances]
        given_group = group(instances=instances, desired=there + coming, max_size=50)
        waiting = pods(3 * (there + coming) + more)
        plan = plan_up(snapshot([given_group], waiting=waiting, nodes=nodes), GrowOptions())
        assert sum(len(order.pods) for order in plan.orders) == more

    @settings(max_examples=40)
    @given(CHANCE)
    def test_every_pod_is_told_of_once(self, chance: Random) -> None:
        snap = drawn_snapshot(chance)
        plan = plan_up(snap, drawn_options(chance))
        told = [*(each.pod for each in plan.waits), *(pod for order in plan.orders for pod in order.pods)]
        assert sorted(map(str, told)) == sorted(map(str, snap.waiting))


class TestLimits:
    """(b) No order breaks a limit."""

    @settings(max_examples=40)
    @given(CHANCE)
    def test_groups_keep_to_their_own(self, chance: Random) -> None:
        snap, options = drawn_snapshot(chance), drawn_options(chance)
        states = group_states(snap, options)
        for order in plan_up(snap, options).orders:
            state = states[order.group]
            assert order.count <= state.step
            assert state.target <= order.target <= snap.groups[order.group].max_size

    @settings(max_examples=40)
    @given(CHANCE)
    def test_the_cluster_keeps_to_its_own(self, chance: Random) -> None:
        snap, options = drawn_snapshot(chance), drawn_options(chance)
        states = group_states(snap, options)
        coming = {name: state.upcoming - state.starting for name, state in states.items()}
        plan = plan_up(snap, options)
        new = {order.group: order.count for order in plan.orders}
        if not new:
            return
        assert sum(new.values()) <= options.max_per_pass
        assert sum(new.values()) + sum(each.upcoming for each in states.values()) <= options.max_step_total
        nodes = len(snap.nodes) + sum(coming.values()) + sum(new.values())
        assert nodes <= (snap.totals.max_nodes or nodes)
        assert self.total(snap, CPU, coming, new) <= 1000 * snap.totals.max_cores
        assert self.total(snap, MEMORY, coming, new) <= snap.totals.max_memory

    @settings(max_examples=40)
    @given(CHANCE)
    def test_subnets_are_not_asked_for_more_than_they_have(self, chance: Random) -> None:
        snap, options = drawn_snapshot(chance), drawn_options(chance)
        taken: dict[str, int] = {}
        for order in plan_up(snap, options).orders:
            subnet = snap.groups[order.group].subnets[0]
            taken[subnet] = taken.get(subnet, 0) + order.count
        for name, count in taken.items():
            free = [self.free(each) for each in snap.groups.values() if each.subnets[0] == name]
            assert count <= max(free)

    def free(self, each: Group) -> int:
        return 1 << 30 if each.free_addresses is None else sum(each.free_addresses.values())

    def total(self, snap: Snapshot, what: str, coming: Mapping[str, int], new: Mapping[str, int]) -> int:
        there = sum(each.capacity.get(what, 0) for each in snap.nodes.values())
        return there + sum(
            snap.templates[name].allocatable[what] * (coming[name] + new.get(name, 0)) for name in coming
        )


class TestDeterminism:
    """(f) The same snapshot gives the same plan."""

    @settings(max_examples=40)
    @given(CHANCE)
    def test_whatever_the_order_of_its_parts(self, chance: Random) -> None:
        snap, options = drawn_snapshot(chance), drawn_options(chance)
        assert plan_up(self.shuffled(snap, chance), options) == plan_up(snap, options)

    def shuffled(self, snap: Snapshot, chance: Random) -> Snapshot:
        mixed: dict[str, Any] = {}
        for name in ("nodes", "pods_of", "groups", "templates"):
            items = list(getattr(snap, name).items())
            chance.shuffle(items)
            mixed[name] = dict(items)
        waiting = list(snap.waiting)
        chance.shuffle(waiting)
        return replace(snap, waiting=tuple(waiting), **mixed)


class TestFaults:
    """(c), (d) What goes wrong in a group costs a few nodes there, and nothing elsewhere."""

    @pytest.mark.parametrize("number", range(4))
    def test_pods_that_never_bind_start_a_few_nodes_and_not_the_maximum(
        self, number: int, draw: Draw
    ) -> None:
        chance = draw.random(f"world {number}")
        world = PlanWorld(seed=number)
        for name in "abcd":
            world.add_group(name, drawn_fault(chance), promised={"team": "web"}, max_size=40)
        world.add_pods(60, WEB)
        lost = play_faults(world, chance, draw.rounds(12, of=60))
        assert world.bound() == 0
        for name, count in world.started().items():
            assert count - world.reclaimed.get(name, 0) <= 5 + lost, world.sent

    @pytest.mark.parametrize("number", range(4))
    def test_a_fault_in_one_group_changes_nothing_for_another(self, number: int, draw: Draw) -> None:
        chance = draw.random(f"world {number}")
        worlds = [PlanWorld(seed=number), PlanWorld(seed=number)]
        truths = [drawn_fault(chance), Truth()]
        waves = [chance.randint(1, 12) for _ in range(5)]
        for world, truth in zip(worlds, truths, strict=True):
            world.add_group("a", truth, promised={"team": "web"}, max_size=20)
            world.add_group("b", promised={"team": "db"}, max_size=40)
            for count in waves:
                world.add_pods(count, WEB)
                world.add_pods(count, DB)
                world.run(40.0)
        sent = [[each for each in world.sent if each.group == "b"] for world in worlds]
        assert sent[0] == sent[1]
        assert sent[0]
