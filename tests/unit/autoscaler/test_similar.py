"""Which groups differ in their zone only, and how new nodes are spread over them."""

from typing import Any

import pytest

from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.similar import are_similar, balanced
from tests.support.as_growth import GIB, pod_class, template


def similar(options: GrowOptions | None = None, **other: Any) -> bool:
    return are_similar(template("a"), template("b", **other), options or GrowOptions())


def offers(cpu: int = 1930, memory: int = 7 * GIB, pods: int = 29) -> dict[str, int]:
    return {"cpu": cpu, "memory": memory, "pods": pods}


class TestSimilar:
    """Groups are similar where it makes no difference to pods, but for the zone."""

    def test_groups_of_other_zones_are_similar(self) -> None:
        assert similar(zone="eu-1b")

    @pytest.mark.parametrize("key", ["kubernetes.io/hostname", "eks.amazonaws.com/nodegroup", "lifecycle"])
    def test_labels_that_tell_groups_apart_are_no_matter(self, key: str) -> None:
        assert similar(labels={key: "x"})

    def test_a_label_of_ones_own_makes_a_difference(self) -> None:
        assert not similar(labels={"team": "web"})

    def test_unless_it_is_to_be_ignored(self) -> None:
        assert similar(GrowOptions(ignored_labels=frozenset({"team"})), labels={"team": "web"})

    def test_with_balancing_labels_nothing_else_counts(self) -> None:
        options = GrowOptions(balancing_labels=("team",))
        assert similar(options, allocatable=offers(cpu=64000))
        assert not similar(options, labels={"team": "web"})

    def test_memory_may_differ_a_little(self) -> None:
        assert similar(allocatable=offers(memory=int(6.8 * GIB)))
        assert not similar(allocatable=offers(memory=int(6.5 * GIB)))

    def test_a_resource_that_only_one_has_makes_a_difference(self) -> None:
        assert not similar(allocatable={**offers(), "nvidia.com/gpu": 1})

    def test_what_daemonsets_take_counts(self) -> None:
        assert not similar(daemons=(pod_class("agent", cpu=400),))

    def test_a_group_without_nodes_is_similar_to_its_twin_with_some(self) -> None:
        seen = {"kubernetes.io/arch": "amd64", "added-by-kubelet": "x"}
        live = offers(cpu=1800, memory=int(6.6 * GIB))
        twin = template("b", labels=seen, allocatable={**live, "ephemeral-storage": 5})
        assert are_similar(template("a", source="tags"), twin, GrowOptions())

    def test_a_group_without_nodes_is_not_similar_to_another_type(self) -> None:
        assert not similar(source="tags", labels={"node.kubernetes.io/instance-type": "m5.xlarge"})
        assert not similar(source="tags", allocatable=offers(cpu=3900))


class TestBalanced:
    """Each new node goes to the smallest group."""

    def test_equal_groups_get_equal_shares(self) -> None:
        assert balanced(6, dict.fromkeys("abc", 0), dict.fromkeys("abc", 9)) == {"a": 2, "b": 2, "c": 2}

    def test_smaller_groups_catch_up_first(self) -> None:
        assert balanced(4, {"a": 0, "b": 1, "c": 3}, dict.fromkeys("abc", 9)) == {"a": 3, "b": 1}

    def test_what_a_group_cannot_take_goes_on_to_the_others(self) -> None:
        assert balanced(6, dict.fromkeys("abc", 0), {"a": 1, "b": 9, "c": 9}) == {"a": 1, "b": 3, "c": 2}

    def test_what_no_group_can_take_is_left_out(self) -> None:
        assert balanced(6, {"a": 0}, {"a": 4}) == {"a": 4}
