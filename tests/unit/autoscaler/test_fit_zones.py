"""How pods spread over zones: like water, to the lowest zone first."""

from hypothesis import given
from hypothesis import strategies as st

from addons.autoscaler.plan.zones import zone_counts

levels = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9), max_size=4)


def one_by_one(
    count: int, there: dict[str, int], room: dict[str, int], max_skew: int, min_domains: int
) -> dict[str, int]:
    """The same, pod by pod."""
    now = {zone: there.get(zone, 0) for zone in {*there, *room}}
    given_to: dict[str, int] = {}
    for _ in range(count):
        floor = min(now.values(), default=0) if len(now) >= min_domains else 0
        free = [
            zone for zone in room if given_to.get(zone, 0) < room[zone] and now[zone] + 1 - floor <= max_skew
        ]
        if free:
            zone = min(free, key=lambda each: (now[each], each))
            now[zone] += 1
            given_to[zone] = given_to.get(zone, 0) + 1
    return given_to


@given(st.integers(0, 40), levels, levels, st.integers(1, 4), st.integers(1, 5))
def test_shares_are_those_of_pod_by_pod(
    count: int, there: dict[str, int], room: dict[str, int], max_skew: int, min_domains: int
) -> None:
    found = zone_counts(count, there, room, max_skew=max_skew, min_domains=min_domains)
    assert found == one_by_one(count, there, room, max_skew, min_domains)


def test_equal_zones_get_equal_shares() -> None:
    assert zone_counts(9, {}, dict.fromkeys("abc", 99), max_skew=1) == {"a": 3, "b": 3, "c": 3}


def test_the_zone_with_the_fewest_pods_fills_up_first() -> None:
    assert zone_counts(5, {"a": 4, "b": 0}, {"a": 99, "b": 99}, max_skew=1) == {"a": 1, "b": 4}


def test_a_full_zone_holds_the_others_back() -> None:
    assert zone_counts(9, {}, {"a": 1, "b": 99}, max_skew=2) == {"a": 1, "b": 3}


def test_a_zone_that_cannot_grow_holds_the_others_back() -> None:
    assert zone_counts(9, {"c": 0}, {"a": 99, "b": 99}, max_skew=2) == {"a": 2, "b": 2}


def test_too_few_domains_get_max_skew_each() -> None:
    assert zone_counts(9, {}, {"a": 99, "b": 99}, max_skew=2, min_domains=3) == {"a": 2, "b": 2}


def test_a_remainder_goes_by_name() -> None:
    assert zone_counts(4, {}, {"c": 9, "b": 9, "a": 9}, max_skew=1) == {"a": 2, "b": 1, "c": 1}


def test_many_pods_cost_no_more_than_few() -> None:
    counts = zone_counts(9_000_000, {"a": 1}, dict.fromkeys("abc", 1 << 40), max_skew=1)
    assert counts == {"a": 3_000_000, "b": 3_000_000, "c": 3_000_000}
