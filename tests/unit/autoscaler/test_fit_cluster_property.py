"""The simulated cluster agrees with the oracle whatever is done to it: placed, removed, added, undone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.plan.cluster import Cluster
from tests.support import as_oracle
from tests.support.as_cluster import cluster_and_world, pod
from tests.support.as_drawn import classes, clusters, templates

Seated = list[tuple[int, PodClass, bool]]


def is_same(cluster: Cluster, world: as_oracle.World, pods: list[PodClass]) -> bool:
    """Whether both say the same of every class on every node, and of where it goes first."""
    for cls in pods:
        allowed = {host.name: as_oracle.fits(cls, host, world) for host in world.hosts}
        assert {name: cluster.why_not(cls, name) is None for name in cluster.order} == allowed
        first = next((name for name, fits in allowed.items() if fits), None)
        assert cluster.first_fit(cls) == first
        odd = frozenset(list(allowed)[1::2])
        assert cluster.first_fit(cls, among=odd) == next((name for name in odd_in(allowed, odd)), None)
    return True


def odd_in(allowed: dict[str, bool], odd: frozenset[str]) -> list[str]:
    return [name for name, fits in allowed.items() if fits and name in odd]


def do_something(data: st.DataObject, cluster: Cluster, world: as_oracle.World, pods: list[PodClass]) -> None:
    """Do one drawn thing to both."""
    cls = data.draw(st.sampled_from(pods))
    what = data.draw(st.sampled_from(["fill", "fill", "place", "remove", "ghost", "add"]))
    if what == "add" or not world.hosts:
        template = data.draw(templates(pods))
        name = f"new-{len(world.hosts)}"
        cluster.add_node(name, template)
        world.hosts.append(as_oracle.new_host(name, template))
        return
    host = data.draw(st.sampled_from(world.hosts))
    if what == "fill":
        count = data.draw(st.integers(1, 4))
        expected: dict[str, int] = {}
        while count and (found := as_oracle.first_fit(cls, world.hosts, world)):
            found.pods.append(as_oracle.Sitter(cls))
            expected[found.name] = expected.get(found.name, 0) + 1
            count -= 1
        assert cluster.fill(cls, sum(expected.values()) + bool(count)) == expected
    elif what == "place":
        cluster.place(cls, host.name)
        host.pods.append(as_oracle.Sitter(cls))
    elif what == "remove" and host.pods:
        gone = host.pods.pop(data.draw(st.integers(0, len(host.pods) - 1)))
        cluster.remove(pod("p", gone.cls, leaves=gone.leaves), host.name)
    elif what == "ghost":
        cluster.ghost(host.name)
        host.pods.clear()
        host.closed = True


def play(
    data: st.DataObject, cluster: Cluster, world: as_oracle.World, pods: list[PodClass], depth: int
) -> None:
    """Do some things, some of them in a trial that is kept or not."""
    for _ in range(data.draw(st.integers(0, 4))):
        if depth and data.draw(st.booleans()):
            before = world.copy()
            is_kept = data.draw(st.booleans())
            with cluster.trial() as trial:
                play(data, cluster, world, pods, depth - 1)
                if is_kept:
                    trial.keep()
            if not is_kept:
                world.hosts = before.hosts
        else:
            do_something(data, cluster, world, pods)
        assert is_same(cluster, world, pods)


@given(clusters(), st.lists(classes, min_size=1, max_size=4), st.data())
@settings(max_examples=100, deadline=None)
def test_the_simulation_agrees_with_the_oracle_whatever_is_done(
    nodes: list[Node], pods: list[PodClass], data: st.DataObject
) -> None:
    seats = st.tuples(st.integers(0, max(0, len(nodes) - 1)), st.sampled_from(pods), st.booleans())
    cluster, world = cluster_and_world(nodes, data.draw(st.lists(seats, max_size=6 if nodes else 0)))
    assert is_same(cluster, world, pods)
    play(data, cluster, world, pods, 2)
