"""What is going on in a group: what is there, what comes, and why it may not grow."""

from typing import Any

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group, GroupOptions, Instance
from addons.autoscaler.model.intents import GroupRecord, Intent
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GroupState
from addons.autoscaler.model.pods import Pod
from addons.autoscaler.plan.groups import group_states
from addons.autoscaler.plan.options import GrowOptions
from tests.support.as_growth import LAUNCH, NOW, group, instance, node, pod, proven, snapshot


def state(
    of: Group,
    *nodes: Node,
    record: GroupRecord | None = None,
    running: tuple[Pod, ...] = (),
    **fields: Any,
) -> GroupState:
    records = {of.name: record or proven()}
    found = snapshot([of], nodes=nodes, running=running, records=records, **fields)
    return group_states(found, GrowOptions())[of.name]


def instances(*ids: str, **fields: Any) -> tuple[Instance, ...]:
    return tuple(instance(each, **fields) for each in ids)


def sent(target: int, count: int = 1) -> Intent:
    return Intent(id="x", group="a", count=count, at=NOW, template="", target=target)


def code(found: GroupState) -> str:
    return found.why_not.code if found.why_not else ""


class TestCounts:
    """Every instance is in one of a few states."""

    def test_a_node_that_is_ready_is_not_upcoming(self) -> None:
        found = state(group(instances=instances("i-1")), node())
        assert (found.ready, found.upcoming) == (1, 0)

    def test_what_aws_has_still_to_deliver_is_upcoming_whoever_asked(self) -> None:
        assert state(group(desired=3)).upcoming == 3

    def test_an_instance_without_a_node_is_upcoming(self) -> None:
        found = state(group(instances=instances("i-1")))
        assert (found.unregistered, found.upcoming) == (1, 1)

    def test_a_young_node_that_is_not_ready_is_upcoming(self) -> None:
        young = node(created=NOW - 30, not_ready_why="KubeletNotReady")
        found = state(group(instances=instances("i-1")), young)
        assert (found.starting, found.upcoming) == (1, 1)

    def test_a_ready_node_with_a_startup_taint_is_upcoming(self) -> None:
        young = node(created=NOW - 30, starting_why="taint cni has not gone")
        assert state(group(instances=instances("i-1")), young).upcoming == 1

    def test_a_node_that_starts_for_too_long_is_unready(self) -> None:
        old = node(created=NOW - 901, not_ready_why="KubeletNotReady")
        found = state(group(instances=instances("i-1")), old)
        assert (found.unready, found.upcoming) == (1, 0)

    def test_an_instance_that_is_leaving_is_replaced_and_so_upcoming(self) -> None:
        found = state(group(desired=1, instances=instances("i-1", state="Terminating")), node())
        assert (found.ready, found.upcoming) == (0, 1)

    def test_a_node_that_we_remove_is_neither_there_nor_upcoming(self) -> None:
        found = state(group(instances=instances("i-1")), node(to_be_deleted_since=NOW))
        assert (found.ready, found.unready, found.upcoming) == (0, 0, 0)

    def test_an_instance_that_never_joined_is_lost(self) -> None:
        record = proven(seen={"i-1": NOW - 901})
        found = state(group(instances=instances("i-1")), record=record)
        assert (found.lost, found.upcoming) == (("i-1",), 0)

    def test_how_long_an_instance_may_take_is_the_groups_own(self) -> None:
        options = GroupOptions(provision_seconds=60.0)
        record = proven(seen={"i-1": NOW - 61})
        assert state(group(instances=instances("i-1"), options=options), record=record).lost == ("i-1",)

    def test_an_instance_that_is_seen_for_the_first_time_is_not_lost(self) -> None:
        assert state(group(instances=instances("i-1"))).lost == ()

    def test_capacity_that_was_given_up_is_not_upcoming(self) -> None:
        found = state(group(desired=3), record=proven(undelivered=2))
        assert (found.upcoming, found.given_up) == (1, 2)

    def test_an_order_on_its_way_to_aws_is_upcoming(self) -> None:
        found = state(group(desired=0), record=proven(intents=(sent(2, 2),)))
        assert (found.upcoming, found.target) == (2, 2)


class TestWhyNot:
    """A group that may not grow says why."""

    def test_a_group_at_its_maximum(self) -> None:
        assert code(state(group(max_size=2, desired=2))) == names.AT_MAX

    def test_capacity_that_failed_to_come_can_be_ordered_again_at_the_maximum(self) -> None:
        found = state(group(max_size=2, desired=2), record=proven(undelivered=1))
        assert (code(found), found.step) == ("", 1)

    def test_a_group_without_a_template(self) -> None:
        found = state(group(), templates=[], untemplated={"a": "type x9.huge is not known"})
        assert found.why_not is not None
        assert (found.why_not.code, found.why_not.message) == (names.NO_TEMPLATE, "type x9.huge is not known")

    def test_a_group_whose_launches_are_suspended(self) -> None:
        assert code(state(group(suspended=frozenset({"Launch"})))) == names.LAUNCH_SUSPENDED

    def test_a_group_that_rests_after_a_failure(self) -> None:
        record = proven(failures=1, rests_until=NOW + 60, failure="no capacity")
        found = state(group(), record=record)
        assert found.why_not is not None
        assert "it rests until 08:01:00 UTC after a failure: no capacity" in found.why_not.message

    def test_a_few_unready_nodes_are_no_matter(self) -> None:
        ids = [f"i-{number}" for number in range(3)]
        broken = [node(each, not_ready_why="NodeStatusUnknown") for each in ids]
        assert code(state(group(instances=instances(*ids)), *broken)) == ""

    def test_a_group_with_many_unready_nodes_names_them(self) -> None:
        ids = [f"i-{number}" for number in range(4)]
        broken = [node(each, not_ready_why="NodeStatusUnknown") for each in ids]
        found = state(group(instances=instances(*ids)), *broken)
        assert found.why_not is not None
        assert found.why_not.code == names.UNHEALTHY
        assert "4 of its 4 nodes are not ready: node-i-0, node-i-1, node-i-2, ..." in found.why_not.message

    def test_many_unready_nodes_among_more_ready_ones_are_no_matter(self) -> None:
        ids = [f"i-{number}" for number in range(10)]
        nodes = [node(each, not_ready_why="x" if each < "i-4" else "") for each in ids]
        assert code(state(group(max_size=20, instances=instances(*ids)), *nodes)) == ""


class TestStep:
    """How many nodes a group may add now."""

    def test_a_proven_group_grows_to_its_maximum(self) -> None:
        assert state(group(max_size=7)).step == 7

    def test_a_proven_group_keeps_to_its_step(self) -> None:
        assert state(group(max_size=70, desired=4, options=GroupOptions(max_step=10))).step == 6

    def test_a_group_that_has_not_proven_itself_grows_by_one(self) -> None:
        assert state(group(), record=GroupRecord()).step == 1

    def test_it_waits_for_what_is_on_its_way(self) -> None:
        assert code(state(group(desired=1), record=GroupRecord())) == names.PROBING

    def test_it_grows_by_more_after_each_success(self) -> None:
        assert state(group(), record=GroupRecord(step=4)).step == 4

    def test_a_new_launch_template_has_to_prove_itself(self) -> None:
        assert state(group(launch_template="lt-1:2")).step == 1

    def test_a_failure_has_to_be_made_good_by_one_node(self) -> None:
        assert state(group(), record=proven(failures=1)).step == 1

    def test_a_ready_node_that_took_a_pod_proves_its_group_without_memory(self) -> None:
        busy = group(instances=instances("i-1"))
        found = state(busy, node(), record=GroupRecord(), running=(pod(node="node-i-1"),))
        assert found.is_proven

    def test_pods_of_daemonsets_prove_nothing(self) -> None:
        found = state(
            group(instances=instances("i-1")),
            node(),
            record=GroupRecord(),
            running=(pod(node="node-i-1", is_daemon=True),),
        )
        assert not found.is_proven

    def test_a_node_of_an_older_launch_template_proves_nothing(self) -> None:
        found = state(
            group(launch_template="lt-1:2", instances=instances("i-1", launch_template=LAUNCH)),
            node(),
            record=GroupRecord(),
            running=(pod(node="node-i-1"),),
        )
        assert not found.is_proven

    def test_a_group_that_was_read_long_ago_grows_by_one_probe(self) -> None:
        assert state(group(observed=NOW - 181)).step == 1

    def test_and_by_no_other_while_that_is_on_its_way(self) -> None:
        found = state(group(observed=NOW - 181, desired=1, degraded="AccessDenied"))
        assert found.why_not is not None
        assert (found.why_not.code, "AccessDenied" in found.why_not.message) == (names.STALE_VIEW, True)
