"""Batches are as full as Route 53 permits, and no group is divided."""

from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.records import Change, RecordSet
from addons.dns.plan.batches import API_LIMITS, Size, pack, refuse_oversized
from tests.support.dns import World, endpoint


def group(name: str, *values: str) -> ChangeGroup:
    change = Change("CREATE", RecordSet(name, "A", 300, values))
    return ChangeGroup(name, name, "create", (change,), None, "")


def packed(*groups: ChangeGroup, limits: Size = API_LIMITS) -> list[list[str]]:
    batches = pack("Z1", groups, limits)
    return [[item.name for item in batch.groups] for batch in batches]


def test_nothing_makes_no_batch() -> None:
    assert packed() == []


def test_values_fill_a_batch() -> None:
    assert packed(group("a", "1"), group("b", "1", "2"), group("c", "1"), limits=Size(9, 3, 99)) == [
        ["a", "b"],
        ["c"],
    ]


def test_changes_fill_a_batch() -> None:
    assert packed(group("a", "1"), group("b", "1"), limits=Size(1, 9, 99)) == [["a"], ["b"]]


def test_characters_fill_a_batch() -> None:
    assert packed(group("a", "1234"), group("b", "12"), group("c", "1"), limits=Size(9, 9, 6)) == [
        ["a", "b"],
        ["c"],
    ]


def test_a_record_without_values_counts_as_one() -> None:
    assert packed(group("a"), group("b"), limits=Size(9, 1, 99)) == [["a"], ["b"]]


def test_a_group_that_no_call_could_carry_is_refused() -> None:
    plan = refuse_oversized(Plan((group("a", "1", "2", "3"), group("b", "1"))), Size(9, 2, 99))
    assert [item.name for item in plan.groups] == ["b"]
    assert [skip.reason for skip in plan.skips] == ["TooLarge"]


def test_ten_thousand_plain_names_take_at_most_40_calls() -> None:
    endpoints = [endpoint(f"host-{n}", f"10.{n >> 8}.{n & 255}.7", by=f"service-{n}") for n in range(10_000)]
    assert len(packed(*World().plan(*endpoints).groups)) <= 40


def test_an_update_that_leaves_the_texts_alone_is_bound_by_values_only() -> None:
    world = World()
    world.apply(world.plan(*(endpoint(f"h{n}", "10.0.0.1") for n in range(1000))).groups)
    moved = world.plan(*(endpoint(f"h{n}", "10.0.0.2") for n in range(1000)))
    assert [len(batch) for batch in packed(*moved.groups)] == [500, 500]
