"""Rules that are split by the limits of AWS: together they match what was asked for."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from addons.albingress.desired.splitting import MOST_VALUES, MOST_WILDCARDS, split
from addons.albingress.model.rules import Condition


def hosts(*values: str) -> Condition:
    return Condition("host-header", values)


def paths(*values: str) -> Condition:
    return Condition("path-pattern", values)


def by_name(condition: Condition) -> tuple[str, str]:
    return condition.field, condition.header


def requests(rule: tuple[Condition, ...]) -> set[tuple[str, ...]]:
    return set(product(*(sorted(condition.values) for condition in sorted(rule, key=by_name))))


class TestValues:
    """At most five values a rule."""

    def test_a_rule_within_the_limits_stays_whole(self) -> None:
        assert split([paths("/a", "/a/*"), hosts("a.org")]).rules == ((hosts("a.org"), paths("/a", "/a/*")),)

    def test_five_values_fit_one_rule(self) -> None:
        assert len(split([hosts("a.org"), paths("/1", "/2", "/3", "/4")]).rules) == 1

    def test_the_sixth_value_makes_a_second_rule(self) -> None:
        assert split([hosts("a.org"), paths("/1", "/2", "/3", "/4", "/5")]).rules == (
            (hosts("a.org"), paths("/1", "/2", "/3", "/4")),
            (hosts("a.org"), paths("/5")),
        )

    def test_the_fewest_rules_are_made(self) -> None:
        made = split([hosts("a.org", "b.org", "c.org"), paths("/1", "/2", "/3")])
        assert [len(rule[1].values) for rule in made.rules] == [2, 1]

    def test_a_repeated_value_counts_once(self) -> None:
        assert len(split([paths("/1", "/2", "/3", "/4", "/5", "/5")]).rules) == 1

    def test_pairs_of_a_query_count_as_values(self) -> None:
        pairs = tuple(("k", str(number)) for number in range(6))
        assert [len(rule[0].pairs) for rule in split([Condition("query-string", pairs=pairs)]).rules] == [
            5,
            1,
        ]

    def test_values_that_multiply_to_more_rules_than_may_be_made_are_none_and_told(self) -> None:
        headers = [
            Condition("http-header", tuple(f"{number}" for number in range(9999)), header=name)
            for name in ("X-A", "X-B", "X-C")
        ]
        made = split(headers)
        assert made.rules == ()
        assert made.refused == (
            "one Ingress would have more than 1000 rules; give it fewer paths, values or ports",
        )

    def test_six_conditions_make_no_rule_at_all(self) -> None:
        made = split([Condition("http-header", ("1",), header=f"X-{number}") for number in range(6)])
        assert made.rules == ()
        assert made.refused == ("6 conditions on one rule; AWS takes 5 values in all",)


class TestWildcards:
    """At most five wildcards a rule."""

    def test_values_with_wildcards_are_spread(self) -> None:
        made = split([paths("/a/*/*", "/b/*/*", "/c/*/*")])
        assert [len(rule[0].values) for rule in made.rules] == [2, 1]

    def test_a_value_with_too_many_is_refused_and_the_others_are_served(self) -> None:
        made = split([paths("/*/*/*/*/*/*", "/b")])
        assert made.rules == ((paths("/b"),),)
        assert made.refused == ("/*/*/*/*/*/*: 6 wildcards in one rule; AWS takes 5",)

    def test_wildcards_in_regular_expressions_are_none(self) -> None:
        assert len(split([Condition("path-pattern", regex=("a*b*c*d*e*f*g*",))]).rules) == 1


class TestLength:
    """At most 128 characters a value."""

    def test_a_value_of_128_fits(self) -> None:
        assert split([paths("/" + "a" * 127)]).refused == ()

    def test_a_longer_one_is_refused_and_the_others_are_served(self) -> None:
        made = split([paths("/" + "a" * 128, "/b")])
        assert made.rules == ((paths("/b"),),)
        assert made.refused == (f"path-pattern /{'a' * 39}...: 129 characters; AWS takes 128",)

    def test_with_no_value_left_there_is_no_rule_rather_than_one_that_matches_more(self) -> None:
        assert split([hosts("a.org"), paths("/" + "a" * 128)]).rules == ()


VALUES = st.lists(
    st.sampled_from(["a", "b*", "c?d", "e*f*", "g", "h", "i*"]), min_size=1, max_size=7, unique=True
)
RULES = st.lists(VALUES, min_size=1, max_size=4)


def condition(number: int, values: list[str]) -> Condition:
    return Condition("http-header", tuple(values), header=f"X-{number}")


@given(RULES)
def test_the_parts_match_what_the_whole_does_and_nothing_twice(written: list[list[str]]) -> None:
    whole = [condition(number, values) for number, values in enumerate(written)]
    made = split(whole)
    matched = [request for rule in made.rules for request in requests(rule)]
    asked = requests(tuple(whole))
    assert len(matched) == len(set(matched))
    assert set(matched) == asked or (made.refused and set(matched) < asked)


@given(RULES)
def test_every_part_is_within_the_limits(written: list[list[str]]) -> None:
    for rule in split([condition(number, values) for number, values in enumerate(written)]).rules:
        values = [value for each in rule for value in each.values]
        assert len(values) <= MOST_VALUES
        assert sum(value.count("*") + value.count("?") for value in values) <= MOST_WILDCARDS
