"""What becomes of orders when groups are not what they seem: no stall, no runaway, on virtual time."""

from addons.autoscaler import names
from addons.autoscaler.model.groups import GroupOptions
from addons.autoscaler.model.pods import Taint
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.up import plan_up
from tests.support.as_growth import pod_class
from tests.support.as_plan_world import PlanWorld, Truth

WEB = pod_class("web", node_selector={"team": "web"})
PLAIN = pod_class("plain")
PROMISED = {"team": "web"}
MINUTE = 60.0
HOUR = 3600.0


def three_groups(truth: Truth) -> PlanWorld:
    """Three groups of at most six nodes that promise what pods ask for, and deliver something else."""
    world = PlanWorld()
    for name in "abc":
        world.add_group(name, truth, promised=PROMISED)
    return world


class TestAsPromised:
    """Groups that keep their word."""

    def test_all_pods_are_bound_after_a_probe(self) -> None:
        world = PlanWorld()
        world.add_group("a", promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(5 * MINUTE)
        assert (world.bound(), world.started()) == (12, {"a": 4})
        assert [each.count for each in world.sent] == [1, 3]

    def test_a_second_wave_is_ordered_at_once(self) -> None:
        world = PlanWorld()
        world.add_group("a", promised=PROMISED, max_size=20)
        world.add_pods(6, WEB)
        world.run(5 * MINUTE)
        world.add_pods(6, WEB)
        world.tick()
        world.look()
        first = len(world.sent)
        world.add_pods(6, WEB)
        world.tick()
        world.look()
        assert [each.count for each in world.sent[first - 1 :]] == [2, 2]

    def test_nothing_is_ordered_once_all_pods_have_places(self) -> None:
        world = PlanWorld()
        world.add_group("a", promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(5 * MINUTE)
        sent = list(world.sent)
        world.run(HOUR)
        assert world.sent == sent

    def test_no_order_is_open_when_all_is_done(self) -> None:
        world = PlanWorld()
        world.add_group("a", promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(10 * MINUTE)
        assert world.memory.groups["a"].intents == ()
        assert set(world.outcomes("a")) == {"absorbed"}


class TestLies:
    """Nodes come, and do not take the pods that they were ordered for."""

    def test_a_label_that_only_the_tag_has_costs_a_probe_for_each_group(self) -> None:
        world = three_groups(Truth(labels={"team": None}))
        world.add_pods(12, WEB)
        world.run(HOUR)
        assert (world.started(), world.bound()) == ({"a": 1, "b": 1, "c": 1}, 0)

    def test_it_is_told_in_what_the_node_differs_and_what_the_scheduler_says(self) -> None:
        world = three_groups(Truth(labels={"team": None}))
        world.add_pods(12, WEB)
        world.run(5 * MINUTE)
        told = next(each for each in world.news if each.reason == names.SCALE_UP_REFUTED)
        assert "label team is not there ('web' was expected)" in told.message
        assert "nodes are available" in told.message
        assert len(told.pods) == 12

    def test_a_taint_that_no_tag_tells_of_costs_a_probe_for_each_group(self) -> None:
        world = three_groups(Truth(taints=(Taint("dedicated", "db"),)))
        world.add_pods(12, WEB)
        world.run(HOUR)
        assert world.started() == {"a": 1, "b": 1, "c": 1}

    def test_nodes_that_are_smaller_than_foretold_cost_a_probe_for_each_group(self) -> None:
        world = three_groups(Truth(offers={"cpu": 400}))
        world.add_pods(12, WEB)
        world.run(HOUR)
        assert world.started() == {"a": 1, "b": 1, "c": 1}

    def test_a_reason_that_nobody_can_see_costs_a_probe_for_each_group(self) -> None:
        world = three_groups(Truth(refuses=frozenset({"web"})))
        world.add_pods(12, WEB)
        world.run(HOUR)
        assert world.started() == {"a": 1, "b": 1, "c": 1}

    def test_an_honest_group_serves_the_pods_meanwhile(self) -> None:
        world = three_groups(Truth(labels={"team": None}))
        world.add_group("honest", promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(10 * MINUTE)
        assert (world.bound(), world.started()["honest"]) == (12, 4)

    def test_other_pods_may_have_the_group(self) -> None:
        world = PlanWorld()
        world.add_group("a", Truth(labels={"team": None}), promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(5 * MINUTE)
        world.add_pods(6, PLAIN)
        world.run(5 * MINUTE)
        assert (world.bound(), world.started()) == (6, {"a": 2})

    def test_once_the_node_is_gone_the_tags_are_not_believed_again(self) -> None:
        world = PlanWorld()
        fleet = world.add_group("a", Truth(labels={"team": None}), promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(10 * MINUTE)
        fleet.desired = 0
        world.reclaim("a", 1)
        world.run(HOUR)
        assert world.started() == {"a": 1}

    def test_a_group_that_works_for_some_pods_is_tried_by_one_node_for_others(self) -> None:
        world = PlanWorld()
        world.add_group("a", Truth(labels={"team": None}), promised=PROMISED, max_size=20)
        world.add_pods(6, PLAIN)
        world.run(5 * MINUTE)
        fleet = world.fleets["a"]
        fleet.desired = 0
        world.pods.clear()
        world.reclaim("a", 9)
        before = fleet.started
        world.add_pods(30, WEB)
        world.run(HOUR)
        assert fleet.started - before == 1

    def test_without_memory_it_costs_one_more_node_at_most(self) -> None:
        world = PlanWorld()
        world.add_group("a", Truth(labels={"team": None}), promised=PROMISED)
        world.add_pods(12, WEB)
        for _ in range(8):
            world.run(20.0)
            world.restart(keeps_memory=False)
        world.run(HOUR)
        assert world.started()["a"] <= 2


class TestNeverJoins:
    """Instances that never become nodes."""

    def test_a_broken_image_costs_one_node_for_each_try(self) -> None:
        world = PlanWorld()
        world.add_group("a", Truth(join_after=None), promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(HOUR)
        assert 2 <= world.started()["a"] <= 4
        assert len(world.fleets["a"].machines) <= 1
        assert set(world.outcomes("a")) == {"never-joined"}

    def test_other_groups_are_not_kept_waiting(self) -> None:
        world = PlanWorld()
        world.add_group("a", Truth(join_after=None), promised=PROMISED)
        world.add_group("b", promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(5 * MINUTE)
        assert world.bound() >= 9

    def test_its_pods_are_served_elsewhere_once_it_is_known(self) -> None:
        world = PlanWorld()
        options = GroupOptions(provision_seconds=60.0)
        world.add_group("a", Truth(join_after=None), promised=PROMISED, options=options)
        world.add_group("b", promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(5 * MINUTE)
        assert world.bound() == 12

    def test_a_node_that_never_gets_ready_is_a_failure_too(self) -> None:
        world = PlanWorld(startup_seconds=120.0)
        world.add_group("a", Truth(ready_after=None), promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(10 * MINUTE)
        assert world.outcomes("a") == ["never-joined"]
        assert world.started() == {"a": 2}


class TestNoCapacity:
    """AWS cannot launch."""

    def test_one_zone_of_three_is_without_and_the_others_do_it(self) -> None:
        world = PlanWorld(balances=True)
        for zone in "abc":
            truth = Truth(capacity=0) if zone == "a" else Truth()
            world.add_group(f"z{zone}", truth, promised=PROMISED, zones=(f"eu-1{zone}",), max_size=9)
        world.add_pods(24, WEB)
        world.run(5 * MINUTE)
        assert (world.bound(), world.started()["za"]) == (24, 0)
        assert world.outcomes("za") == ["launch-failed"]

    def test_what_failed_is_planned_elsewhere_in_the_next_look(self) -> None:
        world = PlanWorld(expanders=("priority",))
        first = GroupOptions(priority=9)
        world.add_group("a", Truth(capacity=0), promised=PROMISED, options=first)
        world.add_group("b", promised=PROMISED)
        world.add_pods(3, WEB)
        world.run(20.0)
        assert [each.group for each in world.sent] == ["a", "b"]
        assert world.sent[1].at - world.sent[0].at <= 8.0

    def test_when_capacity_is_back_what_aws_owes_is_used_first(self) -> None:
        world = PlanWorld()
        fleet = world.add_group("a", Truth(capacity=0), promised=PROMISED)
        world.add_pods(3, WEB)
        world.run(2 * MINUTE)
        fleet.truth.capacity = 99
        world.run(20 * MINUTE)
        assert (world.bound(), fleet.started, fleet.desired) == (3, 1, 1)

    def test_desired_capacity_does_not_grow_while_nothing_comes(self) -> None:
        world = PlanWorld()
        fleet = world.add_group("a", Truth(capacity=0), promised=PROMISED)
        world.add_pods(30, WEB)
        world.run(2 * HOUR)
        assert fleet.desired == 1

    def test_a_part_that_came_is_used_and_the_rest_ordered_elsewhere(self) -> None:
        world = PlanWorld()
        world.add_group("a", Truth(capacity=3), promised=PROMISED)
        world.add_group("b", promised=PROMISED)
        world.add_pods(18, WEB)
        world.run(10 * MINUTE)
        assert world.bound() == 18
        assert sum(world.started().values()) == 6

    def test_when_all_groups_fail_one_node_at_a_time_is_tried(self) -> None:
        world = PlanWorld(max_unproven=4)
        for number in range(8):
            world.add_group(f"g{number}", Truth(join_after=None), promised=PROMISED)
        world.add_pods(40, WEB)
        world.run(15 * MINUTE)
        first = sum(world.started().values())
        assert first == 4
        world.run(HOUR)
        assert 1 <= sum(world.started().values()) - first <= 5

    def test_when_all_could_not_launch_and_can_again_pods_are_served_within_minutes(self) -> None:
        world = PlanWorld()
        for number in range(8):
            world.add_group(f"g{number}", Truth(capacity=0), promised=PROMISED)
        world.add_pods(60, WEB)
        world.run(30 * MINUTE)
        assert sum(fleet.desired for fleet in world.fleets.values()) <= 8
        for fleet in world.fleets.values():
            fleet.truth.capacity = 99
        world.run(5 * MINUTE)
        assert world.bound() == 60

    def test_a_full_subnet_orders_no_more_than_it_has(self) -> None:
        world = PlanWorld()
        world.add_group("a", promised=PROMISED, max_size=20)
        world.subnets["a"] = 2
        world.add_pods(30, WEB)
        world.run(10 * MINUTE)
        assert (world.started(), world.fleets["a"].failures) == ({"a": 2}, [])
        assert world.plan.held["a"].code == names.SUBNET_FULL


class TestCalls:
    """SetDesiredCapacity fails or does not answer."""

    def test_a_group_whose_call_fails_rests_and_another_is_ordered(self) -> None:
        world = PlanWorld()
        world.add_group("a", Truth(takes_orders=False), promised=PROMISED)
        world.add_group("b", promised=PROMISED)
        world.add_pods(12, WEB)
        world.run(5 * MINUTE)
        assert (world.bound(), world.started()["a"]) == (12, 0)

    def test_a_call_that_hangs_keeps_no_other_group_waiting(self) -> None:
        hanging, smooth = PlanWorld(), PlanWorld()
        for world, truth in ((hanging, Truth(hangs=True)), (smooth, Truth())):
            world.add_group("a", truth, promised=PROMISED)
            world.add_group("b", promised={"team": "db"})
            world.add_pods(3, WEB)
            world.add_pods(3, pod_class("db", node_selector={"team": "db"}))
            world.run(30.0)
        assert [each for each in hanging.sent if each.group == "b"] == [
            each for each in smooth.sent if each.group == "b"
        ]
        assert hanging.fleets["b"].started == 1

    def test_an_order_that_was_never_sent_is_forgotten(self) -> None:
        world = PlanWorld()
        fleet = world.add_group("a", Truth(hangs=True), promised=PROMISED)
        world.add_pods(3, WEB)
        world.run(10.0)
        world.restart(keeps_memory=True)
        fleet.truth.hangs = False
        world.run(3 * MINUTE)
        assert (world.bound(), fleet.started) == (3, 1)


class TestFights:
    """Somebody else lowers what is ordered."""

    def test_it_is_not_ordered_again_at_once(self) -> None:
        world = PlanWorld()
        fleet = world.add_group("a", Truth(launch_after=9.0), promised=PROMISED)
        world.add_pods(3, WEB)
        for _ in range(300):
            world.run(6.0)
            fleet.desired = 0
        assert len(world.sent) <= 5
        assert set(world.outcomes("a")) == {"launch-failed"}


class TestWhoeverAsked:
    """What is on its way counts, whoever asked for it, and whoever remembers."""

    def test_a_restart_between_order_and_boot_orders_nothing_twice(self) -> None:
        for keeps_memory in (True, False):
            world = PlanWorld()
            world.add_group("a", promised=PROMISED)
            world.add_pods(3, WEB)
            for _ in range(10):
                world.run(4.0)
                world.restart(keeps_memory=keeps_memory)
            world.run(3 * MINUTE)
            assert (world.bound(), world.started()) == (3, {"a": 1})

    def test_capacity_that_somebody_else_asked_for_is_counted(self) -> None:
        world = PlanWorld()
        fleet = world.add_group("a", promised=PROMISED)
        fleet.desired = 3
        world.add_pods(9, WEB)
        world.run(5 * MINUTE)
        assert (world.bound(), world.sent) == (9, [])

    def test_spot_instances_that_are_reclaimed_are_not_ordered_again(self) -> None:
        world = PlanWorld()
        world.add_group("spot", promised=PROMISED, max_size=20)
        world.add_pods(24, WEB)
        world.run(5 * MINUTE)
        sent = list(world.sent)
        world.reclaim("spot", 5)
        world.run(5 * MINUTE)
        assert (world.bound(), world.fleets["spot"].desired) == (24, 8)
        assert world.sent == sent

    def test_two_that_share_a_cluster_grow_for_pods_of_their_own(self) -> None:
        world = PlanWorld()
        world.add_group("a", promised=PROMISED)
        world.add_pods(3, pod_class("ours", namespace="ours"))
        world.add_pods(6, pod_class("theirs", namespace="theirs"))
        world.tick()
        seen = world.snapshot()
        ours, theirs = (
            {str(each) for each in plan_up(seen, GrowOptions(namespaces=frozenset({name}))).orders[0].pods}
            for name in ("ours", "theirs")
        )
        assert ours == {"ours/ours-1", "ours/ours-2", "ours/ours-3"}
        assert len(theirs) == 3
        assert not ours & theirs
