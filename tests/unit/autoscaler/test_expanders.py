"""How one of several groups is chosen."""

from typing import Any

from addons.autoscaler.model.groups import GroupOptions
from addons.autoscaler.plan.expanders import Option, choose
from tests.support.as_growth import group


def option(name: str, nodes: int = 1, pods: int = 1, waste: float = 0.0, **options: Any) -> Option:
    return Option(group(name, options=GroupOptions(**options)), nodes, pods, waste, work=float(pods))


def chosen(chain: str, *options: Option, seed: int = 0, **fields: Any) -> str:
    found = choose(options, chain.split(","), seed=seed, **{"priorities": None, **fields})
    return found.option.group.name


class TestEach:
    """What each expander prefers."""

    def test_most_pods(self) -> None:
        assert chosen("most-pods", option("a", pods=1), option("b", pods=3)) == "b"

    def test_least_waste(self) -> None:
        assert chosen("least-waste", option("a", waste=0.4), option("b", waste=0.3)) == "b"

    def test_least_nodes(self) -> None:
        assert chosen("least-nodes", option("a", nodes=2), option("b", nodes=1)) == "b"

    def test_price_counts_what_the_pods_cost_and_not_the_node(self) -> None:
        dear, cheap = option("a", nodes=1, pods=10, price=1.0), option("b", nodes=1, pods=1, price=0.2)
        assert chosen("price", dear, cheap) == "a"

    def test_a_group_without_a_price_loses_and_says_so(self) -> None:
        found = choose([option("a"), option("b", price=9.0)], ["price"], priorities=None, seed=0)
        assert found.option.group.name == "b"
        assert "it has no price" in found.against["a"]

    def test_a_price_of_nothing_is_the_best(self) -> None:
        assert chosen("price", option("a", price=0.1), option("b", price=0.0)) == "b"

    def test_without_any_price_all_are_equal(self) -> None:
        assert chosen("price,least-nodes", option("a", nodes=2), option("b")) == "b"

    def test_priority_by_patterns_of_names(self) -> None:
        patterns = {10: (".*",), 50: ("^spot-",)}
        assert chosen("priority", option("web"), option("spot-web"), priorities=patterns) == "spot-web"

    def test_the_tag_of_a_group_counts_more_than_a_pattern(self) -> None:
        patterns = {10: (".*",), 50: ("^spot-",)}
        options = option("web", priority=60), option("spot-web")
        assert chosen("priority", *options, priorities=patterns) == "web"

    def test_a_group_without_a_priority_loses_to_one_with(self) -> None:
        assert chosen("priority", option("a"), option("b"), priorities={-5: ("b",)}) == "b"

    def test_patterns_are_those_of_the_original(self) -> None:
        patterns = {50: (r"^[[:alpha:]]+\pN$",)}
        assert chosen("priority", option("web"), option("web7"), priorities=patterns) == "web7"

    def test_a_pattern_with_endless_ways_to_fail_takes_no_time(self) -> None:
        patterns = {50: ("(a+)+$", "(a|a|b?)*c", "(.*a.{100}|.*b.{99})*x"), 10: ("^web",)}
        slow = option("ab" * 120 + "-")
        assert chosen("priority", slow, option("web"), priorities=patterns) == "web"

    def test_a_pattern_that_is_none_matches_nothing(self) -> None:
        patterns = {90: ("(",), 1: ("b",)}
        assert chosen("priority", option("a"), option("b"), priorities=patterns) == "b"


class TestChain:
    """Each expander breaks the ties of the one before; the seed breaks the rest."""

    def test_the_second_is_asked_where_the_first_cannot_decide(self) -> None:
        options = option("a", pods=3, nodes=2), option("b", pods=3), option("c", pods=1)
        assert chosen("most-pods,least-nodes", *options) == "b"

    def test_random_is_the_same_for_the_same_seed_in_any_order(self) -> None:
        options = [option(name) for name in "abcdef"]
        assert chosen("random", *options, seed=7) == chosen("random", *reversed(options), seed=7)

    def test_random_differs_by_seed(self) -> None:
        options = [option(name) for name in "abcdef"]
        assert len({chosen("random", *options, seed=seed) for seed in range(50)}) == 6

    def test_every_other_group_is_told_why_not(self) -> None:
        options = option("a", waste=0.5), option("b"), option("c")
        found = choose(options, ["least-waste"], priorities=None, seed=0)
        assert set(found.against) == {"a", "b", "c"} - {found.option.group.name}
