"""Disruption budgets in the simulation: no more pods go than they allow."""

from addons.autoscaler import names
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Budget, Pod, Requirement
from addons.autoscaler.plan.budgets import Budgets
from tests.support.as_shrink import NOW, budget, pod

A, B, C = pod("a"), pod("b"), pod("c")


def blocked(budgets: Budgets, *pods: Pod) -> str:
    why = budgets.why_not(pods)
    return why.code if why else ""


def left(*pods: Pod, of: Budget) -> int:
    budgets = Budgets((of,))
    budgets.charge(pods)
    return budgets.left(0)


class TestAllowed:
    def test_what_no_budget_covers_may_go(self) -> None:
        assert not blocked(Budgets(()), A)
        assert not blocked(Budgets((budget(0, app="other"),)), A)

    def test_a_budget_of_another_namespace_is_no_matter(self) -> None:
        assert not blocked(Budgets((budget(0),)), pod("x", namespace="lab"))

    def test_a_budget_without_a_selector_covers_nothing_and_with_an_empty_one_everything(self) -> None:
        assert not blocked(Budgets((budget(0, selector=None),)), A)
        assert blocked(Budgets((budget(0, selector=()),)), A)

    def test_a_label_of_the_pod_alone_counts_too(self) -> None:
        only = budget(0, selector=(Requirement("pod-name", "In", ("a",)),))
        assert blocked(Budgets((only,)), pod("a", own_labels={"pod-name": "a"}))
        assert not blocked(Budgets((only,)), pod("b", own_labels={"pod-name": "b"}))

    def test_a_budget_that_allows_nothing_holds_its_pods(self) -> None:
        assert blocked(Budgets((budget(0),)), A) == names.BLOCKED_BUDGET

    def test_the_pod_and_the_budget_are_named(self) -> None:
        why = Budgets((budget(0, "one"),)).why_not([B, A])
        assert isinstance(why, WhyNot)
        assert why.about == "shop/a"
        assert why.message == ("pod shop/a is held by the disruption budget one: it allows 0 disruptions now")

    def test_a_budget_that_was_not_looked_at_yet_holds_its_pods(self) -> None:
        assert blocked(Budgets((budget(5, is_current=False),)), A) == names.BLOCKED_BUDGET

    def test_two_pods_may_go_one_after_the_other(self) -> None:
        assert not blocked(Budgets((budget(1),)), A, B)

    def test_it_is_charged_for_what_goes(self) -> None:
        assert left(A, of=budget(2)) == 1

    def test_it_is_never_overdrawn(self) -> None:
        assert left(A, B, C, of=budget(2)) == 0

    def test_removals_before_use_it_up(self) -> None:
        budgets = Budgets((budget(1),))
        budgets.charge([A])
        why = budgets.why_not([B])
        assert why
        assert "removals under way use up all 1 that it allows" in why.message

    def test_a_pod_that_ends_already_or_has_not_begun_is_not_charged(self) -> None:
        assert left(pod("a", delete_at=NOW), of=budget(1)) == 1
        assert left(pod("a", phase="Pending"), of=budget(1)) == 1
        assert not blocked(Budgets((budget(0),)), pod("a", phase="Pending"))

    def test_an_unhealthy_pod_may_go_always_where_the_budget_says_so(self) -> None:
        sick = pod("a", is_ready=False)
        assert not blocked(Budgets((budget(0, evicts_unhealthy=True),)), sick)
        assert blocked(Budgets((budget(0),)), sick)


class TestSeveral:
    """The API server evicts no pod that two budgets cover."""

    BUDGETS = Budgets((budget(5, "one"), budget(5, "two")))

    def test_it_is_known_before_anything_is_tainted(self) -> None:
        why = self.BUDGETS.several(A)
        assert why
        assert why.code == names.BLOCKED_SEVERAL_BUDGETS
        assert "one and two" in why.message

    def test_one_is_none_of_several(self) -> None:
        assert Budgets((budget(5),)).several(A) is None

    def test_a_pod_that_is_not_asked_about_goes_all_the_same(self) -> None:
        assert self.BUDGETS.several(pod("a", phase="Pending")) is None
