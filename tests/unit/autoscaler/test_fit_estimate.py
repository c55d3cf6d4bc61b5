"""How many new nodes pods need: known answers, limits, and the words for what is left."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.pods import HostPort, PodClass, PodTerm, Requirement, Spread, Taint
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.estimate import Estimate, Estimator, estimate, why_not_template
from tests.support.as_cluster import GIB, TO_WEB, WEB, node, snapshot
from tests.support.as_drawn import HOST, ZONE

TEMPLATE = Template("g", "a", {ZONE: "a"}, (), {"pods": 10, "cpu": 2000, "memory": 8 * GIB})


def asked(
    *wanted: tuple[PodClass, int], template: Template = TEMPLATE, most: int = 99, there: Cluster | None = None
) -> Estimate:
    return estimate(wanted, template, cluster=there or Cluster({}), most=most)


def taking(cpu: int, memory: int = 1, **changes: object) -> PodClass:
    return replace(WEB, requests={"pods": 1, "cpu": cpu, "memory": memory}, **changes)  # type: ignore[arg-type]


class TestHowMany:
    """First fit decreasing, whatever the order of the question."""

    @pytest.mark.parametrize(
        ("sizes", "nodes"),
        [
            ([], 0),
            ([(500, 1)], 1),
            ([(500, 4)], 1),
            ([(500, 5)], 2),
            ([(1500, 3), (500, 3)], 3),
            ([(500, 3), (1500, 3)], 3),
            ([(1200, 2), (800, 2), (100, 8)], 3),
            ([(10, 25)], 3),
        ],
    )
    def test_pods_need_so_many_nodes(self, sizes: Sequence[tuple[int, int]], nodes: int) -> None:
        assert asked(*((taking(cpu), count) for cpu, count in sizes)).nodes == nodes

    def test_51000_pods_need_the_2595_nodes_of_the_originals_benchmark(self) -> None:
        template = replace(TEMPLATE, allocatable={"pods": 100, "cpu": 1000, "memory": 5000})
        found = asked((taking(50, 100), 50_000), (taking(95, 190), 1000), template=template, most=3000)
        assert (found.nodes, found.pods) == (2595, 51_000)

    def test_memory_counts_as_much_as_cpu_for_the_order(self) -> None:
        small, large = taking(100, 5 * GIB), taking(1200, GIB)
        assert asked((large, 1), (small, 1)).nodes == 1
        assert asked((large, 2), (small, 2)).nodes == 2

    def test_daemonset_pods_come_first(self) -> None:
        template = replace(TEMPLATE, daemons=(taking(100), taking(400, labels={"app": "agent"})))
        assert asked((taking(500), 4), template=template).nodes == 2

    def test_a_class_that_is_named_twice_is_one_class(self) -> None:
        cls = taking(500)
        assert asked((cls, 3), (cls, 1)).placed == {cls: 4}


class TestRules:
    """Pods with rules between them get the same nodes as one by one."""

    def test_pods_that_keep_apart_get_a_node_each(self) -> None:
        apart = taking(100, anti_affinity=(PodTerm(HOST, TO_WEB),))
        assert asked((apart, 7)).nodes == 7

    def test_pods_that_keep_apart_share_nodes_with_others(self) -> None:
        apart = taking(600, anti_affinity=(PodTerm(HOST, TO_WEB),))
        assert asked((apart, 3), (taking(300, labels={"app": "b"}), 12)).nodes == 3

    def test_pods_that_keep_apart_by_zone_get_one_in_the_zone(self) -> None:
        apart = taking(100, anti_affinity=(PodTerm(ZONE, TO_WEB),))
        found = asked((apart, 3))
        assert found.placed == {apart: 1}
        left, why = found.left[apart]
        assert (left, why.code, why.message) == (
            2,
            names.POD_ANTI_AFFINITY,
            f"a pod with app=web is in {ZONE}=a",
        )

    def test_pods_with_a_host_port_get_a_node_each(self) -> None:
        assert asked((taking(100, ports=(HostPort(80),)), 3)).nodes == 3

    def test_spread_over_zones_takes_what_the_other_zones_permit(self) -> None:
        even = taking(100, spread=(Spread(2, ZONE, TO_WEB),))
        there = Cluster.of(snapshot([node("n1", "b")]))
        there.place(even, "n1", 3)
        found = asked((even, 9), there=there)
        assert found.placed == {even: 5}
        assert found.left[even][1].message == f"{ZONE}=a has 5 of its pods, the least has 3, max skew is 2"

    def test_spread_that_was_seen_to_elsewhere_is_not_asked_about(self) -> None:
        even = taking(100, spread=(Spread(2, ZONE, TO_WEB),))
        there = Cluster.of(snapshot([node("n1", "b")]))
        found = estimate([(even, 9)], TEMPLATE, cluster=there, most=9, spread_elsewhere=frozenset({even}))
        assert found.placed == {even: 9}

    def test_spread_over_new_nodes_fills_them_evenly(self) -> None:
        even = taking(100, spread=(Spread(1, HOST, TO_WEB),))
        there = Cluster.of(snapshot([node("n1")]))
        assert asked((even, 7), there=there).nodes == 7

    def test_pods_that_want_to_be_together_fill_one_node(self) -> None:
        together = taking(500, affinity=(PodTerm(HOST, TO_WEB),))
        found = asked((together, 6))
        assert (found.nodes, found.placed) == (1, {together: 4})
        assert found.left[together][1].message == f"no pod with app=web is in {HOST}=a new node"


class TestWhatIsLeft:
    """Each pod that finds no place is left, with the reason."""

    def test_no_more_nodes_than_permitted(self) -> None:
        cls = taking(500)
        found = asked((cls, 9), most=2)
        assert (found.nodes, found.placed) == (2, {cls: 8})
        assert found.left[cls][0] == 1
        assert found.left[cls][1].code == names.AT_MAX
        assert found.left[cls][1].message == "more than 2 new nodes would be needed"

    def test_smaller_pods_still_fill_gaps_at_the_limit(self) -> None:
        large, small = taking(1500), taking(500)
        assert asked((large, 3), (small, 1), most=2).placed == {large: 2, small: 1}

    @pytest.mark.parametrize(
        ("cls", "code", "message"),
        [
            (taking(3000), names.INSUFFICIENT, "Insufficient cpu: requests 3, 2 are free"),
            (
                taking(100, node_selector={"disk": "ssd"}),
                names.SELECTOR_MISMATCH,
                "node selector asks for disk=ssd, the node has none",
            ),
            (
                taking(100, affinity=(PodTerm(ZONE, (Requirement("app", "In", ("db",)),)),)),
                names.POD_AFFINITY,
                f"no pod with app=db is in {ZONE}=a",
            ),
        ],
    )
    def test_a_pod_that_an_empty_node_does_not_take(self, cls: PodClass, code: str, message: str) -> None:
        found = asked((cls, 2))
        left, why = found.left[cls]
        assert (found.nodes, left, why.code, why.message) == (0, 2, code, message)
        assert why_not_template(cls, TEMPLATE, Cluster({})) == why

    def test_of_a_group_of_several_types_the_smallest_is_named(self) -> None:
        why = why_not_template(taking(3000), replace(TEMPLATE, smallest_type="m5.large"), Cluster({}))
        assert why is not None
        told = "Insufficient cpu: requests 3, 2 are free on m5.large, the smallest of its types"
        assert why.message == told

    def test_a_pod_that_fits_has_no_reason(self) -> None:
        assert why_not_template(taking(100), TEMPLATE, Cluster({})) is None


class TestSharedAnswers:
    """Templates that no pod can tell apart share one answer."""

    @pytest.mark.parametrize(
        ("changes", "is_shared"),
        [
            ({"group": "h"}, True),
            ({"labels": {ZONE: "b"}}, True),
            ({"labels": {ZONE: "a", "pool": "p"}}, False),
            ({"taints": (Taint("gpu"),)}, False),
            ({"allocatable": {"pods": 10, "cpu": 2000, "memory": GIB}}, False),
            ({"volume_limits": {"ebs": 1}}, False),
            ({"daemons": (WEB,)}, False),
            ({"smallest_type": "m5.large"}, False),
        ],
    )
    def test_an_answer_is_shared(self, changes: dict[str, object], is_shared: bool) -> None:
        wanted = [(taking(100), 3), (taking(200, node_selector={"pool": "p"}), 3)]
        estimator = Estimator(Cluster({}))
        first = estimator.estimate(wanted, TEMPLATE, most=9)
        other = replace(TEMPLATE, **changes)  # type: ignore[arg-type]
        assert (estimator.estimate(wanted, other, most=9) is first) == is_shared

    def test_the_zone_counts_where_a_rule_is_by_zone(self) -> None:
        wanted = [(taking(100, spread=(Spread(1, ZONE, TO_WEB),)), 3)]
        estimator = Estimator(Cluster({}))
        first = estimator.estimate(wanted, TEMPLATE, most=9)
        assert estimator.estimate(wanted, replace(TEMPLATE, labels={ZONE: "b"}), most=9) is not first
