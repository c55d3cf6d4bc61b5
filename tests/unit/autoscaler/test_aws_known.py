"""What is known of one group: readings, and what we did that AWS has not noticed yet."""

from dataclasses import replace

from addons.autoscaler.aws.known import SETTLE_SECONDS, Known
from addons.autoscaler.aws.launches import LaunchReference
from addons.autoscaler.model.groups import Group, Instance

REFERENCE = LaunchReference(configuration="c")


def group(desired: int, *instances: str) -> Group:
    """A group; an instance after a minus is on its way out."""
    members = tuple(
        Instance(each.lstrip("-"), state="Terminating:Wait" if each[0] == "-" else "InService")
        for each in instances
    )
    return Group(name="g", min_size=0, max_size=9, desired=desired, instances=members)


def known(base: Group) -> Known:
    """A group that was read at 0."""
    made = Known()
    made.take(base, REFERENCE, 0, 0)
    return made


def told(it: Known) -> tuple[int, list[str]]:
    """What is told: how many are desired, and who is not leaving."""
    assert it.base
    return it.base.desired, [each.id for each in it.base.instances if not each.is_leaving]


class TestOrders:
    def test_an_order_counts_at_once(self) -> None:
        it = known(group(1, "a"))
        it.ordered(3, 10)
        assert told(it) == (3, ["a"])

    def test_a_reading_that_was_begun_before_does_not_undo_it(self) -> None:
        it = known(group(1, "a"))
        it.ordered(3, 10)
        it.take(group(1, "a"), REFERENCE, 9, 11)
        assert told(it) == (3, ["a"])

    def test_a_reading_some_time_after_it_is_believed(self) -> None:
        it = known(group(1, "a"))
        it.ordered(3, 10)
        it.take(group(2, "a"), REFERENCE, 10 + SETTLE_SECONDS, 16)
        assert told(it) == (2, ["a"])

    def test_more_than_the_order_is_believed_at_once(self) -> None:
        it = known(group(1, "a"))
        it.ordered(3, 10)
        it.take(group(7, "a"), REFERENCE, 11, 11)
        assert told(it) == (7, ["a"])


class TestEnds:
    def test_an_end_counts_at_once(self) -> None:
        it = known(group(2, "a", "b"))
        it.ended("a", 10)
        assert told(it) == (1, ["b"])

    def test_a_reading_that_has_it_not_yet_does_not_undo_it(self) -> None:
        it = known(group(2, "a", "b"))
        it.ended("a", 10)
        it.take(group(2, "a", "b"), REFERENCE, 11, 11)
        assert told(it) == (1, ["b"])

    def test_a_reading_that_has_it_is_not_counted_down_again(self) -> None:
        it = known(group(2, "a", "b"))
        it.ended("a", 10)
        for reading in (group(1, "-a", "b"), group(1, "b")):
            it.take(reading, REFERENCE, 11, 11)
            assert told(it) == (1, ["b"])

    def test_an_end_after_an_order_takes_one_from_it(self) -> None:
        it = known(group(2, "a", "b"))
        it.ordered(4, 10)
        it.ended("a", 11)
        assert told(it) == (3, ["b"])
        it.take(group(3, "-a", "b"), REFERENCE, 12, 12)
        assert told(it) == (3, ["b"])

    def test_one_that_was_leaving_already_takes_nothing(self) -> None:
        it = known(group(1, "-a", "b"))
        it.ended("a", 10)
        assert told(it) == (1, ["b"])


class TestReadings:
    def test_one_that_arrives_late_does_not_replace_a_later_one(self) -> None:
        it = known(group(1, "a"))
        it.take(group(3, "a", "b", "c"), REFERENCE, 20, 20)
        it.take(group(2, "a", "b"), REFERENCE, 10, 30)
        assert told(it) == (3, ["a", "b", "c"])

    def test_progress_is_what_aws_did_not_when_it_was_read(self) -> None:
        it = known(group(1, "a"))
        it.take(replace(group(1, "a"), observed=60.0), REFERENCE, 60, 60)
        assert it.changed == 0
        it.take(group(1, "-a"), REFERENCE, 120, 120)
        assert it.changed == 120
