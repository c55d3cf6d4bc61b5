"""What matches what: selectors of labels, terms of node affinity, tolerations."""

import pytest

from addons.autoscaler.model.matching import (
    holds,
    node_terms_match,
    repels,
    selector_matches,
    tolerates,
)
from addons.autoscaler.model.pods import NodeTerm, Requirement, Taint, Toleration

LABELS = {"zone": "a", "cores": "8", "empty": "", "version": "v2", "big": "9223372036854775808"}


def asks(key: str, operator: str, *values: str) -> Requirement:
    return Requirement(key, operator, values)


@pytest.mark.parametrize(
    ("requirement", "met"),
    [
        (asks("zone", "In", "a", "b"), True),
        (asks("zone", "In", "b"), False),
        (asks("zone", "In"), False),
        (asks("none", "In", ""), False),
        (asks("empty", "In", ""), True),
        (asks("zone", "NotIn", "b"), True),
        (asks("zone", "NotIn", "a"), False),
        (asks("none", "NotIn", "a"), True),
        (asks("empty", "Exists"), True),
        (asks("none", "Exists"), False),
        (asks("none", "DoesNotExist"), True),
        (asks("empty", "DoesNotExist"), False),
        (asks("cores", "Gt", "7"), True),
        (asks("cores", "Gt", "8"), False),
        (asks("cores", "Gt", "+7"), True),
        (asks("cores", "Lt", "9"), True),
        (asks("cores", "Lt", "8"), False),
        (asks("cores", "Lt", "-1"), False),
        (asks("none", "Lt", "9"), False),
        (asks("version", "Gt", "1"), False),
        (asks("cores", "Gt", "1_0"), False),
        (asks("cores", "Gt", " 1"), False),
        (asks("cores", "Gt", "1", "2"), False),
        (asks("big", "Gt", "1"), False),
        (asks("zone", "Near", "a"), False),
    ],
)
def test_a_requirement_on_labels(requirement: Requirement, met: bool) -> None:
    assert holds(requirement, LABELS.get(requirement.key)) is met


class TestASelectorOfLabels:
    def test_none_selects_nothing(self) -> None:
        assert not selector_matches(None, LABELS)

    def test_an_empty_one_selects_everything(self) -> None:
        assert selector_matches((), {})

    def test_all_of_it_must_hold(self) -> None:
        assert not selector_matches((asks("zone", "In", "a"), asks("none", "Exists")), LABELS)


class TestTermsForNodes:
    def test_without_affinity_each_node_will_do(self) -> None:
        assert node_terms_match(None, {}, "n")

    def test_no_term_at_all_is_met_by_no_node(self) -> None:
        assert not node_terms_match((), LABELS, "n")

    def test_an_empty_term_is_met_by_no_node(self) -> None:
        assert not node_terms_match((NodeTerm(),), LABELS, "n")

    def test_one_of_several_is_enough(self) -> None:
        terms = (NodeTerm(), NodeTerm((asks("zone", "In", "b"),)), NodeTerm((asks("zone", "In", "a"),)))
        assert node_terms_match(terms, LABELS, "n")

    def test_all_of_a_term_must_hold(self) -> None:
        name = asks("metadata.name", "In", "n")
        assert node_terms_match((NodeTerm((asks("zone", "Exists"),), (name,)),), LABELS, "n")
        assert not node_terms_match((NodeTerm((asks("none", "Exists"),), (name,)),), LABELS, "n")

    @pytest.mark.parametrize(
        ("field", "met"),
        [
            (asks("metadata.name", "In", "n"), True),
            (asks("metadata.name", "In", "m"), False),
            (asks("metadata.name", "NotIn", "m"), True),
            (asks("metadata.name", "NotIn", "n"), False),
            (asks("metadata.name", "In", "n", "m"), False),
            (asks("metadata.name", "NotIn", "l", "m"), False),
            (asks("metadata.name", "Exists"), False),
            (asks("spec.unschedulable", "In", "n"), False),
        ],
    )
    def test_a_field(self, field: Requirement, met: bool) -> None:
        assert node_terms_match((NodeTerm((), (field,)),), LABELS, "n") is met

    def test_a_term_that_names_a_node_is_not_met_by_one_that_does_not_exist_yet(self) -> None:
        assert not node_terms_match((NodeTerm((), (asks("metadata.name", "In", "n"),)),), LABELS, "")


@pytest.mark.parametrize(
    ("toleration", "taint", "met"),
    [
        (Toleration("k", "Equal", "v", "NoSchedule"), Taint("k", "v"), True),
        (Toleration("k", "", "v", "NoSchedule"), Taint("k", "v"), True),
        (Toleration("k", "Equal", "w", "NoSchedule"), Taint("k", "v"), False),
        (Toleration("k", "Equal", "v", "NoExecute"), Taint("k", "v"), False),
        (Toleration("k", "Equal", "v"), Taint("k", "v", "NoExecute"), True),
        (Toleration("k", "Exists"), Taint("k", "v"), True),
        (Toleration("l", "Exists"), Taint("k", "v"), False),
        (Toleration(operator="Exists"), Taint("k", "v", "NoExecute"), True),
        (Toleration(operator="Exists", effect="NoSchedule"), Taint("k", "v", "NoExecute"), False),
        (Toleration("k", "Gt", "5"), Taint("k", "6"), True),
        (Toleration("k", "Gt", "5"), Taint("k", "5"), False),
        (Toleration("k", "Lt", "5"), Taint("k", "-4"), True),
        (Toleration("k", "Lt", "5"), Taint("k", "+4"), False),
        (Toleration("k", "Lt", "05"), Taint("k", "4"), False),
        (Toleration("k", "Near", "5"), Taint("k", "5"), False),
    ],
)
def test_a_toleration(toleration: Toleration, taint: Taint, met: bool) -> None:
    assert tolerates((toleration,), taint) is met


class TestTaintsThatKeepAPodAway:
    def test_one_that_only_prefers_keeps_nobody_away(self) -> None:
        assert not repels(Taint("k", "v", "PreferNoSchedule"), ())

    @pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
    def test_one_that_nothing_tolerates_does(self, effect: str) -> None:
        assert repels(Taint("k", "v", effect), (Toleration("l", "Exists"),))

    def test_one_that_is_tolerated_does_not(self) -> None:
        assert not repels(Taint("k", "v"), (Toleration("l", "Exists"), Toleration("k", "Exists")))
