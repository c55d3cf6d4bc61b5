"""Pass after pass, as time goes by: what comes of a cluster that has too many nodes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import GroupRecord, Memory, NodeRecord
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GrowPlan, Removal, ShrinkPlan
from addons.autoscaler.model.pods import Pod
from addons.autoscaler.model.snapshot import Totals
from addons.autoscaler.plan.down import plan_down
from addons.autoscaler.plan.recheck import why_kept
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from tests.support.as_shrink import GIB, NOW, group, node, pod, pod_class, snapshot

PASS_SECONDS, DRAIN_SECONDS = 10.0, 35.0


class Life:
    """A cluster that does what the plans say, each removal in its time; pods go where they were planned."""

    def __init__(self, nodes: Iterable[Node], pods: Iterable[Pod], **more: Any) -> None:
        self.options = ShrinkOptions(**more.pop("options", {}))
        self.snapshot = snapshot(nodes, pods, memory=Memory(), **more)
        self.under_way: dict[str, tuple[float, Removal]] = {}
        self.moved: Counter[str] = Counter()
        self.least_cores = self._cores()
        self.most_at_once = 0
        self.plans: list[ShrinkPlan] = []

    def run(self, minutes: float) -> None:
        """Let passes follow each other for so long."""
        for _ in range(int(minutes * 60 / PASS_SECONDS)):
            self._end_removals()
            self._decide()
            self.snapshot = replace(self.snapshot, now=self.snapshot.now + PASS_SECONDS)

    def _decide(self) -> None:
        fresh = {
            name: replace(each, observed=self.snapshot.now) for name, each in self.snapshot.groups.items()
        }
        self.snapshot = replace(self.snapshot, groups=fresh, removing=frozenset(self.under_way))
        plan = plan_down(self.snapshot, self.options, GrowPlan())
        self.plans.append(plan)
        nodes = {name: NodeRecord(unneeded_since=at) for name, at in plan.unneeded.items()}
        memory = Memory(groups={"g": GroupRecord()}, nodes=nodes)
        self.snapshot = replace(self.snapshot, memory=memory)
        for each in plan.removals:
            self.under_way[each.node] = (self.snapshot.now, each)
        self.most_at_once = max(self.most_at_once, len(self.under_way))
        marked = replace(self.snapshot, removing=frozenset(self.under_way))
        for name in self.under_way:
            assert why_kept(marked, self.options, name) is None

    def _end_removals(self) -> None:
        for name, (since, removal) in tuple(self.under_way.items()):
            if self.snapshot.now - since >= DRAIN_SECONDS:
                del self.under_way[name]
                self._end(removal)
        self.least_cores = min(self.least_cores, self._cores())

    def _end(self, removal: Removal) -> None:
        pods_of = {name: list(pods) for name, pods in self.snapshot.pods_of.items() if name != removal.node}
        for each, target in removal.moves:
            pods_of[target].append(replace(each, node=target))
            self.moved[each.name] += 1
        nodes = {name: each for name, each in self.snapshot.nodes.items() if name != removal.node}
        groups = {name: _without(each, removal) for name, each in self.snapshot.groups.items()}
        told = {name: tuple(pods) for name, pods in pods_of.items()}
        self.snapshot = replace(self.snapshot, nodes=nodes, pods_of=told, groups=groups)

    def _cores(self) -> int:
        return sum(each.capacity["cpu"] for each in self.snapshot.nodes.values()) // 1000


def _without(found: Group, removal: Removal) -> Group:
    left = tuple(each for each in found.instances if each.id != removal.instance)
    return replace(found, instances=left, desired=len(left))


def spread_out(nodes: int, *, cpu: int = 300, each: int = 2) -> tuple[list[Node], list[Pod]]:
    """Nodes of 2 cores with few pods each."""
    names = [f"n{number:02}" for number in range(nodes)]
    cls = pod_class(cpu, GIB // 4)
    pods = [pod(f"{name}-{number}", name, cls=cls) for name in names for number in range(each)]
    return [node(name) for name in names], pods


def test_a_cluster_that_is_hardly_used_shrinks_to_what_it_needs() -> None:
    """40 pods of 300 m fit on 7 nodes of 2 cores, six on each."""
    life = Life(*spread_out(20))
    life.run(minutes=30)
    assert len(life.snapshot.nodes) == 7
    assert sum(map(len, life.snapshot.pods_of.values())) == 40


def test_nothing_goes_before_its_time() -> None:
    life = Life(*spread_out(20))
    life.run(minutes=9.9)
    assert len(life.snapshot.nodes) == 20
    assert not life.under_way


def test_no_pod_moves_twice() -> None:
    """The original moves pods to nodes that go next."""
    life = Life(*spread_out(20))
    life.run(minutes=60)
    assert life.moved
    assert max(life.moved.values()) == 1


def test_no_more_nodes_than_permitted_go_at_once() -> None:
    life = Life(*spread_out(20), options={"max_removals": 4, "max_drains": 3})
    life.run(minutes=60)
    assert life.most_at_once == 3
    assert len(life.snapshot.nodes) == 7


def test_a_node_that_may_go_is_known_at_once_and_does_not_change_from_pass_to_pass() -> None:
    life = Life(*spread_out(20))
    life.run(minutes=9)
    assert len({frozenset(plan.unneeded) for plan in life.plans}) == 1
    assert set(life.plans[-1].unneeded.values()) == {NOW}


def test_the_cores_of_the_cluster_never_fall_below_the_minimum() -> None:
    """The original forgets what it removes from one loop to the next."""
    nodes, _ = spread_out(3)
    life = Life(nodes, [], totals=Totals(min_cores=4))
    life.run(minutes=60)
    assert life.least_cores == 4


def test_a_group_never_falls_below_its_minimum() -> None:
    nodes, pods = spread_out(8, each=0)
    life = Life(nodes, pods, groups=[group("g", [each.name for each in nodes], least=3)])
    life.run(minutes=60)
    assert len(life.snapshot.nodes) == 3


def test_a_settled_cluster_stays_as_it_is() -> None:
    life = Life(*spread_out(20))
    life.run(minutes=60)
    before = len(life.snapshot.nodes)
    life.run(minutes=60)
    assert (len(life.snapshot.nodes), life.under_way) == (before, {})
