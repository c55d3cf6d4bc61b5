"""When the next pass is due by time alone: as soon as something has waited for long enough."""

from math import inf

from addons.autoscaler.controller.acting import nodes_remembered
from addons.autoscaler.controller.passes import next_due
from addons.autoscaler.model.groups import GroupOptions
from addons.autoscaler.model.intents import GroupRecord, Memory, NodeRecord
from addons.autoscaler.model.plans import GrowPlan, ShrinkPlan
from tests.support.as_passes import NOW, done, group, node, pod, state, waits, why


class TestDue:
    def test_nothing_is_due_when_nothing_waits_for_a_time(self) -> None:
        assert next_due(done(state(group("a", "n1")), nodes=(node("n1"),))) == inf

    def test_a_node_is_due_when_it_was_not_needed_for_long_enough(self) -> None:
        options = GroupOptions(unneeded_seconds=60)
        last = done(
            state(group("a", "n1", options=options)),
            nodes=(node("n1"),),
            shrink=ShrinkPlan(unneeded={"n1": NOW - 55}),
        )
        assert next_due(last) == 5

    def test_a_group_is_due_when_its_rest_is_over(self) -> None:
        memory = Memory(groups={"a": GroupRecord(rests_until=NOW + 7)})
        assert next_due(done(state(group("a")), memory=memory)) == 7

    def test_a_pod_is_due_when_it_is_old_enough(self) -> None:
        plan = GrowPlan(waits=(waits(pod("web", scale_up_delay=13.0), why("TooYoung", "")),))
        assert next_due(done(grow=plan)) == 3
        assert next_due(done(grow=plan), pod_delay=30.0) == 20

    def test_what_is_due_already_makes_no_pass_after_the_other(self) -> None:
        last = done(
            state(group("a", "n1")), nodes=(node("n1"),), shrink=ShrinkPlan(unneeded={"n1": NOW - 9000})
        )
        assert next_due(last) == inf


class TestRemembered:
    def test_since_when_a_node_is_not_needed_and_its_failures_are_kept(self) -> None:
        memory = Memory(
            nodes={
                "n1": NodeRecord(failures=2, last_failure=NOW - 60, failure="budget"),
                "n2": NodeRecord(unneeded_since=NOW - 60),
                "gone": NodeRecord(failures=1, last_failure=NOW),
            }
        )
        last = done(nodes=(node("n1"), node("n2")), shrink=ShrinkPlan(unneeded={"n1": NOW}), memory=memory)
        assert nodes_remembered(last) == {
            "n1": NodeRecord(unneeded_since=NOW, failures=2, last_failure=NOW - 60, failure="budget")
        }

    def test_a_failure_of_long_ago_is_forgotten(self) -> None:
        memory = Memory(nodes={"n1": NodeRecord(failures=2, last_failure=NOW - 20_000)})
        assert nodes_remembered(done(nodes=(node("n1"),), memory=memory)) == {}
