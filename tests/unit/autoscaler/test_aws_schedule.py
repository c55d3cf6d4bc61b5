"""When what is read again, and in which batches."""

from math import inf

import pytest

from addons.autoscaler.aws.schedule import Schedule, Suspects, patience


def reads(schedule: Schedule[str], periods: dict[str, float], until: float, *, ok: bool) -> list[float]:
    """The times at which one key is read from 0 to `until`, each reading lasting no time."""
    found, now = [], 0.0
    while now <= until:
        for key in schedule.due(now, periods):
            schedule.begin([key], now)
            schedule.end([key], ok=ok)
            found.append(now)
        now = max(schedule.next_at(periods), now + 1e-9)
    return found


class TestSchedule:
    def test_what_was_never_read_is_due_and_then_every_period(self) -> None:
        assert reads(Schedule(), {"a": 60.0}, 180, ok=True) == [0, 60, 120, 180]

    def test_what_fails_is_tried_sooner_and_then_ever_later_up_to_a_minute(self) -> None:
        assert reads(Schedule(), {"a": 600.0}, 200, ok=False) == [0, 5, 15, 35, 75, 135, 195]

    def test_what_fails_is_not_tried_more_often_than_it_would_be_read(self) -> None:
        assert reads(Schedule(), {"a": 7.0}, 30, ok=False) == [0, 5, 12, 19, 26]

    def test_what_is_under_way_is_not_begun_again(self) -> None:
        schedule: Schedule[str] = Schedule()
        schedule.begin(["a"], 0)
        assert schedule.due(1000, {"a": 5.0}) == []
        assert schedule.next_at({"a": 5.0}) == inf

    def test_what_is_hurried_is_due_at_once_whatever_its_period(self) -> None:
        schedule: Schedule[str] = Schedule()
        assert schedule.due(0, {"a": inf}) == []
        schedule.hurry(["a"])
        assert schedule.due(0, {"a": inf}) == ["a"]

    def test_what_is_hurried_while_it_is_read_is_read_once_more(self) -> None:
        schedule: Schedule[str] = Schedule()
        schedule.begin(["a"], 0)
        schedule.hurry(["a"])
        schedule.end(["a"], ok=True)
        assert schedule.due(0, {"a": inf}) == ["a"]
        schedule.begin(["a"], 0)
        schedule.end(["a"], ok=True)
        assert schedule.due(1000, {"a": inf}) == []

    def test_what_waited_longest_comes_first(self) -> None:
        schedule: Schedule[str] = Schedule()
        for at, key in enumerate("cab"):
            schedule.begin([key], at)
            schedule.end([key], ok=True)
        assert schedule.due(100, dict.fromkeys("abc", 5.0)) == ["c", "a", "b"]

    @pytest.mark.parametrize(
        ("age", "expected"), [(0, 5), (59, 5), (120, 10), (600, 50), (10_000, 60), (inf, 60)]
    )
    def test_patience_grows_with_the_time_that_nothing_happened(self, age: float, expected: float) -> None:
        assert patience(age) == pytest.approx(expected)


def isolate(names: list[str], bad: set[str], most: int = 100) -> tuple[int, set[str], int]:
    """Rounds and calls until every good name was read, and those that were not."""
    suspects, unread, calls = Suspects(most), set(names), 0
    for round_ in range(1, 30):
        for batch in list(suspects.batches(sorted(unread))):
            calls += 1
            if bad & set(batch):
                suspects.failed(batch, len(names))
            else:
                suspects.succeeded(batch)
                unread -= set(batch)
        if unread <= bad:
            return round_, unread, calls
    return 30, unread, calls


class TestSuspects:
    def test_names_go_a_hundred_to_a_call(self) -> None:
        batches = list(Suspects(100).batches([f"g{number}" for number in range(250)]))
        assert [len(batch) for batch in batches] == [100, 100, 50]

    @pytest.mark.parametrize("bad", [{0}, {99}, {49, 50}, {0, 30, 60, 90}])
    def test_who_breaks_a_call_is_alone_after_a_few_rounds(self, bad: set[int]) -> None:
        names = [f"g{number:03}" for number in range(100)]
        rounds, unread, calls = isolate(names, {names[number] for number in bad})
        assert unread == {names[number] for number in bad}
        assert rounds <= 8
        assert calls <= 60

    def test_while_all_fails_there_are_few_calls(self) -> None:
        names = [f"g{number:03}" for number in range(250)]
        suspects = Suspects(100)
        for _ in range(20):
            batches = list(suspects.batches(names))
            for batch in batches:
                suspects.failed(batch, len(names))
        assert len(batches) <= 12

    def test_who_is_read_again_goes_with_the_others(self) -> None:
        suspects = Suspects(100)
        names = [f"g{number}" for number in range(10)]
        assert suspects.failed(names, 10)
        assert len(list(suspects.batches(names))) == 2
        for batch in list(suspects.batches(names)):
            suspects.succeeded(batch)
        assert len(list(suspects.batches(names))) == 1
