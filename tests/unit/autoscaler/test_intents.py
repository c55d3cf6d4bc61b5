"""The ledger of orders: how far each has come, and what it ended in."""

from typing import Any

import pytest
from msgspec import json

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group, GroupOptions, Instance, LaunchFailure
from addons.autoscaler.model.intents import GroupRecord, Intent, Memory, Refuted
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import News, Order
from addons.autoscaler.model.pods import Pod, PodTerm, Requirement, Spread
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.groups import group_states
from addons.autoscaler.plan.intents import advance, ordered, refused
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.resting import count_failures, is_breaker_open
from tests.support.as_growth import (
    LAUNCH,
    NOW,
    WEB,
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

OPTIONS = GrowOptions()
KEY = f"tags|{LAUNCH}|digest-a"
PROMISE = template(source="tags")
ZONE_B = {"topology.kubernetes.io/zone": "eu-1b"}


def intent(state: Any = "launching", count: int = 1, *, age: float = 60.0, **fields: Any) -> Intent:
    return Intent(
        **{
            "id": f"a/{age}",
            "group": "a",
            "count": count,
            "at": NOW - age,
            "template": KEY,
            "target": count,
            "state": state,
            "classes": {"web": 3},
            **fields,
        }
    )


def failure(age: float = 10.0, code: str = "OutOfCapacity", zone: str = "eu-1a") -> LaunchFailure:
    return LaunchFailure(f"x-{age}", NOW - age, code, "no such instances", zone)


def look(
    of: Group, record: GroupRecord, *, options: GrowOptions = OPTIONS, **fields: Any
) -> tuple[GroupRecord, list[News], Memory]:
    """What is remembered of a group after one look, and what is told."""
    snap = snapshot([of], records={of.name: record}, **{"templates": [PROMISE], **fields})
    memory, news = advance(snap.memory, snap, group_states(snap, options), options)
    return memory.groups.get(of.name, GroupRecord()), list(news), memory


def states(record: GroupRecord) -> list[str]:
    return [each.state for each in record.intents]


def fresh(instance_id: str = "i-1", **fields: Any) -> Node:
    """A node of an order, which has just joined."""
    return node(instance_id, **{"created": NOW - 20.0, "ready_changed": NOW - 5.0, **fields})


def ones(*ids: str) -> tuple[Instance, ...]:
    return tuple(map(instance, ids))


class TestOrdered:
    """An order is written down before it is sent."""

    def order(
        self, record: GroupRecord | None = None, count: int = 2, target: int = 2, desired: int = 0
    ) -> GroupRecord:
        waiting = pods(3)
        given = Order("a", count, target, tuple(waiting), "least-waste")
        memory = Memory(groups={"a": record} if record else {})
        return ordered(memory, given, group=group(desired=desired), template=PROMISE, now=NOW).groups["a"]

    def test_it_has_what_it_is_for(self) -> None:
        (written,) = self.order().intents
        assert (written.state, written.count, written.target) == ("requested", 2, 2)
        assert (written.classes, written.template) == ({"web": 3}, KEY)
        assert len(written.pods) == 3

    def test_its_capacity_is_upcoming_from_then_on(self) -> None:
        snap = snapshot([group()], records={"a": self.order()})
        assert group_states(snap, OPTIONS)["a"].upcoming == 2

    def test_capacity_that_was_given_up_is_expected_again(self) -> None:
        assert self.order(GroupRecord(undelivered=3), desired=3, count=2, target=3).undelivered == 1

    def test_what_has_come_since_was_not_given_up(self) -> None:
        assert self.order(GroupRecord(undelivered=3)).undelivered == 0

    def test_what_is_remembered_survives_a_config_map(self) -> None:
        memory = Memory(groups={"a": self.order(GroupRecord(seen={"i-1": NOW}, took=("x",)))})
        assert json.decode(json.encode(memory), type=Memory) == memory

    def test_an_order_that_fails_is_taken_back_and_its_group_rests(self) -> None:
        memory = Memory(groups={"a": self.order()})
        memory, (told,) = refused(memory, "a", code="Throttled", why="slow down", now=NOW, options=OPTIONS)
        record = memory.groups["a"]
        assert (record.intents, record.rests_until, record.failure) == ((), NOW + 300, "slow down")
        assert (told.reason, told.code) == (names.FAILED_TO_SCALE_UP_GROUP, "Throttled")
        assert memory.failed_intents == ((NOW, "a"),)


class TestStages:
    """From the request to nodes that are ready."""

    def test_aws_has_taken_it_when_desired_is_there(self) -> None:
        record, _, _ = look(group(desired=1), GroupRecord(intents=(intent("requested"),)))
        assert states(record) == ["launching"]

    def test_until_then_it_is_on_its_way(self) -> None:
        record, _, _ = look(group(), GroupRecord(intents=(intent("requested", age=59.0),)))
        assert states(record) == ["requested"]

    def test_one_that_aws_never_got_is_forgotten(self) -> None:
        record, news, _ = look(group(), GroupRecord(intents=(intent("requested", age=61.0),)))
        assert (record.intents, news) == ((), [])

    def test_new_instances_are_those_of_the_order(self) -> None:
        record, _, _ = look(group(instances=ones("i-1")), GroupRecord(intents=(intent(),)))
        assert record.intents[0].instances == ("i-1",)

    def test_instances_that_were_seen_before_are_not(self) -> None:
        before = GroupRecord(intents=(intent(),), seen={"i-1": NOW - 61})
        record, _, _ = look(group(desired=2, instances=ones("i-1")), before)
        assert record.intents[0].instances == ()

    def test_nodes_that_were_there_before_are_not(self) -> None:
        before = GroupRecord(intents=(intent(),))
        record, _, _ = look(group(desired=2, instances=ones("i-1")), before, nodes=[node()])
        assert record.intents[0].instances == ()

    def test_two_orders_share_no_instance(self) -> None:
        before = GroupRecord(intents=(intent(), intent(age=30.0)))
        record, _, _ = look(group(instances=ones("i-1", "i-2")), before)
        assert [each.instances for each in record.intents] == [("i-1",), ("i-2",)]

    def test_it_is_registered_when_all_have_joined(self) -> None:
        before = GroupRecord(intents=(intent(),))
        joined = fresh(not_ready_why="KubeletNotReady")
        record, _, _ = look(group(instances=ones("i-1")), before, nodes=[joined])
        assert states(record) == ["registered"]

    def test_it_is_ready_when_all_are_usable(self) -> None:
        before = GroupRecord(intents=(intent(),))
        given = group(instances=ones("i-1"))
        record, _, _ = look(given, before, nodes=[fresh()], waiting=pods(3))
        assert (states(record), record.intents[0].first_ready) == (["ready"], NOW)

    def test_an_instance_that_was_taken_away_is_replaced(self) -> None:
        before = GroupRecord(intents=(intent(instances=("gone",)),), seen={"i-2": NOW})
        record, _, _ = look(group(instances=ones("i-2")), before)
        assert record.intents[0].instances == ("i-2",)

    def test_an_order_that_somebody_takes_back_is_a_failure(self) -> None:
        record, (told,), _ = look(group(), GroupRecord(intents=(intent(age=61.0),)))
        assert (record.intents, record.rests_until) == ((), NOW + 300)
        assert (told.code, "was lowered to 0" in told.message) == ("Withdrawn", True)

    def test_so_is_one_whose_instances_somebody_ends(self) -> None:
        record, (told,), _ = look(group(), GroupRecord(intents=(intent(instances=("gone",)),)))
        assert (record.intents, told.code) == ((), "Withdrawn")

    def test_what_aws_shows_may_be_older_than_the_order(self) -> None:
        before = GroupRecord(intents=(intent(age=5.0),))
        record, news, _ = look(group(), before)
        assert (states(record), news) == (["launching"], [])
        assert group_states(snapshot([group()], records={"a": record}), OPTIONS)["a"].upcoming == 1


class TestLaunchFailures:
    """AWS says that it cannot launch."""

    def failing(self, *failures: LaunchFailure, **fields: Any) -> tuple[GroupRecord, list[News], Memory]:
        given = group(**{"desired": 1, "failures": failures, **fields})
        return look(given, GroupRecord(intents=(intent(),), grown_at=NOW - 60))

    def test_what_failed_counts_no_longer_and_the_group_rests(self) -> None:
        record, (told,), memory = self.failing(failure())
        assert (record.intents, record.undelivered, record.rests_until) == ((), 1, NOW + 300)
        assert (told.outcome, told.code) == ("launch-failed", "OutOfCapacity")
        assert "no such instances" in told.message
        assert memory.failed_intents == ((NOW, "a"),)

    def test_a_failure_from_before_the_order_is_no_matter(self) -> None:
        record, news, _ = self.failing(failure(age=70.0))
        assert (states(record), news) == (["launching"], [])

    def test_each_failure_counts_once(self) -> None:
        first, _, _ = self.failing(failure())
        given = group(desired=1, failures=(failure(),))
        again, news, _ = look(given, first)
        assert (again.failures, news) == (1, [])

    def test_a_group_of_several_zones_is_given_time_to_use_another(self) -> None:
        record, news, _ = self.failing(failure(), zones=("eu-1a", "eu-1b"))
        assert (states(record), news) == (["launching"], [])

    @pytest.mark.parametrize(
        "failures",
        [
            (failure(zone="eu-1a"), failure(zone="eu-1b")),
            (failure(zone=""),),
            (failure(code="QuotaExceeded"),),
        ],
    )
    def test_but_not_where_no_other_zone_can_help(self, failures: tuple[LaunchFailure, ...]) -> None:
        record, _, _ = self.failing(*failures, zones=("eu-1a", "eu-1b"))
        assert record.intents == ()

    def test_nodes_that_did_come_are_still_expected(self) -> None:
        given = group(desired=3, instances=ones("i-1"), failures=(failure(),))
        before = GroupRecord(intents=(intent(count=3),), grown_at=NOW - 60)
        record, _, _ = look(given, before)
        assert [(each.count, each.instances) for each in record.intents] == [(1, ("i-1",))]
        assert record.undelivered == 2

    def test_without_memory_a_failure_of_late_counts(self) -> None:
        record, _, _ = look(group(desired=1, failures=(failure(),)), GroupRecord())
        assert record.undelivered == 1

    def test_and_one_of_long_ago_does_not(self) -> None:
        record, _, _ = look(group(desired=1, failures=(failure(age=901.0),)), GroupRecord())
        assert record.undelivered == 0

    def test_capacity_that_never_comes_is_given_up_without_being_told_why(self) -> None:
        record, (told,), _ = look(group(desired=1), GroupRecord(owed_since=NOW - 901))
        assert (record.undelivered, told.code) == (1, "NotLaunched")

    def test_what_was_given_up_and_comes_after_all_counts_again(self) -> None:
        record, _, _ = look(group(desired=1, instances=ones("i-1")), GroupRecord(undelivered=1))
        assert record.undelivered == 0


class TestNeverJoined:
    """Instances that do not become usable nodes."""

    def test_the_group_rests_and_it_is_told(self) -> None:
        before = GroupRecord(intents=(intent(instances=("i-1",)),), seen={"i-1": NOW - 901})
        record, (told,), _ = look(group(instances=ones("i-1")), before)
        assert (record.intents, record.failures) == ((), 1)
        assert (told.reason, "i-1" in told.message) == (names.SCALE_UP_TIMED_OUT, True)

    def test_once_though_the_instance_is_there_for_a_while(self) -> None:
        before = GroupRecord(seen={"i-1": NOW - 905}, failures=1, last_failure=NOW - 3)
        record, news, _ = look(group(instances=ones("i-1")), before)
        assert (record.failures, news) == (1, [])

    def test_a_node_that_never_gets_ready_is_one_too(self) -> None:
        before = GroupRecord(intents=(intent(age=1000.0, instances=("i-1",)),))
        stuck = fresh(created=NOW - 901, not_ready_why="NetworkPluginNotReady")
        record, (told,), _ = look(group(instances=ones("i-1")), before, nodes=[stuck])
        assert (record.intents, told.code) == ((), "NeverReady")
        assert "NetworkPluginNotReady" in told.message


class TestStaleView:
    """What a stale view of the cluster does not show may be there all the same."""

    def test_no_instance_is_given_up(self) -> None:
        before = GroupRecord(intents=(intent(instances=("i-1",)),), seen={"i-1": NOW - 901})
        record, news, _ = look(group(instances=ones("i-1")), before, is_stale="nodes are read late")
        assert (states(record), record.failures, news) == (["launching"], 0, [])

    def test_no_pods_are_said_to_be_refused(self) -> None:
        open_order = intent("ready", instances=("i-1",), since=NOW - 60, first_ready=NOW - 60)
        before = GroupRecord(intents=(open_order,))
        given = group(instances=ones("i-1"))
        record, _, _ = look(given, before, nodes=[fresh()], waiting=pods(3), is_stale="pods are read late")
        assert (states(record), record.refuted) == (["ready"], ())


class TestAbsorption:
    """New nodes take the pods that they were ordered for, or not."""

    def ready(self, age: float = 16.0, **fields: Any) -> Intent:
        times = {"since": NOW - age, "first_ready": NOW - age}
        return intent("ready", instances=("i-1",), **{**times, **fields})

    def seen(
        self,
        *,
        waiting: list[Pod] | None = None,
        running: tuple[Pod, ...] = (),
        record: GroupRecord | None = None,
        nodes: list[Node] | None = None,
        **fields: Any,
    ) -> tuple[GroupRecord, list[News], Memory]:
        before = record or GroupRecord(intents=(self.ready(),))
        given = group(instances=ones("i-1"))
        nodes = [fresh()] if nodes is None else nodes
        return look(given, before, waiting=waiting or [], running=running, nodes=nodes, **fields)

    def test_a_pod_on_a_new_node_proves_the_group(self) -> None:
        record, (told,), _ = self.seen(running=(pod(node="node-i-1"),))
        assert (record.proven, record.step, record.intents) == (LAUNCH, 2, ())
        assert told.outcome == "absorbed"
        assert len(record.took) == 1

    def test_it_ends_failures_of_before_and_opens_the_cluster(self) -> None:
        before = GroupRecord(intents=(self.ready(),), failures=2, last_failure=NOW - 900)
        given = group(instances=ones("i-1"))
        snap = snapshot([given], records={"a": before}, nodes=[fresh()], running=[pod(node="node-i-1")])
        memory = replace_memory(snap, failed=((NOW - 60, "x"),))
        after, _ = advance(memory, snap, group_states(snap, OPTIONS), OPTIONS)
        assert (after.groups["a"].failures, after.failed_intents) == (0, ())

    def test_it_does_not_end_a_failure_of_since(self) -> None:
        before = GroupRecord(intents=(self.ready(),), failures=1, last_failure=NOW - 5, rests_until=NOW + 9)
        record, _, _ = self.seen(record=before, running=(pod(node="node-i-1"),))
        assert (record.failures, record.rests_until) == (1, NOW + 9)

    def test_pods_that_are_gone_were_no_failure(self) -> None:
        record, (told,), _ = self.seen()
        assert (told.outcome, record.step, record.proven) == ("absorbed", 2, "")

    def test_nodes_are_given_time_to_take_pods(self) -> None:
        before = GroupRecord(intents=(self.ready(14.0),))
        record, news, _ = self.seen(record=before, waiting=pods(3))
        assert (states(record), news) == (["ready"], [])

    def test_pods_that_stay_although_there_is_room_refute_the_group(self) -> None:
        record, (told,), _ = self.seen(waiting=pods(3))
        assert [each.cls for each in record.refuted] == ["web"]
        assert (told.reason, len(told.pods), record.intents) == (names.SCALE_UP_REFUTED, 3, ())
        assert record.step == 1

    def test_pods_of_another_class_on_the_node_do_not_help(self) -> None:
        other = pod("other", pod_class("other", cpu=100), node="node-i-1")
        record, _, _ = self.seen(waiting=pods(3), running=(other,))
        assert [each.cls for each in record.refuted] == ["web"]

    def test_unless_they_took_the_room(self) -> None:
        other = pod("other", pod_class("other", cpu=1900), node="node-i-1")
        record, _, _ = self.seen(waiting=pods(3), running=(other,))
        assert (record.refuted, record.intents) == ((), ())

    def test_pods_with_rules_about_others_may_stay_for_these(self) -> None:
        term = PodTerm("kubernetes.io/hostname", (Requirement("app", "Exists"),))
        shy = pod_class("web", anti_affinity=(term,))
        other = pod("other", pod_class("other", cpu=100), node="node-i-1")
        record, _, _ = self.seen(waiting=pods(3, shy), running=(other,))
        assert record.refuted == ()

    def test_pods_that_are_kept_off_by_a_spread_say_nothing_of_the_nodes(self) -> None:
        own = (Requirement("app", "In", ("web",)),)
        even = pod_class("web", spread=(Spread(1, "topology.kubernetes.io/zone", own),))
        nodes = [fresh(), fresh("i-2", zone="eu-1b", allocatable={}, labels={**PROMISE.labels, **ZONE_B})]
        running = (pod("there", pod_class("other", labels={"app": "web"}), node="node-i-1"),)
        record, _, _ = self.seen(waiting=pods(3, even), running=running, nodes=nodes)
        assert record.refuted == ()

    def test_pods_with_a_spread_that_would_fit_refute_the_group_all_the_same(self) -> None:
        own = (Requirement("app", "In", ("web",)),)
        even = pod_class("web", spread=(Spread(1, "topology.kubernetes.io/zone", own),))
        record, _, _ = self.seen(waiting=pods(3, even))
        assert [each.cls for each in record.refuted] == ["web"]

    def test_a_node_that_is_too_small_refutes_the_group(self) -> None:
        small = fresh(allocatable={"cpu": 100, "memory": 1 << 34, "pods": 29})
        record, (told,), _ = self.seen(waiting=pods(3), nodes=[small])
        assert [each.cls for each in record.refuted] == ["web"]
        assert "offers 100 cpu, and 500 are requested" in told.message

    def test_pods_that_the_scheduler_has_not_tried_say_nothing(self) -> None:
        record, _, _ = self.seen(waiting=pods(3, unschedulable_since=None))
        assert record.refuted == ()

    def test_of_several_classes_each_is_judged_by_itself(self) -> None:
        before = GroupRecord(intents=(self.ready(classes={"web": 1, "db": 1}),))
        db = pod("db", pod_class("db", node_selector={"disk": "fast"}))
        running = (pod(node="node-i-1"),)
        record, news, _ = self.seen(record=before, waiting=[db], running=running)
        assert (record.proven, [each.cls for each in record.refuted]) == (LAUNCH, ["db"])
        assert [each.outcome for each in news] == ["refuted", "absorbed"]

    def test_a_daemonset_pod_is_no_pod_that_was_taken(self) -> None:
        daemon = pod("agent", WEB, node="node-i-1", is_daemon=True)
        record, _, _ = self.seen(waiting=pods(3), running=(daemon,))
        assert [each.cls for each in record.refuted] == ["web"]


class TestRelease:
    """What was refuted is held until there is a reason to try again."""

    def kept(self, key: str = KEY, *, age: float = 60.0, **fields: Any) -> bool:
        before = proven(refuted=(Refuted(cls="web", template=key, why="x", at=NOW - age),))
        given = group(instances=ones("i-1"))
        record, _, _ = look(given, before, nodes=[node()], **fields)
        return any(not each.is_released for each in record.refuted)

    def test_while_the_template_is_the_same(self) -> None:
        assert self.kept()

    def test_not_when_the_tags_are_others(self) -> None:
        assert not self.kept(f"tags|{LAUNCH}|another")

    def test_not_when_the_launch_template_is_another(self) -> None:
        assert not self.kept("tags|lt-0:7|digest-a")

    def test_while_the_template_is_from_a_node_the_tags_may_still_lie(self) -> None:
        assert self.kept(templates=[template(digest="of-a-node")])

    def test_not_when_a_node_of_the_group_takes_such_pods(self) -> None:
        assert not self.kept(running=[pod(node="node-i-1")])

    def test_not_for_ever_when_there_are_no_such_pods(self) -> None:
        assert self.kept(age=90000.0, waiting=pods(1))
        assert not self.kept(age=90000.0)


class TestRest:
    """How long a group rests, and what all groups have to do with it."""

    def rest(self, record: GroupRecord, now: float = NOW) -> GroupRecord:
        memory = Memory(groups={"a": record})
        memory, _ = refused(memory, "a", code="X", why="x", now=now, options=OPTIONS)
        return memory.groups["a"]

    def test_it_doubles_up_to_a_limit(self) -> None:
        record, rests = GroupRecord(), []
        now = NOW
        for _ in range(5):
            record = self.rest(record, now)
            rests.append(record.rests_until - now)
            now = record.rests_until + 1
        assert rests == [300, 600, 1200, 1800, 1800]

    def test_a_failure_while_it_rests_makes_it_no_longer(self) -> None:
        record = self.rest(self.rest(GroupRecord()), NOW + 60)
        assert (record.failures, record.rests_until) == (1, NOW + 300)

    def test_a_node_that_joined_since_and_has_pods_ends_it(self) -> None:
        before = GroupRecord(failures=3, last_failure=NOW - 60, rests_until=NOW + 1000)
        given, running = group(instances=ones("i-1")), [pod(node="node-i-1")]
        record, _, _ = look(given, before, nodes=[fresh()], running=running)
        assert (record.failures, record.rests_until) == (0, 0.0)

    def test_a_node_that_was_there_before_does_not(self) -> None:
        before = GroupRecord(failures=3, last_failure=NOW - 60, rests_until=NOW + 1000)
        given, running = group(instances=ones("i-1")), [pod(node="node-i-1")]
        record, _, _ = look(given, before, nodes=[node()], running=running)
        assert record.failures == 3

    def test_failures_of_long_ago_are_forgotten(self) -> None:
        record, _, _ = look(group(), proven(failures=3, last_failure=NOW - 10801))
        assert record.failures == 0

    def test_the_cluster_is_careful_after_failures_of_three_groups(self) -> None:
        memory = count_failures(Memory(), ["a", "b"], NOW)
        assert not is_breaker_open(memory, NOW)
        assert is_breaker_open(count_failures(memory, ["c"], NOW), NOW)

    def test_or_after_five_of_the_same(self) -> None:
        assert is_breaker_open(count_failures(Memory(), ["a"] * 5, NOW), NOW)

    def test_until_half_an_hour_has_passed_without_one(self) -> None:
        memory = count_failures(Memory(), ["a", "b", "c"], NOW)
        assert is_breaker_open(memory, NOW + 1800)
        assert not is_breaker_open(memory, NOW + 1801)

    def test_one_more_while_it_is_careful_keeps_it_so(self) -> None:
        memory = count_failures(Memory(), ["a", "b", "c"], NOW)
        memory = count_failures(memory, ["d"], NOW + 1700)
        assert is_breaker_open(memory, NOW + 3400)


class TestMemory:
    """What is not worth remembering is not kept."""

    def test_a_quiet_group_leaves_nothing(self) -> None:
        snap = snapshot([group()], records={})
        memory, news = advance(snap.memory, snap, group_states(snap, OPTIONS), OPTIONS)
        assert (memory, news) == (Memory(), ())

    def test_a_group_that_is_not_in_the_answer_is_not_forgotten(self) -> None:
        snap = snapshot([group("a")], records={"gone": proven()})
        memory, _ = advance(snap.memory, snap, group_states(snap, OPTIONS), OPTIONS)
        assert "gone" in memory.groups

    def test_how_long_an_instance_may_take_counts_from_when_it_was_seen_first(self) -> None:
        options = GroupOptions(provision_seconds=60.0)
        given = group(instances=ones("i-1"), options=options)
        record, _, _ = look(given, GroupRecord())
        assert record.seen == {"i-1": NOW}


def replace_memory(snap: Snapshot, *, failed: tuple[tuple[float, str], ...]) -> Memory:
    return Memory(groups=snap.memory.groups, failed_intents=failed)
