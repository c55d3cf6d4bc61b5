"""What the daemon does in a group that is being rolled: nothing goes there, nothing moves to what goes."""

from dataclasses import replace

from addons.autoscaler import names
from addons.autoscaler.model.plans import GroupState, GrowPlan
from addons.autoscaler.model.rolls import FRESH_SECONDS, RollNote, fresh_rolls
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.down import plan_down
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from tests.support.as_shrink import NOW, codes, gone, group, node, pod, shrink, snapshot

NOTE = RollNote(since=NOW - 100, at=NOW - 10, by="matrix roll on here", base=2, instances=("i-n1",))


def rolled(of: Snapshot, note: RollNote = NOTE, name: str = "a") -> Snapshot:
    return replace(of, rolls={name: note})


class TestNodes:
    def test_none_goes_not_even_an_empty_one(self) -> None:
        cluster = snapshot([node("n1"), node("n2")], groups=[group("a", ["n1", "n2"])])
        assert gone(shrink(cluster)) == ["n1", "n2"]
        plan = shrink(rolled(cluster))
        assert gone(plan) == []
        assert codes(plan) == {"n1": names.BEING_ROLLED, "n2": names.BEING_ROLLED}
        assert plan.stays["n1"].message == "its group a is being rolled by matrix roll on here"

    def test_those_of_other_groups_go_as_ever(self) -> None:
        groups = [group("a", ["n1"]), group("b", ["n2"])]
        assert gone(shrink(rolled(snapshot([node("n1"), node("n2")], groups=groups)))) == ["n2"]

    def test_an_instance_that_never_became_a_node_is_left_to_whoever_rolls(self) -> None:
        found = group("a", ["n1", "lost"])
        cluster = snapshot([node("n1")], groups=[found])
        states = [GroupState(found, lost=("i-lost",))]
        plan = plan_down(cluster, ShrinkOptions(), GrowPlan(), states=states)
        assert [each.instance for each in plan.removals if not each.node] == ["i-lost"]
        assert plan_down(rolled(cluster), ShrinkOptions(), GrowPlan(), states=states).removals == ()


class TestPlaces:
    def cluster(self, note: RollNote) -> Snapshot:
        """`n2` could go if its pod may move to the node `old` of the rolled group."""
        groups = [group("a", ["old"]), group("b", ["n2"])]
        pods = [pod("full", "old", cpu=1200), pod("moves", "n2")]
        return rolled(snapshot([node("old"), node("n2")], pods, groups=groups), note)

    def test_no_pod_moves_to_a_node_that_is_to_be_replaced(self) -> None:
        for note in (
            RollNote(since=NOW, at=NOW, by="me", base=1, instances=("i-old",)),
            RollNote(since=NOW, at=NOW, by="me", base=1, old=("i-old",)),
        ):
            assert codes(shrink(self.cluster(note)))["n2"] == names.NO_PLACE_TO_MOVE

    def test_pods_move_to_new_nodes(self) -> None:
        note = RollNote(since=NOW, at=NOW, by="me", base=1, instances=("i-other",))
        assert gone(shrink(self.cluster(note))) == ["n2"]


class TestNotes:
    def test_those_that_somebody_keeps_up_count(self) -> None:
        assert fresh_rolls({"a": NOTE.text()}, NOW) == ({"a": NOTE}, {})

    def test_old_ones_and_what_cannot_be_read_are_told(self) -> None:
        old = replace_at(NOW - FRESH_SECONDS)
        rolls, problems = fresh_rolls({"a": old.text(), "b": "{"}, NOW)
        assert rolls == {}
        assert problems["a"].startswith("its roll by matrix roll on here has told nothing for 10 minutes")
        assert problems["b"].endswith("cannot be read")


def replace_at(at: float) -> RollNote:
    return RollNote(since=at, at=at, by=NOTE.by, base=2)
