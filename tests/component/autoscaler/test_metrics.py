"""The figures that are exported, by the names that dashboards of the original know."""

import pytest
from prometheus_client import REGISTRY

from addons.autoscaler.controller.metrics import Metrics
from addons.autoscaler.model.plans import GrowPlan, Order, ShrinkPlan
from addons.runtime.errors import Denied, Unavailable
from tests.support.as_passes import NOW, done, group, node, pod, state, waits, why


def figure(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_nodes_are_counted_by_state(metrics: Metrics) -> None:
    metrics.passed(done(state(group("a", "n1", "n2"), ready=1, starting=1, unregistered=2, lost=("i-3",))))
    name = "cluster_autoscaler_nodes_count"
    counts = [
        figure(name, state=each)
        for each in ("ready", "unready", "notStarted", "longUnregistered", "unregistered")
    ]
    assert counts[:4] == [1, 0, 1, 1]


def test_pods_groups_and_candidates_are_counted(metrics: Metrics) -> None:
    stuck = waits(pod("web"), a=why("Insufficient", "little"))
    order = Order("a", 1, 1, (pod("db"),), why="")
    plan = GrowPlan(orders=(order,), waits=(stuck, waits(pod("x"), why("TooYoung", "young"))))
    shrink = ShrinkPlan(unneeded={"n1": NOW}, stays={"n2": why("PodLocalStorage", "data")})
    metrics.passed(done(state(group("a", most=7)), nodes=(node("n1"),), grow=plan, shrink=shrink))
    assert figure("cluster_autoscaler_unschedulable_pods_count", type="unschedulable") == 2
    assert figure("cluster_autoscaler_node_groups_count", node_group_type="autoscaled") == 1
    assert figure("cluster_autoscaler_max_nodes_count") == 7
    assert figure("cluster_autoscaler_unneeded_nodes_count") == 1
    assert figure("cluster_autoscaler_unremovable_nodes_count", reason="PodLocalStorage") == 1
    assert figure("cluster_autoscaler_cluster_safe_to_autoscale") == 1
    assert figure("cluster_autoscaler_last_activity", activity="main") == NOW


def test_what_does_not_hold_any_more_is_not_shown(metrics: Metrics) -> None:
    metrics.passed(done(state(group("gone"), why_not=why("BackedOff", "rests"))))
    labels = {"group": "gone", "reason": "BackedOff"}
    assert figure("addons_autoscaler_group_held", **labels) == 1
    metrics.passed(done())
    assert figure("addons_autoscaler_group_held", **labels) is None
    assert figure("addons_autoscaler_upcoming_nodes", group="gone") is None


def test_another_leader_leaves_no_figure_behind(metrics: Metrics) -> None:
    metrics.passed(done(state(group("left"), upcoming=3)))
    assert figure("addons_autoscaler_upcoming_nodes", group="left") == 3
    metrics.forget()
    assert figure("addons_autoscaler_upcoming_nodes", group="left") is None


def test_orders_count_by_whether_aws_took_them(metrics: Metrics) -> None:
    def counts() -> list[float]:
        names = ("cloudProviderError", "timeout")
        failed = [figure("cluster_autoscaler_failed_scale_ups_total", reason=each) or 0 for each in names]
        return [figure("cluster_autoscaler_scaled_up_nodes_total") or 0, *failed]

    before = counts()
    metrics.ordered(3)
    metrics.not_ordered(Denied("no"))
    metrics.not_ordered(Unavailable("late", code="Timeout"))
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [3, 1, 1]


def test_what_may_be_out_of_date_is_not_safe_to_act_on(metrics: Metrics) -> None:
    metrics.passed(done(is_stale="pods not heard of for 200 s"))
    assert figure("cluster_autoscaler_cluster_safe_to_autoscale") == 0
