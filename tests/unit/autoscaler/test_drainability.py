"""What becomes of a pod when its node goes: one rule after the other."""

from typing import Any

import pytest

from addons.autoscaler import names
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Budget, Pod
from addons.autoscaler.plan.budgets import Budgets
from addons.autoscaler.plan.drainability import END, LEAVE, MOVE, Evictions, Rules, evictions, verdict
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from tests.support.as_shrink import NOW, budget, daemon, owner, pod


def rules(*budgets: Budget, **options: Any) -> Rules:
    return Rules(ShrinkOptions(**options), Budgets(budgets), NOW)


def of(subject: Pod, *budgets: Budget, **options: Any) -> str:
    found = verdict(subject, rules(*budgets, **options))
    return found.code if isinstance(found, WhyNot) else found


class TestMoves:
    def test_a_pod_of_a_replica_set_moves(self) -> None:
        assert of(pod("a")) == MOVE

    def test_so_do_those_of_the_other_controllers(self) -> None:
        assert {of(pod("a", owner=owner(kind))) for kind in ("StatefulSet", "Job")} == {MOVE}


class TestMirror:
    def test_a_static_pod_goes_with_its_node(self) -> None:
        assert of(pod("a", is_mirror=True, owner=None)) == LEAVE


class TestHanging:
    def test_a_pod_that_should_have_ended_is_not_waited_for(self) -> None:
        assert of(pod("a", owner=None, delete_at=NOW - 31)) == LEAVE

    def test_one_that_is_ending_is(self) -> None:
        assert of(pod("a", delete_at=NOW - 29)) == MOVE


class TestExpendable:
    def test_a_pod_of_low_priority_keeps_no_node_and_needs_no_place(self) -> None:
        assert of(pod("a", owner=None, priority=-11)) == END

    def test_the_cutoff_itself_counts(self) -> None:
        assert of(pod("a", priority=-10)) == MOVE


class TestControllerMissing:
    MISSING = owner(is_known=False)

    def test_it_keeps_the_node(self) -> None:
        assert of(pod("a", owner=self.MISSING)) == names.BLOCKED_CONTROLLER_MISSING

    def test_even_where_the_pod_is_called_safe(self) -> None:
        assert of(pod("a", owner=self.MISSING, safe_to_evict="true")) == names.BLOCKED_CONTROLLER_MISSING

    def test_a_daemonset_pod_goes_all_the_same(self) -> None:
        assert of(pod("a", owner=owner("DaemonSet", is_known=False), is_daemon=True)) == LEAVE


class TestMinReplicas:
    def test_a_small_controller_keeps_its_pods(self) -> None:
        assert of(pod("a", owner=owner(replicas=2)), min_replicas=3) == names.BLOCKED_MIN_REPLICAS
        assert of(pod("a", owner=owner(replicas=3)), min_replicas=3) == MOVE

    def test_what_is_not_known_keeps_nothing(self) -> None:
        assert of(pod("a", owner=owner(replicas=None)), min_replicas=3) == MOVE

    def test_a_job_has_no_replicas(self) -> None:
        assert of(pod("a", owner=owner("Job", 1)), min_replicas=3) == MOVE


class TestDaemon:
    def test_it_goes_with_its_node(self) -> None:
        assert of(daemon("a")) == LEAVE

    def test_whatever_its_annotations_say(self) -> None:
        assert of(daemon("a", safe_to_evict="false", local_volumes=("data",))) == LEAVE


class TestSafe:
    def test_it_outdoes_what_keeps_other_pods(self) -> None:
        bare = pod("a", owner=None, safe_to_evict="true", local_volumes=("data",), namespace="kube-system")
        assert of(bare) == MOVE


class TestEnded:
    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_it_needs_no_place(self, phase: str) -> None:
        assert of(pod("a", owner=None, phase=phase)) == END


class TestOnCompletion:
    def test_its_node_waits_for_it(self) -> None:
        assert of(pod("a", safe_to_evict="on-completion")) == names.BLOCKED_NOT_SAFE

    def test_until_it_has_ended(self) -> None:
        assert of(pod("a", safe_to_evict="on-completion", phase="Succeeded")) == END


class TestNotReplicated:
    def test_a_bare_pod_keeps_its_node(self) -> None:
        assert of(pod("a", owner=None)) == names.BLOCKED_NOT_REPLICATED

    def test_a_controller_of_another_make_is_not_trusted(self) -> None:
        strange = owner("Rollout", None, is_known=False, is_native=False)
        assert of(pod("a", owner=strange)) == names.BLOCKED_NOT_REPLICATED
        assert of(pod("a", owner=strange), keeps_custom_controllers=False) == MOVE

    def test_a_bare_pod_is_never_trusted(self) -> None:
        assert of(pod("a", owner=None), keeps_custom_controllers=False) == names.BLOCKED_NOT_REPLICATED


class TestSystem:
    YOUNG = pod("a", namespace="kube-system", created=NOW - 3599)

    def test_a_young_pod_of_kube_system_keeps_its_node(self) -> None:
        assert of(self.YOUNG) == names.BLOCKED_KUBE_SYSTEM

    def test_for_an_hour(self) -> None:
        assert of(pod("a", namespace="kube-system", created=NOW - 3600)) == MOVE

    def test_unless_a_budget_covers_it(self) -> None:
        covering = Budget("kube-system", "one", (), 1)
        assert of(self.YOUNG, covering) == MOVE

    def test_or_the_settings_say_otherwise(self) -> None:
        assert of(self.YOUNG, keeps_system_pods=False) == MOVE
        assert of(self.YOUNG, system_pod_seconds=60) == MOVE


class TestNotSafe:
    def test_its_owner_keeps_the_node(self) -> None:
        assert of(pod("a", safe_to_evict="false")) == names.BLOCKED_NOT_SAFE


class TestLocalStorage:
    def test_data_on_the_node_keeps_it(self) -> None:
        found = verdict(pod("a", local_volumes=("cache", "tmp")), rules())
        assert isinstance(found, WhyNot)
        assert found.code == names.BLOCKED_LOCAL_STORAGE
        assert "cache, tmp" in found.message

    def test_unless_the_settings_say_otherwise(self) -> None:
        assert of(pod("a", local_volumes=("cache",)), keeps_local_storage=False) == MOVE


class TestNode:
    """All pods of a node together."""

    def test_what_moves_and_what_ends_is_told_apart(self) -> None:
        moving, ending = pod("a"), pod("b", priority=-11)
        assert evictions([daemon("d"), moving, ending], rules()) == Evictions((moving,), (ending,))

    def test_of_two_pods_that_keep_it_the_first_by_name_is_told(self) -> None:
        one, two = pod("a", safe_to_evict="false"), pod("b", owner=None)
        for order in ([one, two], [two, one]):
            found = evictions(order, rules())
            assert isinstance(found, WhyNot)
            assert found.about == "shop/a"

    def test_two_budgets_on_a_pod_keep_it_before_anything_is_tainted(self) -> None:
        found = evictions([pod("a")], rules(budget(3, "one"), budget(3, "two")))
        assert isinstance(found, WhyNot)
        assert found.code == names.BLOCKED_SEVERAL_BUDGETS

    def test_even_where_the_pod_is_called_safe(self) -> None:
        found = evictions([pod("a", safe_to_evict="true")], rules(budget(3, "one"), budget(3, "two")))
        assert isinstance(found, WhyNot)
        assert found.code == names.BLOCKED_SEVERAL_BUDGETS
