"""Which groups grow by how many nodes, for which pods, and why the rest waits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from addons.autoscaler import names
from addons.autoscaler.model.groups import GroupOptions
from addons.autoscaler.model.intents import GroupRecord, Intent, Memory, Refuted
from addons.autoscaler.model.plans import GrowPlan
from addons.autoscaler.model.pods import PodTerm, Requirement, Spread, Taint
from addons.autoscaler.model.snapshot import Snapshot, Totals
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.proof import kept_promise, proof_of
from addons.autoscaler.plan.up import plan_up
from tests.support.as_growth import (
    GIB,
    LAUNCH,
    NOW,
    group,
    instance,
    node,
    pod,
    pod_class,
    pods,
    proven,
    snapshot,
    template,
)

BIG = pod_class("big", cpu=1500)
PROMISE = template("a", labels={"team": "web"}, source="tags", digest="promise")
PICKY = pod_class("picky", node_selector={"team": "web"})


def planned(snap: Snapshot, **options: Any) -> GrowPlan:
    return plan_up(snap, GrowOptions(**options))


def counts(snap: Snapshot, **options: Any) -> dict[str, int]:
    return {order.group: order.count for order in planned(snap, **options).orders}


def codes(plan: GrowPlan) -> list[str]:
    return [each.why.code for each in plan.waits if each.why is not None]


def group_codes(plan: GrowPlan) -> Mapping[str, str]:
    return {name: why.code for name, why in plan.waits[0].groups.items()}


class TestOrders:
    """Groups grow by as many nodes as pods need."""

    def test_a_pod_without_a_place_orders_a_node(self) -> None:
        (order,) = planned(snapshot([group()], waiting=[pod()])).orders
        assert (order.group, order.count, order.target, order.is_probe) == ("a", 1, 1, False)
        assert [each.name for each in order.pods] == ["web-0"]

    def test_without_pods_nothing_is_ordered(self) -> None:
        assert planned(snapshot([group()])) == GrowPlan()

    def test_as_many_nodes_as_the_pods_need_beside_daemonsets(self) -> None:
        agent = pod_class("agent", cpu=430)
        given = template("a", daemons=(agent,))
        assert counts(snapshot([group()], waiting=pods(9), templates=[given])) == {"a": 3}

    def test_every_pod_of_an_order_is_in_it_once(self) -> None:
        (order,) = planned(snapshot([group()], waiting=[*pods(7), *pods(3, BIG)])).orders
        assert sorted(each.name for each in order.pods) == sorted(
            each.name for each in [*pods(7), *pods(3, BIG)]
        )

    def test_what_one_group_cannot_hold_goes_to_the_next_in_the_same_plan(self) -> None:
        groups = [group("a", max_size=2), group("b", max_size=9)]
        assert counts(snapshot(groups, waiting=pods(12)), expanders=("random",)) in (
            {"a": 2, "b": 2},
            {"b": 4},
        )

    def test_each_pod_goes_to_a_group_that_it_fits(self) -> None:
        groups = [group("a"), group("b")]
        templates = [template("a"), template("b", labels={"team": "web"}, taints=(Taint("only", "web"),))]
        tolerant = pod_class("picky", node_selector={"team": "web"}, tolerations=())
        found = planned(snapshot(groups, waiting=[pod(), pod("p", tolerant)], templates=templates))
        assert [order.group for order in found.orders] == ["a"]
        assert found.waits[0].groups["b"].code == names.UNTOLERATED_TAINT

    def test_the_expander_is_asked_for_each_order(self) -> None:
        groups = [
            group("dear", options=GroupOptions(price=1.0)),
            group("cheap", max_size=1, options=GroupOptions(price=0.1)),
        ]
        found = counts(snapshot(groups, waiting=pods(6)), expanders=("price",))
        assert found == {"cheap": 1, "dear": 1}

    def test_important_pods_get_the_last_node(self) -> None:
        waiting = [*pods(3, prefix="plain"), *pods(3, prefix="vip", priority=7)]
        (order,) = planned(snapshot([group(max_size=1)], waiting=waiting)).orders
        assert [each.name for each in order.pods] == ["vip-0", "vip-1", "vip-2"]

    def test_the_bound_by_volume_is_told(self) -> None:
        assert planned(snapshot([group()], waiting=pods(9))).volume_bound == 3


class TestServed:
    """Pods that fit what is there, or on its way, order nothing."""

    def test_room_on_a_node_is_used_first(self) -> None:
        busy = group(instances=(instance(),))
        found = planned(snapshot([busy], waiting=[pod()], nodes=[node()]))
        assert (found.orders, codes(found)) == ((), [names.FITS_EXISTING])

    def test_room_on_its_way_is_used_first(self) -> None:
        found = planned(snapshot([group(desired=1)], waiting=pods(3)))
        assert (found.orders, set(codes(found))) == ((), {names.FITS_UPCOMING})

    def test_only_what_does_not_fit_it_orders_more(self) -> None:
        (order,) = planned(snapshot([group(desired=1)], waiting=pods(4))).orders
        assert (order.count, order.target, len(order.pods)) == (1, 2, 1)

    def test_a_node_that_starts_has_room_beside_its_pods(self) -> None:
        busy = group(instances=(instance(),))
        starting = node(created=NOW - 9, starting_why="no DaemonSet pods yet")
        snap = snapshot([busy], waiting=pods(3), nodes=[starting], running=[pod("x", node=starting.name)])
        assert len(planned(snap).orders[0].pods) == 1

    def test_a_nominated_pod_takes_the_room_of_its_node(self) -> None:
        busy = group(instances=(instance(),))
        waiting = [pod("vip", BIG, nominated_node="node-i-1"), pod()]
        assert counts(snapshot([busy], waiting=waiting, nodes=[node()])) == {"a": 1}

    def test_a_nominated_pod_is_told_so(self) -> None:
        snap = snapshot(waiting=[pod(nominated_node="node-i-1")], nodes=[node()])
        assert codes(planned(snap)) == [names.FITS_EXISTING]

    def test_pods_of_a_drained_node_need_a_place_and_are_not_told_so(self) -> None:
        busy = group(instances=(instance(),))
        drained = node(to_be_deleted_since=NOW)
        running = [pod(str(number), node=drained.name) for number in range(2)]
        found = planned(snapshot([busy], nodes=[drained], running=running))
        assert (len(found.orders[0].pods), found.waits) == (2, ())

    def test_pods_of_a_drained_node_that_fit_another_order_nothing(self) -> None:
        busy = group(instances=(instance(), instance("i-2")))
        drained = node(to_be_deleted_since=NOW)
        snap = snapshot([busy], nodes=[drained, node("i-2")], running=[pod(node=drained.name)])
        assert planned(snap).orders == ()

    def test_expendable_pods_make_way(self) -> None:
        busy = group(instances=(instance(),))
        running = [pod("low", BIG, node="node-i-1", priority=-20)]
        assert counts(snapshot([busy], waiting=[pod("b", BIG)], nodes=[node()], running=running)) == {}
        assert counts(
            snapshot(
                [busy], waiting=[pod("b", BIG)], nodes=[node()], running=[replace(running[0], priority=0)]
            )
        ) == {"a": 1}

    def test_a_node_that_is_not_ready_has_no_room(self) -> None:
        busy = group(instances=(instance(),))
        assert counts(snapshot([busy], waiting=[pod()], nodes=[node(not_ready_why="x")])) == {"a": 1}


class TestLimits:
    """No limit is broken, and the one that holds is named."""

    def held(self, snap: Snapshot, **options: Any) -> tuple[int, str]:
        """How many nodes are ordered, and which limit keeps it from more."""
        found = planned(snap, **options)
        (why,) = found.held.values()
        return sum(order.count for order in found.orders), why.code

    def test_the_maximum_of_the_group(self) -> None:
        assert self.held(snapshot([group(max_size=2)], waiting=pods(9))) == (2, names.AT_MAX)

    def test_its_step(self) -> None:
        given = group(options=GroupOptions(max_step=2))
        assert self.held(snapshot([given], waiting=pods(9))) == (2, names.STEP_LIMIT)

    def test_nodes_of_the_cluster(self) -> None:
        snap = snapshot([group()], waiting=pods(9), nodes=[node("i-x", name="x", allocatable={})])
        assert self.held(replace(snap, totals=Totals(max_nodes=3))) == (2, names.TOTAL_LIMIT)

    def test_cores_of_the_cluster(self) -> None:
        snap = snapshot([group()], waiting=pods(9), totals=Totals(max_cores=4))
        assert self.held(snap) == (2, names.TOTAL_LIMIT)

    def test_memory_of_the_cluster(self) -> None:
        snap = snapshot([group()], waiting=pods(9), totals=Totals(max_memory=15 * GIB))
        assert self.held(snap) == (2, names.TOTAL_LIMIT)

    def test_nodes_of_one_pass(self) -> None:
        assert self.held(snapshot([group()], waiting=pods(9)), max_per_pass=2) == (2, names.STEP_LIMIT)

    def test_nodes_on_their_way(self) -> None:
        snap = snapshot([group(desired=1)], waiting=pods(12))
        assert self.held(snap, max_step_total=3) == (2, names.STEP_LIMIT)

    def test_addresses_of_its_subnets(self) -> None:
        given = group(free_addresses={"eu-1a": 2})
        assert self.held(snapshot([given], waiting=pods(9))) == (2, names.SUBNET_FULL)

    def test_addresses_are_shared_by_the_groups_of_a_subnet(self) -> None:
        groups = [
            group(name, subnets=("shared",), free_addresses={"eu-1a": 3}, max_size=2) for name in ("a", "b")
        ]
        assert sum(counts(snapshot(groups, waiting=pods(30))).values()) == 3

    def test_a_pod_that_is_left_is_told_of_every_group(self) -> None:
        groups = [group("a", max_size=0), group("b"), group("c")]
        templates = [template("a"), template("b")]
        waiting = [pod("p", pod_class("huge", cpu=9000))]
        found = planned(snapshot(groups, waiting=waiting, templates=templates, untemplated={"c": "no type"}))
        assert group_codes(found) == {
            "a": names.INSUFFICIENT,
            "b": names.INSUFFICIENT,
            "c": names.NO_TEMPLATE,
        }

    def test_a_group_that_is_full_is_named_for_pods_that_would_fit_it(self) -> None:
        found = planned(snapshot([group(max_size=0)], waiting=[pod()]))
        assert group_codes(found) == {"a": names.AT_MAX}

    def test_without_a_ready_node_nothing_grows_where_that_is_asked_for(self) -> None:
        found = planned(snapshot([group()], waiting=[pod()]), grows_from_zero=False)
        assert (found.orders, group_codes(found)) == ((), {"a": names.UNHEALTHY})


class TestProbes:
    """What has not proven itself grows by one node first."""

    def test_an_unproven_group_adds_one_node(self) -> None:
        snap = snapshot([group()], waiting=pods(12), records={})
        (order,) = planned(snap).orders
        assert (order.count, order.is_probe, len(order.pods)) == (1, True, 3)

    def test_pods_that_a_probe_cannot_take_go_to_another_group(self) -> None:
        snap = snapshot([group("a"), group("b")], waiting=pods(12), records={"b": proven()})
        snap = replace(snap, templates={"a": template("a"), "b": template("b", source="node")})
        assert counts(snap, expanders=("least-nodes",)) == {"a": 1, "b": 3}

    def test_unproven_groups_together_keep_to_a_limit(self) -> None:
        groups = [group(name) for name in "abcdef"]
        snap = snapshot(groups, waiting=pods(60), records={})
        assert sum(counts(snap, max_unproven=4).values()) == 4

    def test_tags_are_on_trial_for_a_demand_that_no_node_has_met_yet(self) -> None:
        snap = snapshot([group()], waiting=pods(12, PICKY), templates=[PROMISE])
        (order,) = planned(snap).orders
        assert (order.count, order.is_probe) == (1, True)

    def test_tags_that_have_kept_their_word_are_trusted(self) -> None:
        kept = proven(took=(kept_promise("promise", proof_of(PROMISE, PICKY)),))
        snap = snapshot([group()], waiting=pods(12, PICKY), templates=[PROMISE], records={"a": kept})
        assert counts(snap) == {"a": 4}

    def test_a_roll_out_is_not_on_trial_again(self) -> None:
        kept = proven(took=(kept_promise("promise", proof_of(PROMISE, PICKY)),))
        rolled_out = pod_class("v2", node_selector=PICKY.node_selector)
        snap = snapshot([group()], waiting=pods(12, rolled_out), templates=[PROMISE], records={"a": kept})
        assert counts(snap) == {"a": 4}

    def test_after_failures_of_several_groups_one_node_is_tried_in_all(self) -> None:
        memory = Memory(
            groups={"a": proven(), "b": proven()},
            failed_intents=((NOW - 60, "x"), (NOW - 50, "y"), (NOW - 40, "z")),
        )
        snap = replace(snapshot([group("a"), group("b")], waiting=pods(12)), memory=memory)
        found = planned(snap)
        assert sum(order.count for order in found.orders) == 1
        assert {why.code for why in found.held.values()} == {names.BREAKER_OPEN}


class TestHolds:
    """Pods of a class are kept from a group that does not take them."""

    def refuted(self, key: str = f"tags|{LAUNCH}|digest-a") -> GroupRecord:
        return proven(refuted=(Refuted(cls="web", template=key, why="label team is not there", at=NOW),))

    def test_a_refuted_pair_orders_nothing_and_says_why(self) -> None:
        promise = template(source="tags")
        snap = snapshot([group()], waiting=pods(3), templates=[promise], records={"a": self.refuted()})
        found = planned(snap)
        assert (found.orders, group_codes(found)) == ((), {"a": names.REFUTED})
        assert "label team is not there" in found.waits[0].groups["a"].message

    def test_other_classes_still_may(self) -> None:
        snap = snapshot([group()], waiting=[pod("b", BIG)], records={"a": self.refuted()})
        assert counts(snap) == {"a": 1}

    def test_another_template_is_tried_again_by_one_node(self) -> None:
        record = self.refuted(f"node|{LAUNCH}|another")
        (order,) = planned(snapshot([group()], waiting=pods(30), records={"a": record})).orders
        assert (order.count, order.is_probe) == (1, True)

    def test_a_node_that_is_there_shows_nothing_of_what_the_tags_will_promise(self) -> None:
        snap = snapshot([group()], waiting=pods(3), records={"a": self.refuted()})
        assert counts(snap) == {}

    def test_refuted_pods_have_no_room_on_nodes_of_that_group(self) -> None:
        groups = [group("a", instances=(instance(),)), group("b")]
        records = {"a": self.refuted(), "b": proven()}
        assert counts(snapshot(groups, waiting=pods(3), nodes=[node()], records=records)) == {"b": 1}

    @pytest.mark.parametrize(("age", "code"), [(14.0, names.PROBING), (16.0, "")])
    def test_while_new_nodes_settle_no_more_are_ordered_for_their_pods(self, age: float, code: str) -> None:
        intent = Intent(
            id="x",
            group="a",
            count=1,
            at=NOW - 60,
            template="",
            state="registered",
            first_ready=NOW - age,
            instances=("i-1",),
            classes={"web": 3},
        )
        cold = node(allocatable={"cpu": 100})
        snap = snapshot(
            [group(instances=(instance(),))],
            waiting=pods(3),
            nodes=[cold],
            records={"a": proven(intents=(intent,))},
        )
        found = planned(snap)
        assert (group_codes(found)["a"] if found.waits else "") == code
        assert bool(found.orders) is not bool(code)


class TestBalance:
    """New nodes are spread over similar groups, in one plan."""

    def zones(self, *sizes: int, **fields: Any) -> Snapshot:
        groups = [group(f"z{n}", desired=size, **fields) for n, size in enumerate(sizes)]
        templates = [template(f"z{n}", zone=f"eu-1{'abc'[n]}", source="node") for n in range(len(sizes))]
        big = pod_class("big", cpu=1900)
        return snapshot(groups, waiting=pods(sum(sizes) + 6, big), templates=templates)

    def test_equal_groups_get_equal_shares(self) -> None:
        assert counts(self.zones(0, 0, 0), balances=True) == {"z0": 2, "z1": 2, "z2": 2}

    def test_smaller_groups_catch_up(self) -> None:
        assert counts(self.zones(0, 1, 3), balances=True) == {"z0": 4, "z1": 2}

    def test_what_one_group_may_not_add_the_others_do(self) -> None:
        snap = self.zones(0, 0, 0)
        snap = replace(snap, groups={**snap.groups, "z1": group("z1", max_size=1)})
        assert counts(snap, balances=True) == {"z0": 3, "z1": 1, "z2": 2}

    def test_a_group_that_rests_is_left_out(self) -> None:
        snap = self.zones(0, 0, 0)
        resting = {**snap.memory.groups, "z1": proven(rests_until=NOW + 9)}
        assert counts(replace(snap, memory=Memory(groups=resting)), balances=True) == {"z0": 3, "z2": 3}

    def test_limits_that_groups_share_are_kept(self) -> None:
        snap = replace(self.zones(0, 0, 0), totals=Totals(max_nodes=4))
        assert sum(counts(snap, balances=True).values()) == 4
        shared = self.zones(0, 0, 0, subnets=("one",), free_addresses={"eu-1a": 3})
        assert counts(shared, balances=True) == {"z0": 1, "z1": 1, "z2": 1}

    def test_a_group_without_nodes_takes_part_beside_its_live_twins(self) -> None:
        snap = self.zones(0, 1, 3)
        offer = {"cpu": 2000, "memory": 8 * GIB, "pods": 29}
        tags = template("z0", zone="eu-1a", allocatable=offer, source="tags")
        kept = proven(took=(kept_promise(tags.digest, proof_of(tags, snap.waiting[0].cls)),))
        groups = {**snap.memory.groups, "z0": kept}
        snap = replace(snap, templates={**snap.templates, "z0": tags}, memory=Memory(groups=groups))
        assert counts(snap, balances=True) == {"z0": 4, "z1": 2}


class TestMinimum:
    """Groups below their minimum are raised where that is asked for."""

    def test_a_group_is_raised_to_its_minimum(self) -> None:
        assert counts(snapshot([group(min_size=2)]), enforces_min=True) == {"a": 2}

    def test_pods_use_these_nodes_before_more_are_ordered(self) -> None:
        snap = snapshot([group(min_size=2)], waiting=pods(6), templates=[template(source="node")])
        assert counts(snap, enforces_min=True) == {"a": 2}

    def test_without_it_nothing_happens(self) -> None:
        assert counts(snapshot([group(min_size=2)])) == {}


class TestRulesBetweenPods:
    """Rules between pods count over nodes of the same plan."""

    def test_pods_that_keep_off_each_other_get_a_node_each(self) -> None:
        term = PodTerm("kubernetes.io/hostname", (Requirement("app", "In", ("lone",)),))
        lone = pod_class("lone", anti_affinity=(term,))
        snap = snapshot([group()], waiting=pods(4, lone), templates=[template(source="node")])
        assert counts(snap) == {"a": 4}

    def zonal(self, count: int, *sizes: int, **fields: Any) -> Snapshot:
        """Three groups of one zone each, with some nodes, and pods that are to be spread over zones."""
        own = (Requirement("app", "In", ("even",)),)
        even = pod_class("even", spread=(Spread(1, "topology.kubernetes.io/zone", own),))
        zones = [f"eu-1{letter}" for letter in "abc"]
        groups, templates, nodes = [], [], []
        for zone, size in zip(zones, sizes or (0, 0, 0), strict=True):
            made = template(f"g-{zone}", zone=zone)
            templates.append(made)
            ids = [f"i-{zone}-{number}" for number in range(size)]
            nodes += [node(each, made, allocatable={"cpu": 0}) for each in ids]
            groups.append(group(made.group, zones=(zone,), instances=tuple(map(instance, ids)), **fields))
        return snapshot(groups, waiting=pods(count, even), templates=templates, nodes=nodes)

    def test_pods_that_are_spread_over_zones_get_nodes_in_all_of_them_in_one_plan(self) -> None:
        for expander in ("least-waste", "most-pods"):
            found = counts(self.zonal(18), expanders=(expander,))
            assert found == {"g-eu-1a": 2, "g-eu-1b": 2, "g-eu-1c": 2}

    def test_zones_with_nodes_are_no_different(self) -> None:
        found = planned(self.zonal(9, 1, 1, 1))
        assert sorted(len(order.pods) for order in found.orders) == [3, 3, 3]

    def test_a_zone_that_cannot_grow_keeps_the_others_level_with_it(self) -> None:
        snap = self.zonal(9, 1, 1, 1)
        resting = {**snap.memory.groups, "g-eu-1b": proven(rests_until=NOW + 9)}
        found = planned(replace(snap, memory=Memory(groups=resting)))
        assert {order.group: len(order.pods) for order in found.orders} == {"g-eu-1a": 1, "g-eu-1c": 1}
        assert {each.groups["g-eu-1a"].code for each in found.waits} == {names.TOPOLOGY_SPREAD}

    def test_a_zone_that_may_add_little_keeps_the_others_level_with_it(self) -> None:
        snap = self.zonal(30)
        snap = replace(
            snap, groups={**snap.groups, "g-eu-1b": group("g-eu-1b", zones=("eu-1b",), max_size=1)}
        )
        found = planned(snap)
        assert {order.group: len(order.pods) for order in found.orders} == {
            "g-eu-1a": 4,
            "g-eu-1b": 3,
            "g-eu-1c": 4,
        }

    def test_once_ordered_the_pods_fit_what_is_on_its_way(self) -> None:
        snap = self.zonal(18)
        groups = {name: replace(each, desired=2) for name, each in snap.groups.items()}
        assert counts(replace(snap, groups=groups)) == {}

    def test_also_when_a_zone_has_its_nodes_before_the_others(self) -> None:
        snap = self.zonal(18)
        made = snap.templates["g-eu-1a"]
        nodes = [node(each, made) for each in ("i-1", "i-2")]
        groups = {name: replace(each, desired=2) for name, each in snap.groups.items()}
        groups["g-eu-1a"] = replace(
            groups["g-eu-1a"], instances=tuple(instance(each.instance) for each in nodes)
        )
        snap = replace(
            snap,
            groups=groups,
            nodes={each.name: each for each in nodes},
            pods_of={each.name: () for each in nodes},
        )
        assert counts(snap) == {}
