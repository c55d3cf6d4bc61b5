"""An estimate is what taking the pods one by one would give: compared with the oracle, on drawn pods."""

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import PodClass, PodTerm, Requirement, Spread
from addons.autoscaler.plan.estimate import Estimate, Estimator, estimate, why_not_template
from tests.support import as_oracle
from tests.support.as_cluster import cluster_and_world, node
from tests.support.as_drawn import HOST, ZONE, classes, clusters, host_classes, plain_classes, templates

Seated = list[tuple[int, PodClass, bool]]
Question = tuple[list[Node], Seated, Template, list[tuple[PodClass, int]], int]


@st.composite
def questions(draw: st.DrawFn, of: st.SearchStrategy[PodClass] = classes, most: int = 7) -> Question:
    """Nodes, who sits where (and leaves), a template, how many pods of each class, the most new nodes."""
    nodes, pods = draw(clusters()), draw(st.lists(of, min_size=1, max_size=4))
    seats = st.tuples(st.integers(0, max(0, len(nodes) - 1)), st.sampled_from(pods), st.booleans())
    seated = draw(st.lists(seats, max_size=6 if nodes else 0))
    daemons = draw(st.lists(plain_classes, max_size=1)) + pods[:1]
    template = draw(templates(draw(st.sampled_from([[], [], daemons]))))
    counted = st.tuples(st.sampled_from(pods), st.integers(1, most))
    wanted = draw(st.lists(counted, min_size=1, max_size=4, unique_by=lambda each: id(each[0])))
    return nodes, seated, template, wanted, draw(st.integers(1, 6))


def places(found: Estimate) -> list[dict[PodClass, int]]:
    """What is on each new node."""
    each_node = [dict(pods) for count, pods in found.runs for _ in range(count)]
    assert len(each_node) == found.nodes
    for cls, count in found.placed.items():
        assert count == sum(pods.get(cls, 0) for pods in each_node)
    return each_node


@given(questions())
@settings(max_examples=150)
def test_an_estimate_is_the_answer_of_pod_by_pod(
    asked: Question,
) -> None:
    nodes, seated, template, wanted, most = asked
    cluster, world = cluster_and_world(nodes, seated)
    found = estimate(wanted, template, cluster=cluster, most=most)
    assert places(found) == as_oracle.estimate(wanted, template, world, most)
    for cls, count in wanted:
        left, why = found.left.get(cls, (0, None))
        assert found.placed.get(cls, 0) + left == count
        assert why is None or (why.code and why.message)


@given(questions(host_classes(), 15))
@settings(max_examples=150)
def test_spread_over_new_nodes_is_the_answer_of_pod_by_pod(asked: Question) -> None:
    nodes, seated, template, wanted, most = asked
    cluster, world = cluster_and_world(nodes[:2], [each for each in seated if each[0] < 2])
    found = estimate(wanted, template, cluster=cluster, most=most)
    assert places(found) == as_oracle.estimate(wanted, template, world, most)


@given(questions(host_classes((ZONE, ZONE, HOST)), 9), st.data())
@settings(max_examples=100)
def test_daemonset_pods_that_rules_are_about_count_on_each_new_node(
    asked: Question, data: st.DataObject
) -> None:
    nodes, seated, template, wanted, most = asked
    daemons = tuple(data.draw(st.lists(st.sampled_from([cls for cls, _ in wanted]), min_size=1, max_size=2)))
    template = replace(template, daemons=daemons)
    cluster, world = cluster_and_world(nodes, seated)
    found = estimate(wanted, template, cluster=cluster, most=most)
    assert places(found) == as_oracle.estimate(wanted, template, world, most)


@given(questions())
@settings(max_examples=50)
def test_an_empty_node_takes_what_the_oracle_lets_onto_it(
    asked: Question,
) -> None:
    nodes, seated, template, wanted, _ = asked
    cluster, world = cluster_and_world(nodes, seated)
    new = as_oracle.new_host("new", template)
    world.hosts.append(new)
    for cls, _ in wanted:
        assert (why_not_template(cls, template, cluster) is None) == as_oracle.fits(cls, new, world)


@given(questions())
@settings(max_examples=25)
def test_a_shared_answer_is_the_same(
    asked: Question,
) -> None:
    nodes, seated, template, wanted, most = asked
    cluster, _ = cluster_and_world(nodes, seated)
    estimator = Estimator(cluster)
    for _ in range(2):
        again = estimator.estimate(wanted, template, most=most)
        assert again == estimate(wanted, template, cluster=cluster, most=most)


def test_pods_spread_over_hosts_in_every_small_case_are_where_pod_by_pod_puts_them() -> None:
    daemon = host_class("a", 50)
    cases = product(
        (1, 2), (3, 5), (0, 2, 3), (0, 2), (1, 4, 6), (0, 3), ("a", "b"), ((), (daemon,)), (None, 0, 1)
    )
    for skew, pods, opening, large, spread, others, app, daemons, there in cases:
        alone = replace(host_class("z", 400), anti_affinity=(PodTerm(HOST, TO_Z),))
        big = host_class("a", 300)
        even = host_class("a", 200, Spread(skew, HOST, TO_A))
        twice = host_class(app, 100, Spread(1, HOST, (Requirement("app", "Exists"),)), Spread(2, HOST, TO_A))
        nodes = [] if there is None else [node("n1")]
        cluster, world = cluster_and_world(nodes, [(0, big, False)] * (there or 0))
        template = Template("g", "a", {ZONE: "a"}, (), {"pods": pods, "cpu": 2000}, daemons)
        wanted = [(alone, opening), (big, large), (even, spread), (twice, others)]
        found = estimate(wanted, template, cluster=cluster, most=5)
        assert places(found) == as_oracle.estimate(wanted, template, world, 5), (skew, pods, wanted, there)


TO_A = (Requirement("app", "In", ("a",)),)
TO_Z = (Requirement("app", "In", ("z",)),)


def host_class(app: str, cpu: int, *spread: Spread) -> PodClass:
    return PodClass("d", "x", {"app": app}, {"pods": 1, "cpu": cpu}, spread=spread)
