"""What other pods leave of a node, and rules between pods: tables, and the words of each refusal."""

import gc
from collections.abc import Sequence
from dataclasses import replace
from weakref import ref

import pytest

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import HostPort, PodClass, PodTerm, Requirement, Spread
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.loads import Loads
from tests.support.as_cluster import GIB, TO_WEB, WEB, node, pod, snapshot
from tests.support.as_drawn import HOST, ZONE


def cluster(*nodes: Node, **on: Sequence[PodClass]) -> Cluster:
    """A cluster where pods of these classes are on the nodes of these names."""
    pods = [
        pod(f"{name}-{number}", cls, name) for name, many in on.items() for number, cls in enumerate(many)
    ]
    return Cluster.of(snapshot(nodes, pods))


def words(found: Cluster, cls: PodClass, name: str = "n1") -> str:
    why = found.why_not(cls, name)
    return why.message if why else ""


class TestRoom:
    """A pod needs all that it requests; what it does not request may be overdrawn."""

    @pytest.mark.parametrize(
        ("requests", "said"),
        [
            ({"cpu": 1500}, ""),
            ({"cpu": 1501}, "Insufficient cpu: requests 1501m, 1500m are free"),
            ({"cpu": 3000}, "Insufficient cpu: requests 3, 1500m are free"),
            ({"memory": 8 * GIB}, "Insufficient memory: requests 8Gi, 7Gi are free"),
            ({"memory": 7 * GIB + GIB // 2}, "Insufficient memory: requests 7.5Gi, 7Gi are free"),
            (
                {"aws-addons.io/pod-ip": 1},
                "Insufficient aws-addons.io/pod-ip: requests 1, 0 are free",
            ),
            ({"aws-addons.io/pod-ip": 0}, ""),
        ],
    )
    def test_a_resource_is_short_or_not(self, requests: dict[str, int], said: str) -> None:
        found = cluster(node("n1"), n1=[WEB])
        assert words(found, replace(WEB, requests={"pods": 1, **requests})) == said

    def test_a_node_takes_no_more_pods_than_it_may(self) -> None:
        found = cluster(node("n1", allocatable={"pods": 1, "cpu": 9000, "memory": 9 * GIB}), n1=[WEB])
        assert words(found, WEB) == "Insufficient pods: requests 1, 0 are free"

    def test_an_overdrawn_resource_keeps_off_only_pods_that_request_it(self) -> None:
        found = cluster(node("n1", allocatable={"pods": 10, "cpu": 100, "memory": 8 * GIB}), n1=[WEB])
        assert words(found, WEB) == "Insufficient cpu: requests 500m, 0 are free"
        assert words(found, replace(WEB, requests={"pods": 1, "memory": 1})) == ""

    def test_a_driver_attaches_no_more_volumes_than_its_limit(self) -> None:
        data = replace(WEB, volumes={"ebs.csi.aws.com": 1})
        found = cluster(node("n1", volume_limits={"ebs.csi.aws.com": 1}), node("n2"), n1=[data], n2=[data])
        assert words(found, data) == "no room for 1 more volumes of ebs.csi.aws.com: 0 can be attached"
        assert words(found, data, "n2") == ""

    def test_a_resource_that_comes_up_late_counts_on_all_nodes(self) -> None:
        found = cluster(node("n1"), node("n2", allocatable={"pods": 9, "example.org/gpu": 1}))
        wanted = PodClass("d", "x", {}, {"pods": 1, "example.org/gpu": 1})
        assert found.first_fit(wanted) == "n2"


class TestPorts:
    """One port of a protocol is free at an address unless it is taken there, or at all addresses."""

    @pytest.mark.parametrize(
        ("wanted", "is_free"),
        [
            (HostPort(80), False),
            (HostPort(81), True),
            (HostPort(80, "UDP"), True),
            (HostPort(80, "TCP", "10.0.0.2"), True),
            (HostPort(80, "TCP", "10.0.0.1"), False),
            (HostPort(80, "TCP", "0.0.0.0"), False),
            (HostPort(53, "UDP", "10.0.0.9"), False),
        ],
    )
    def test_a_port_is_taken_or_free(self, wanted: HostPort, is_free: bool) -> None:
        taken = replace(WEB, ports=(HostPort(80, "TCP", "10.0.0.1"), HostPort(53, "UDP")))
        why = cluster(node("n1"), n1=[taken]).why_not(replace(WEB, ports=(wanted,)), "n1")
        assert why is None if is_free else why is not None and why.code == names.PORT_TAKEN

    def test_a_taken_port_is_told(self) -> None:
        one = replace(WEB, ports=(HostPort(80, "TCP", "10.0.0.1"),))
        assert words(cluster(node("n1"), n1=[one]), one) == "host port 80/TCP at 10.0.0.1 is taken"


class TestRulesBetweenPods:
    """Affinity, anti-affinity and spread, and how they are told."""

    def test_anti_affinity_keeps_a_pod_off_where_others_are(self) -> None:
        shy = replace(WEB, labels={"app": "shy"}, anti_affinity=(PodTerm(ZONE, TO_WEB),))
        found = cluster(node("n1"), node("n2"), node("n3", "b"), n2=[WEB])
        assert words(found, shy) == f"a pod with app=web is in {ZONE}=a"
        assert found.first_fit(shy) == "n3"

    def test_anti_affinity_of_pods_that_are_there_keeps_others_off(self) -> None:
        shy = replace(WEB, labels={"app": "shy"}, anti_affinity=(PodTerm(HOST, TO_WEB),))
        found = cluster(node("n1"), node("n2"), n1=[shy])
        assert words(found, WEB) == f"a pod in {HOST}=n1 keeps off pods with app=web"
        assert found.first_fit(WEB) == "n2"

    def test_affinity_needs_a_pod_in_the_domain(self) -> None:
        near = replace(WEB, labels={"app": "near"}, affinity=(PodTerm(ZONE, TO_WEB),))
        found = cluster(node("n1"), node("n2", "b"), node("n3", "b"), n2=[WEB])
        assert words(found, near) == f"no pod with app=web is in {ZONE}=a"
        assert found.first_fit(near) in ("n2", "n3")

    def test_the_first_pod_of_its_own_affinity_may_go_anywhere_and_the_next_to_it(self) -> None:
        group = replace(WEB, affinity=(PodTerm(HOST, TO_WEB),))
        found = cluster(node("n1"), node("n2"))
        assert found.fill(group, 9) == {"n1": 4}

    def test_affinity_to_others_that_are_nowhere_keeps_a_pod_off_everywhere(self) -> None:
        near = replace(WEB, labels={"app": "near"}, affinity=(PodTerm(ZONE, TO_WEB),))
        assert cluster(node("n1")).first_fit(near) is None

    @pytest.mark.parametrize(
        ("term", "is_about_y"),
        [
            (PodTerm(HOST, TO_WEB), False),
            (PodTerm(HOST, TO_WEB, ("y",)), True),
            (PodTerm(HOST, TO_WEB, ("x",)), False),
            (PodTerm(HOST, TO_WEB, (), ()), True),
            (PodTerm(HOST, TO_WEB, (), (Requirement("team", "In", ("b",)),)), True),
            (PodTerm(HOST, TO_WEB, (), (Requirement("team", "In", ("a",)),)), False),
            (PodTerm(HOST, TO_WEB, ("x",), (Requirement("team", "In", ("b",)),)), True),
            (PodTerm(HOST, None, ("y",)), False),
            (PodTerm(HOST, (), ("y",)), True),
        ],
    )
    def test_a_term_is_about_pods_of_its_namespaces(self, term: PodTerm, is_about_y: bool) -> None:
        found = cluster(node("n1"), n1=[replace(WEB, namespace="y")])
        shy = replace(WEB, labels={"app": "shy"}, anti_affinity=(term,))
        assert (found.first_fit(shy) is None) == is_about_y

    def test_spread_goes_to_the_domain_with_the_fewest(self) -> None:
        even = replace(WEB, spread=(Spread(1, ZONE, TO_WEB),))
        found = cluster(node("n1"), node("n2", "b"), n1=[WEB])
        assert words(found, even) == f"{ZONE}=a has 1 of its pods, the least has 0, max skew is 1"
        assert found.fill(even, 4) == {"n2": 2, "n1": 2}

    def test_too_few_domains_count_as_an_empty_one(self) -> None:
        even = replace(WEB, spread=(Spread(1, ZONE, TO_WEB, min_domains=2),))
        found = cluster(node("n1"), n1=[WEB])
        assert words(found, even) == (
            f"{ZONE}=a has 1 of its pods, the least has 0 (2 domains are asked for), max skew is 1"
        )

    def test_a_node_without_the_label_is_no_domain(self) -> None:
        even = replace(WEB, spread=(Spread(1, "rack", TO_WEB),))
        assert words(cluster(node("n1")), even) == "node has no label rack, by which its pods are spread"

    def test_pods_that_are_being_deleted_do_not_count_for_spread(self) -> None:
        even = replace(WEB, spread=(Spread(1, ZONE, TO_WEB),))
        leaving = [pod("p", WEB, "n1", leaves=True)]
        assert Cluster.of(snapshot([node("n1"), node("n2", "b")], leaving)).why_not(even, "n1") is None

    def test_a_leaving_pod_that_is_gone_changes_nothing_for_spread(self) -> None:
        even = replace(WEB, spread=(Spread(1, ZONE, TO_WEB),))
        leaving = pod("p", WEB, "n1", leaves=True)
        found = Cluster.of(snapshot([node("n1"), node("n2", "b")], [leaving, pod("q", WEB, "n2")]))
        assert found.first_fit(even) == "n1"
        found.remove(leaving, "n1")
        assert words(found, even, "n2") == f"{ZONE}=b has 1 of its pods, the least has 0, max skew is 1"

    def test_an_empty_selector_of_spread_counts_no_pods_but_the_new_one(self) -> None:
        even = replace(WEB, spread=(Spread(1, ZONE, ()),))
        assert cluster(node("n1"), node("n2", "b"), n1=[WEB, WEB]).first_fit(even) == "n1"


class TestNodesThatTakeNoPods:
    """Their pods count, but nobody is sent to them."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"not_ready_why": "kubelet is silent"}, "node is not ready: kubelet is silent"),
            ({"starting_why": "taint x is there"}, "node is starting: taint x is there"),
            ({"to_be_deleted_since": 1.0}, "node is being removed"),
            ({"drain": "{}"}, "node is being removed"),
        ],
    )
    def test_a_node_that_is_not_usable_says_why(self, changes: dict[str, object], said: str) -> None:
        found = cluster(node("n1", "a", **changes))
        assert words(found, WEB) == said
        assert found.first_fit(WEB) is None

    def test_a_node_whose_removal_is_under_way_takes_none(self) -> None:
        found = Cluster.of(snapshot([node("n1")], removing=frozenset({"n1"})))
        assert words(found, WEB) == "node is being removed"

    def test_the_pods_of_a_node_that_is_being_removed_count_for_spread(self) -> None:
        even = replace(WEB, spread=(Spread(1, ZONE, TO_WEB),))
        found = cluster(node("n1", to_be_deleted_since=1.0), node("n2"), node("n3", "b"), n1=[WEB])
        assert found.fill(even, 3) == {"n3": 2, "n2": 1}

    def test_an_emptied_node_is_still_a_domain(self) -> None:
        even = replace(WEB, spread=(Spread(1, ZONE, TO_WEB),))
        found = cluster(node("n1"), node("n2", "b"), n1=[WEB], n2=[WEB])
        found.ghost("n1")
        assert found.first_fit(even) is None


class TestOrder:
    """The fullest node comes first, equal ones by name, new ones last."""

    def test_the_fullest_node_is_tried_first(self) -> None:
        found = cluster(node("n1"), node("n2"), node("n3"), n2=[WEB, WEB], n3=[WEB])
        assert found.order == ("n2", "n3", "n1")

    def test_a_new_node_is_tried_last(self) -> None:
        found = cluster(node("n2"))
        found.add_node("n1", Template("g", "a", {}, (), {"pods": 9, "cpu": 2000, "memory": 8 * GIB}))
        assert found.fill(WEB, 6) == {"n2": 4, "n1": 2}

    def test_a_new_node_has_its_daemonset_pods(self) -> None:
        found = cluster()
        template = Template("g", "a", {}, (), {"pods": 9, "cpu": 2000, "memory": 8 * GIB}, daemons=(WEB,))
        found.add_node("n1", template)
        assert found.fill(WEB, 6) == {"n1": 3}
        assert found.free("n1") == {"pods": 5, "cpu": 0, "memory": 4 * GIB}

    def test_two_nodes_of_one_name_are_an_error(self) -> None:
        with pytest.raises(ValueError, match="node n1 is there already"):
            cluster(node("n1")).add_node("n1", Template("g", "a", {}, (), {}))

    def test_a_pod_that_is_not_there_cannot_be_removed(self) -> None:
        with pytest.raises(ValueError, match="node n1 has no such pod to remove"):
            cluster(node("n1")).remove(pod("p", WEB), "n1")


class TestPassAfterPass:
    """Loads that are the same are counted once, and give the same cluster."""

    def test_what_has_not_changed_is_taken_over(self) -> None:
        first = snapshot([node("n1"), node("n2")], [pod("p", WEB, "n1")])
        loads = Loads()
        before = loads.of(first)
        assert all(a is b for a, b in zip(before, loads.of(first), strict=True))

    def test_a_node_with_other_pods_is_counted_anew(self) -> None:
        nodes, loads = [node("n1")], Loads()
        Cluster.of(snapshot(nodes, [pod("p", WEB, "n1")]), loads)
        later = Cluster.of(snapshot(nodes, [pod("p", WEB, "n1"), pod("q", WEB, "n1")]), loads)
        assert later.pods_on("n1") == {WEB: 2}

    def test_a_trial_leaves_the_loads_alone(self) -> None:
        first, loads = snapshot([node("n1")], [pod("p", WEB, "n1")]), Loads()
        Cluster.of(first, loads).ghost("n1")
        assert Cluster.of(first, loads).pods_on("n1") == {WEB: 1}

    def test_a_cluster_that_is_done_with_leaves_no_rubbish(self) -> None:
        rules = replace(
            WEB,
            spread=(Spread(1, ZONE, TO_WEB), Spread(1, HOST, TO_WEB)),
            affinity=(PodTerm(ZONE, TO_WEB),),
            anti_affinity=(PodTerm(HOST, TO_WEB),),
        )
        found = cluster(node("n1"), node("n2", "b"), n1=[WEB])
        with found.trial():
            found.fill(rules, 3)
            found.ghost("n1")
        found.why_not(rules, "n1")
        parts: list[ref[object]] = [ref(found), ref(found.sites), ref(found.room)]
        gc.disable()
        try:
            del found
            assert [part() for part in parts] == [None, None, None]
        finally:
            gc.enable()
