"""How a group gets new instances: which differ, what comes next, and that none is missed meanwhile."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler.matrix.roll import outdated_of, plan_roll
from addons.autoscaler.matrix.telling import roll_lines
from addons.autoscaler.model.groups import Instance
from addons.autoscaler.model.matrix import RollBatch, RollGroup, RollInstance, RollStep
from addons.autoscaler.model.rolls import RollNote, read_roll
from tests.support.as_matrix import group, new, old


def step(of: RollGroup, begun: RollBatch | None = None, batch: int = 1) -> RollStep:
    return plan_roll(of, begun, batch=batch).step


def batch(base: int, *instances: str) -> RollBatch:
    return RollBatch(base=base, instances=instances)


class TestWhichDiffer:
    def test_one_of_an_older_launch(self) -> None:
        assert outdated_of(group(old("i-1"), new("i-2"))) == {
            "i-1": "it was launched from an older launch template"
        }

    def test_another_version_alone_makes_no_difference_where_the_launch_is_the_same(self) -> None:
        of = group(new("i-1", launch_template="lt-1:3"), launch_template="lt-1:4")
        assert outdated_of(of) == {}

    def test_the_version_counts_where_no_tag_tells_of_the_launch(self) -> None:
        of = group(new("i-1", launch="", launch_template="lt-1:3"), launch_template="lt-1:4")
        assert outdated_of(of) == {"i-1": "it was launched from lt-1:3, and new ones from lt-1:4"}

    def test_one_that_runs_another_image_than_the_next_one_will(self) -> None:
        of = group(new("i-1", image="ami-1"), new("i-2", image="ami-2"), new("i-3"), image="ami-2")
        assert outdated_of(of) == {"i-1": "it runs ami-1, and new ones ami-2"}

    def test_what_nobody_knows_makes_no_difference(self) -> None:
        of = RollGroup(name="a", min_size=0, max_size=1, desired=1, instances=(old("i-1"),))
        assert outdated_of(of) == {}
        assert outdated_of(group(new("i-1", launch=""), launch_template="lt-1:4", image="ami-1")) == {}

    def test_one_that_goes_already_does_not_count(self) -> None:
        assert outdated_of(group(old("i-1", state="Terminating:Wait"), desired=0)) == {}


class TestSteps:
    def test_a_group_without_old_instances_is_done(self) -> None:
        assert step(group(new("i-1"))).kind == "done"
        assert step(group()).kind == "done"

    def test_a_batch_is_written_down_before_anything_is_done(self) -> None:
        found = step(group(old("i-1"), old("i-2"), old("i-3")), batch=2)
        assert (found.kind, found.batch) == ("begin", batch(3, "i-1", "i-2"))

    def test_nodes_that_are_not_ready_go_first(self) -> None:
        found = step(group(old("i-1"), old("i-2", is_ready=False)))
        assert found.batch == batch(2, "i-2")

    def test_new_instances_come_before_old_ones_go(self) -> None:
        found = step(group(old("i-1"), old("i-2"), old("i-3")), batch(3, "i-1", "i-2"))
        assert (found.kind, found.target) == ("surge", 5)
        assert found.why == "2 new instances come before 2 old go"

    def test_a_batch_is_no_larger_than_what_the_group_may_grow(self) -> None:
        of = group(old("i-1"), old("i-2"), old("i-3"), max_size=4)
        assert step(of, batch=5).batch == batch(3, "i-1")

    def test_new_instances_are_waited_for(self) -> None:
        found = step(group(old("i-1"), desired=2), batch(1, "i-1"))
        assert (found.kind, found.why) == ("wait", "1 new instance of AWS")

    def test_and_so_are_their_nodes(self) -> None:
        found = step(group(old("i-1"), new("i-2", is_ready=False)), batch(1, "i-1"))
        assert (found.kind, found.why) == ("wait", "the nodes of i-2 to be ready")

    def test_then_an_old_one_goes_and_the_group_shrinks_by_it(self) -> None:
        found = step(group(old("i-1"), new("i-2")), batch(1, "i-1"))
        assert (found.kind, found.instance, found.decrement) == ("drain", "i-1", True)
        assert found.why == "it was launched from an older launch template"

    def test_an_old_node_that_is_not_ready_holds_up_nothing(self) -> None:
        found = step(group(old("i-1", is_ready=False), new("i-2")), batch(1, "i-1"))
        assert found.kind == "drain"

    def test_a_group_at_its_maximum_drains_first_and_aws_replaces(self) -> None:
        of = group(old("i-1"), old("i-2"), max_size=2)
        assert step(of, batch=2).batch == batch(2, "i-1")
        found = step(of, batch(2, "i-1"))
        assert (found.kind, found.instance, found.decrement) == ("drain", "i-1", False)
        assert found.why.endswith("the group is at its maximum of 2")

    def test_its_replacement_is_waited_for_before_the_next_one_goes(self) -> None:
        gone = replace(old("i-1"), instance=Instance("i-1", state="Terminating"))
        of = group(gone, old("i-2"), max_size=2)
        assert step(of, batch(2, "i-1")).kind == "wait"

    def test_a_protected_instance_is_left_to_its_owner(self) -> None:
        of = group(old("i-1", is_protected=True), old("i-2"))
        assert step(of).batch == batch(2, "i-2")
        found = step(group(old("i-1", is_protected=True)))
        assert found.kind == "paused"
        assert "i-1: protected from scale-in" in found.why

    def test_a_group_that_may_not_launch_is_left_to_whoever_suspended_that(self) -> None:
        found = step(group(old("i-1"), cannot_launch=True))
        assert found.kind == "paused"
        assert "its process Launch is suspended: `aws autoscaling resume-processes" in found.why
        found = step(group(old("i-1"), desired=2, cannot_launch=True), batch(1, "i-1"))
        assert found.kind == "wait"
        assert "1 new instance of AWS (its process Launch is suspended" in found.why

    def test_one_that_was_protected_after_its_batch_began_stays(self) -> None:
        of = group(old("i-1", is_protected=True), old("i-2"), desired=2)
        assert step(of, batch(2, "i-1")).batch == batch(2, "i-2")

    def test_what_came_of_a_broken_image_goes_before_old_ones_do(self) -> None:
        """The image was mended meanwhile: what came of it is old by now, and no place for pods."""
        of = group(old("i-1"), old("i-2"), old("i-9", is_ready=False))
        found = step(of, batch(2, "i-1"))
        assert (found.kind, found.instance, found.decrement) == ("drain", "i-9", True)
        assert found.why == "it was launched from an older launch template, and its node is not ready"
        assert step(group(old("i-1"), old("i-2")), batch(2, "i-1")).kind == "surge"

    def test_nothing_begins_in_a_group_that_is_not_well(self) -> None:
        assert step(group(old("i-1"), new("i-2", is_ready=False))).kind == "wait"
        assert step(group(old("i-1"), desired=3)).kind == "wait"


class TestARollThatWasKilled:
    def test_after_the_batch_was_written_down_it_grows(self) -> None:
        assert step(group(old("i-1"), old("i-2")), batch(2, "i-1")).target == 3

    def test_after_it_has_grown_it_does_not_grow_once_more(self) -> None:
        assert step(group(old("i-1"), old("i-2"), desired=3), batch(2, "i-1")).kind == "wait"

    def test_after_an_old_one_went_it_goes_on_with_the_next(self) -> None:
        of = group(old("i-2"), new("i-3"), new("i-4"), desired=3)
        found = step(of, batch(2, "i-1", "i-2"))
        assert (found.kind, found.instance) == ("drain", "i-2")

    def test_after_the_last_one_went_it_begins_with_the_next_batch(self) -> None:
        assert step(group(old("i-9"), new("i-3")), batch(2, "i-1", "i-2")).batch == batch(2, "i-9")

    def test_it_is_done_when_the_last_new_node_is_ready(self) -> None:
        assert step(group(new("i-3", is_ready=False)), batch(1, "i-1")).kind == "wait"
        assert step(group(desired=1), batch(1, "i-1")).kind == "wait"
        assert step(group(new("i-3")), batch(1, "i-1")).kind == "done"

    def test_an_old_one_that_aws_took_away_needs_no_place(self) -> None:
        """Its replacement came from the new launch template already."""
        of = group(old("i-2"), new("i-3"))
        assert (step(of, batch(2, "i-1", "i-2")).kind, step(of, batch(2, "i-1", "i-2")).target) == (
            "surge",
            3,
        )


class World:
    """A group that does what it is told, as AWS does: the fake of the outside for a whole roll."""

    def __init__(self, count: int, **limits: int) -> None:
        made = [old(f"i-{number:03}") for number in range(count)]
        self.group = group(*made, **limits)
        self.begun: RollBatch | None = None
        self.fewest = count
        self.most = count
        self._next = 500

    def settle(self) -> None:
        """AWS launches what is missing, and nodes become ready."""
        missing = self.group.desired - len(self.group.instances)
        fresh = [new(f"i-{self._next + number}") for number in range(missing)]
        self._next += missing
        ready = [replace(each, is_ready=True) for each in (*self.group.instances, *fresh)]
        self._put(ready)

    def lose(self, number: int) -> None:
        """AWS takes an instance away, as it does with spot."""
        kept = [
            each for n, each in enumerate(self.group.instances) if n != number % len(self.group.instances)
        ]
        self._put(kept)
        self.fewest = min(self.fewest + 1, len(kept))

    def act(self, size: int) -> RollStep:
        """Do the next step."""
        found = step(self.group, self.begun, size)
        match found.kind:
            case "begin":
                self.begun = found.batch
            case "surge":
                assert self.group.desired < found.target <= self.group.max_size
                self.group = replace(self.group, desired=found.target)
            case "wait":
                self.settle()
            case "drain":
                self._drain(found)
        return found

    def _drain(self, found: RollStep) -> None:
        kept = [each for each in self.group.instances if each.id != found.instance]
        assert len(kept) == len(self.group.instances) - 1
        if found.decrement:
            assert self.group.desired > self.group.min_size
            self.group = replace(self.group, desired=self.group.desired - 1)
        self._put(kept)
        self.fewest = min(self.fewest, len(kept))

    def _put(self, instances: list[RollInstance]) -> None:
        self.group = replace(self.group, instances=tuple(instances))
        self.most = max(self.most, len(instances))


SIZES = st.integers(1, 12)
LOSSES = st.dictionaries(st.integers(0, 30), st.integers(0, 20), max_size=4)
"""In which turn which instance."""


class TestAWholeRoll:
    @settings(max_examples=80, deadline=None)
    @given(count=SIZES, room=st.integers(0, 6), size=st.integers(1, 4), data=st.data())
    def test_all_become_new_and_no_step_leaves_fewer_than_there_were(
        self, count: int, room: int, size: int, data: st.DataObject
    ) -> None:
        """At the maximum one at a time is missing until AWS has replaced it; no batch is above its size."""
        world = World(count, max_size=count + room, min_size=data.draw(st.integers(0, count)))
        steps = [world.act(size)]
        while steps[-1].kind != "done":
            assert len(steps) < 20 * count
            steps.append(world.act(size))
        assert not outdated_of(world.group)
        assert len(world.group.instances) == world.group.desired == count
        assert world.fewest == (count if room else count - 1)
        assert world.most <= count + min(size, room, count) if room else world.most == count
        assert sum(each.kind == "drain" for each in steps) == count

    @settings(max_examples=80, deadline=None)
    @given(count=SIZES, room=st.integers(0, 6), size=st.integers(1, 4), losses=LOSSES)
    def test_it_ends_whatever_aws_takes_away_and_never_wants_fewer(
        self, count: int, room: int, size: int, losses: dict[int, int]
    ) -> None:
        world = World(count, max_size=count + room)
        for turn in range(40 * count):
            if turn in losses:
                world.lose(losses[turn])
            if world.act(size).kind == "done" and turn > max(losses, default=0):
                break
            assert world.group.desired >= count, turn
        assert step(world.group, world.begun).kind == "done"


class TestWhatIsWrittenDown:
    NOTE = RollNote(since=1.0, at=100.0, by="me", base=3, instances=("i-1",), launch="newer")

    def test_it_comes_back_as_it_was_written(self) -> None:
        assert read_roll(self.NOTE.text()) == self.NOTE
        assert self.NOTE.batch == batch(3, "i-1")

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"since": "x"}', '{"since": 1}'])
    def test_what_nobody_of_us_wrote_is_none(self, text: str) -> None:
        assert read_roll(text) is None

    def test_a_roll_of_which_nobody_writes_is_not_going_on(self) -> None:
        assert self.NOTE.is_fresh(699.0)
        assert not self.NOTE.is_fresh(700.0)


class TestTelling:
    def test_a_line_for_each_group_in_which_instances_differ(self) -> None:
        groups = [group(old("i-1"), old("i-2"), new("i-3")), group(new("i-4"))]
        lines = roll_lines((of, plan_roll(of, None)) for of in groups)
        assert [(line.key, line.action, line.because) for line in lines] == [
            ("prod-web", "roll", "2 of 3 instances differ: it was launched from an older launch template")
        ]

    @pytest.mark.parametrize("parts", [{"is_protected": True}])
    def test_what_keeps_it_is_told(self, parts: dict[str, Any]) -> None:
        of = group(old("i-1", **parts))
        (line,) = roll_lines([(of, plan_roll(of, None))])
        assert "paused: i-1: protected from scale-in" in line.because
        assert line.details["step"] == "paused"
