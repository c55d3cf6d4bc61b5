"""Which problems are Warnings on an object, and which only remarks."""

import pytest

from addons.albingress import names
from addons.albingress.kube.reports import problem_report
from addons.runtime.outcomes import Problem
from tests.support.alb_groups import TEAM, member


@pytest.mark.parametrize(
    ("reason", "event"),
    [
        (names.BROKEN_RULE, "Warning"),
        (names.UNKNOWN_ANNOTATION, "Warning"),
        (names.ATTRIBUTE_KEPT, "Normal"),
        (names.RULE_SHADOWED, "Normal"),
    ],
)
def test_what_may_be_meant_is_no_warning(reason: str, event: str) -> None:
    assert problem_report(TEAM, Problem(member("a").ref, reason, "said")).event == event
