"""Whatever the cluster looks like: no budget is overdrawn, no pod is left without a place, all is told."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GrowPlan, ShrinkPlan
from addons.autoscaler.model.pods import Budget, Pod, Requirement, Taint, Toleration
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.down import plan_down
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.utilization import Utilizations
from tests.support.as_shrink import NOW, daemon, gone, group, node, owner, pod, pod_class, snapshot

APPS = ("web", "api", "db")
DEDICATED = Taint("dedicated", "db")
NO_LIMITS = ShrinkOptions(max_removals=1000, max_drains=1000)


def rarely(draw: st.DrawFn, one_in: int = 12) -> bool:
    return draw(st.integers(0, one_in - 1)) == one_in - 1


@st.composite
def pods_of(draw: st.DrawFn, name: str) -> list[Pod]:
    found: list[Pod] = []
    for number in range(draw(st.integers(0, 3))):
        app = draw(st.sampled_from(APPS))
        tolerations = (Toleration("dedicated", "Exists"),) if app == "db" else ()
        zone = {"topology.kubernetes.io/zone": "a"} if rarely(draw) else {}
        cls = pod_class(
            draw(st.sampled_from((50, 200, 700))), app=app, tolerations=tolerations, node_selector=zone
        )
        more: dict[str, Any] = {
            "owner": None if rarely(draw) else owner(),
            "is_ready": not rarely(draw, 6),
            "phase": "Pending" if rarely(draw) else "Running",
            "delete_at": draw(st.sampled_from((NOW + 5, NOW - 99))) if rarely(draw, 8) else None,
            "safe_to_evict": draw(st.sampled_from(("true", "false"))) if rarely(draw) else "",
        }
        found.append(pod(f"{name}-{number}", name, cls=cls, **more))
    return [*found, daemon(f"{name}-d", name, app="agent")]


@st.composite
def budgets(draw: st.DrawFn) -> tuple[Budget, ...]:
    """One for each kind of pods, more or less."""
    apps = [app for app in APPS if not rarely(draw, 4)] + (["web"] if rarely(draw) else [])
    return tuple(
        Budget(
            "shop",
            f"budget-{number}",
            (Requirement("app", "In", (app,)),),
            draw(st.integers(1, 3)) - rarely(draw, 3),
            rarely(draw, 3),
            not rarely(draw),
        )
        for number, app in enumerate(apps)
    )


@st.composite
def clusters(draw: st.DrawFn) -> Snapshot:
    nodes: list[Node] = []
    for number in range(draw(st.integers(2, 9))):
        more: dict[str, Any] = {"taints": (DEDICATED,)} if rarely(draw, 4) else {}
        if rarely(draw):
            more |= {"not_ready_why": "kubelet is silent"}
        nodes.append(
            node(
                f"n{number}",
                cpu=draw(st.sampled_from((1000, 2000))),
                zone=draw(st.sampled_from("ab")),
                **more,
            )
        )
    names_ = [each.name for each in nodes]
    pods = [each for name in names_ for each in draw(pods_of(name))]
    waiting = [
        pod(f"w{number}", "", app=draw(st.sampled_from(APPS[:2])), cpu=300, phase="Pending")
        for number in range(draw(st.integers(0, 2)))
    ]
    removing = frozenset(name for name in names_ if rarely(draw, 8))
    cut = draw(st.integers(0, len(names_)))
    groups = (
        group("g", names_[:cut], least=2 * rarely(draw, 4)),
        group("h", names_[cut:], least=2 * rarely(draw, 4)),
    )
    return snapshot(nodes, pods, groups=groups, waiting=waiting, budgets=draw(budgets()), removing=removing)


def plan_of(cluster: Snapshot) -> ShrinkPlan:
    return plan_down(cluster, NO_LIMITS, GrowPlan())


def covering(one: Pod, cluster: Snapshot) -> list[Budget]:
    """The budgets that an eviction of the pod asks, by what the API server's eviction does."""
    if one.phase != "Running" or one.delete_at is not None:
        return []
    return [
        each
        for each in cluster.budgets
        if each.namespace == one.namespace
        and each.selector
        and one.cls.labels["app"] in each.selector[0].values
    ]


def leaves(one: Pod) -> bool:
    return not one.is_daemon and not (one.delete_at is not None and one.delete_at + 30 < NOW)


@given(clusters())
@settings(max_examples=300)
def test_no_pod_is_evicted_whose_budget_would_go_negative(cluster: Snapshot) -> None:
    """Pods of one node go one after the other, so a node takes no more of a budget than is left of it; that
    each finds at least one left, counted over all nodes that go, is the promise.
    """
    plan = plan_of(cluster)
    left = {each.name: each.allowed if each.is_current else 0 for each in cluster.budgets}

    def asked(name: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for one in filter(leaves, cluster.pods_of[name]):
            for each in covering(one, cluster):
                found[each.name] += one.is_ready or not each.evicts_unhealthy
        return +found

    for name in sorted(cluster.removing):
        for which, count in asked(name).items():
            left[which] -= min(count, max(left[which], 0))
    for removal in plan.removals:
        for which, count in asked(removal.node).items():
            assert left[which] >= 1, (removal.node, which)
            left[which] -= min(count, left[which])
        for one in cluster.pods_of[removal.node]:
            assert not leaves(one) or len(covering(one, cluster)) < 2


@given(clusters())
def test_no_pod_is_left_without_a_place(cluster: Snapshot) -> None:
    """By a check of its own: after all moves of the plan every node has room, takes the pod, and stays."""
    plan = plan_of(cluster)
    going = {*gone(plan), *cluster.removing}
    used: dict[str, Counter[str]] = {}
    for name in cluster.nodes:
        used[name] = Counter()
        for one in cluster.pods_of[name]:
            used[name].update(one.cls.requests)
    for removal in plan.removals:
        moved = {one.uid for one, _ in removal.moves}
        assert moved == {one.uid for one in cluster.pods_of[removal.node] if leaves(one)}
        for one, target in removal.moves:
            there = cluster.nodes[target]
            assert target not in going
            assert there.is_ready
            assert all(there.labels.get(key) == value for key, value in one.cls.node_selector.items())
            assert not there.taints or one.cls.tolerations
            used[target].update(one.cls.requests)
    for target in {target for each in plan.removals for _, target in each.moves}:
        offered = cluster.nodes[target].allocatable
        assert all(amount <= offered.get(what, 0) for what, amount in used[target].items())


@given(clusters())
def test_every_node_goes_or_says_why_it_stays(cluster: Snapshot) -> None:
    plan = plan_of(cluster)
    assert sorted([*gone(plan), *plan.stays]) == sorted(cluster.nodes)
    assert all(why.message for why in plan.stays.values())


@given(clusters())
def test_no_group_goes_below_its_minimum(cluster: Snapshot) -> None:
    going = {*gone(plan_of(cluster)), *cluster.removing}
    for each in cluster.groups.values():
        before = {one.id.removeprefix("i-") for one in each.instances}
        after = before - going
        assert len(after) >= each.min_size or not (before & set(gone(plan_of(cluster))))


@given(clusters())
@settings(max_examples=50)
def test_the_same_cluster_gives_the_same_plan(cluster: Snapshot) -> None:
    kept = Utilizations()
    plans = [plan_down(cluster, NO_LIMITS, GrowPlan(), utilizations=kept) for _ in range(2)]
    assert plans[0] == plans[1] == plan_of(cluster)
