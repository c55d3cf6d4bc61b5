"""How long autoscaler plans: CPU, beside going pod by pod through nodes in the same run; and how full its new
nodes are.

Run `python -m bench.autoscaler_plan`. What goes pod by pod looks at amounts only: cpu, memory and pods. Where
it would take minutes, a part of it is run and the rest reckoned.
"""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import Pod, PodClass, PodTerm, Requirement, Spread
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.estimate import Estimate, Estimator, estimate
from addons.autoscaler.plan.loads import Loads

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
MIB = 1 << 20
T = TypeVar("T")
Amount = list[int]
Wanted = list[tuple[PodClass, int]]


def pods_of_class(app: str, cpu: int, memory: int, rule: str = "") -> PodClass:
    """A class of pods of one application, with one kind of rule or none."""
    own = (Requirement("app", "In", (app,)),)
    return PodClass(
        digest=app,
        namespace="default",
        labels={"app": app},
        requests={"cpu": cpu, "memory": memory, "pods": 1},
        spread=(Spread(1, ZONE if rule == "zones" else HOST, own),) if rule in ("zones", "hosts") else (),
        anti_affinity=(PodTerm(HOST, own),) if rule == "apart" else (),
    )


def drawn_class(random: Random, number: int, rule: str = "") -> PodClass:
    """A class of up to 2 cores and 4 GiB."""
    memory = random.randrange(64, 4096, 64) * MIB
    return pods_of_class(f"app-{number}", random.randrange(50, 2000, 50), memory, rule)


def template(cpu: int, memory: int, pods: int = 110, zone: str = "a", group: str = "g") -> Template:
    """The next node of a group."""
    return Template(group, zone, {ZONE: zone}, (), {"cpu": cpu, "memory": memory, "pods": pods})


def taken(cls: PodClass) -> Amount:
    return [cls.requests["cpu"], cls.requests["memory"], 1]


def pod_by_pod(wanted: Sequence[tuple[PodClass, int]], new: Template, most: int) -> int:
    """How many nodes are opened when each pod looks at each node that is there."""
    empty = [new.allocatable[name] for name in ("cpu", "memory", "pods")]
    nodes: list[Amount] = []
    size = {cls: sum(a / b for a, b in zip(taken(cls)[:2], empty, strict=False)) for cls, _ in wanted}
    for cls, count in sorted(wanted, key=lambda each: -size[each[0]]):
        cpu, memory, _ = taken(cls)
        for _ in range(count):
            for free in nodes:
                if free[0] >= cpu and free[1] >= memory and free[2] >= 1:
                    break
            else:
                if len(nodes) == most or empty[0] < cpu or empty[1] < memory:
                    continue
                free = list(empty)
                nodes.append(free)
            free[0] -= cpu
            free[1] -= memory
            free[2] -= 1
    return len(nodes)


def timed(do: Callable[[], T], times: int = 1) -> tuple[float, T]:
    """The CPU in milliseconds, as the median of some times, and what came of it."""
    took = []
    for _ in range(times):
        gc.collect()
        start = time.process_time()
        found = do()
        took.append(1000 * (time.process_time() - start))
    return statistics.median(took), found


def show(what: str, took: float, baseline: float, goal: float) -> None:
    """Print one line of the table."""
    verdict = f"goal < {goal:g} ms: {'ok' if took < goal else 'MISSED'}" if goal else ""
    ratio = f"{baseline:7.0f} ms pod by pod, {baseline / took:6.0f} times as much" if baseline else " " * 45
    print(f"{what:66} {took:8.2f} ms {ratio}   {verdict}")


def one_group() -> None:
    """The benchmark of the original's estimator: 51,000 pods of two kinds, 2,595 nodes."""
    wanted = [(pods_of_class("a", 50, 100), 50_000), (pods_of_class("b", 95, 190), 1000)]
    node = template(1000, 5000, pods=100)
    took, found = timed(lambda: estimate(wanted, node, cluster=Cluster({}), most=3000), 20)
    baseline, nodes = timed(lambda: pod_by_pod(wanted, node, 3000))
    assert found.nodes == nodes == 2595, (found.nodes, nodes)
    assert found.pods == 51_000, found.pods
    show("51,000 pods of the original's benchmark: 2,595 nodes", took, baseline, 50)


def many_groups(pods: int, classes: int, groups: int, rules: Sequence[str], goal: float) -> None:
    """Pending pods of many classes, for each group how many nodes they need."""
    random = Random(1)
    wanted = [
        (drawn_class(random, each, rules[each % len(rules)]), pods // classes) for each in range(classes)
    ]
    sizes = [(2000 << each, (gib << each) * 1024 * MIB) for each in range(5) for gib in (4, 8, 16)]
    nodes = [template(*sizes[each % 15], zone="abc"[each % 3], group=f"g{each}") for each in range(groups)]

    def plan() -> list[Estimate]:
        estimator = Estimator(Cluster({}))
        return [estimator.estimate(wanted, each, most=1000) for each in nodes]

    took, _ = timed(plan, 3)
    baseline = 0.0
    if not any(rules):
        baseline = sum(timed(lambda each=each: pod_by_pod(wanted, each, 1000))[0] for each in nodes[:3])  # type: ignore[misc]
        baseline *= groups / 3
    named = f", rules {', '.join(each for each in rules if each)}" if any(rules) else ""
    show(f"{pods:,} pods, {classes} kinds, {groups} groups{named}", took, baseline, goal)


def running(nodes: int, pods: int, rules: Sequence[str]) -> Snapshot:
    """A cluster that runs: three nodes of ten have fewer pods."""
    random = Random(2)
    classes = [
        pods_of_class(
            f"app-{each}",
            random.choice((50, 100, 200, 250)),
            random.choice((64, 128, 256, 512)) * MIB,
            rules[each % len(rules)],
        )
        for each in range(400)
    ]
    there, on = {}, {}
    for number in range(nodes):
        name = f"n{number:05}"
        amounts = {"cpu": 5500, "memory": 30 << 30, "pods": 110}
        labels = {HOST: name, ZONE: "abc"[number % 3]}
        there[name] = Node(name, name, f"i-{name}", "", labels, (), amounts, amounts, 0.0)
        count = pods if random.random() < 0.7 else random.randrange(5, pods)
        chosen = enumerate(random.sample(classes, count))
        on[name] = tuple(Pod("default", f"{name}-{each}", "", cls, 0.0, name) for each, cls in chosen)
    return Snapshot(now=0.0, nodes=there, pods_of=on, waiting=(), groups={}, templates={})


def shrink(cluster: Cluster, snapshot: Snapshot, limit: int) -> int:
    """Move the pods of each node elsewhere, the emptiest nodes first; return how many nodes can go."""
    gone, receivers = 0, set()
    for name in cluster.order[: -limit - 1 : -1]:
        if name in receivers:
            continue
        with cluster.trial() as trial:
            cluster.ghost(name)
            targets = []
            for pod in snapshot.pods_of[name]:
                if (target := cluster.first_fit(pod.cls)) is None:
                    break
                cluster.place(pod.cls, target)
                targets.append(target)
            else:
                trial.keep()
                receivers.update(targets)
                gone += 1
    return gone


def shrink_pod_by_pod(order: Sequence[str], snapshot: Snapshot, limit: int) -> int:
    """The same for some nodes, each pod looking at each node."""
    free = {}
    for name in order:
        amounts = [snapshot.nodes[name].allocatable[each] for each in ("cpu", "memory", "pods")]
        for pod in snapshot.pods_of[name]:
            amounts = [a - b for a, b in zip(amounts, taken(pod.cls), strict=True)]
        free[name] = amounts
    gone = 0
    for name in order[: -limit - 1 : -1]:
        moved: list[tuple[Amount, Amount]] = []
        for pod in snapshot.pods_of[name]:
            needs = taken(pod.cls)
            for other, amounts in free.items():
                if other != name and all(a >= b for a, b in zip(amounts, needs, strict=True)):
                    amounts[:] = [a - b for a, b in zip(amounts, needs, strict=True)]
                    moved.append((amounts, needs))
                    break
            else:
                for amounts, back in moved:
                    amounts[:] = [a + b for a, b in zip(amounts, back, strict=True)]
                break
        else:
            gone += 1
            del free[name]
    return gone


def shrinking(nodes: int, pods: int, rules: Sequence[str], goal: float) -> None:
    """Every node is a candidate."""
    snapshot, loads = running(nodes, pods, rules), Loads()
    first, _ = timed(lambda: Cluster.of(snapshot, loads))
    again, cluster = timed(lambda: Cluster.of(snapshot, loads))
    took, gone = timed(lambda: shrink(cluster, snapshot, nodes))
    some = 20
    baseline = timed(lambda: shrink_pod_by_pod(cluster.order, snapshot, some))[0] * nodes / some
    named = f", rules {', '.join(each for each in rules if each)}" if any(rules) else ""
    count = sum(map(len, snapshot.pods_of.values()))
    show(f"{nodes:,} nodes, {count:,} pods{named}: the cluster is read", first, 0.0, 0.0)
    show("  the same again, nothing has changed", again, 0.0, 0.0)
    show(f"  every node is a candidate, {gone:,} can go", took, 0.0 if any(rules) else baseline, goal)


def fullness(mixes: int = 200) -> None:
    """How many nodes are used beside the fewest that the sums of cpu, memory and pods permit."""
    random, ratios = Random(3), []
    for _ in range(mixes):
        node = template(random.choice((4000, 8000, 16000)), random.choice((16, 32, 64)) * 1024 * MIB)
        wanted = [
            (drawn_class(random, each), random.randrange(5, 200)) for each in range(random.randrange(5, 40))
        ]
        bound = max(
            -(-sum(cls.requests[name] * count for cls, count in wanted) // node.allocatable[name])
            for name in ("cpu", "memory", "pods")
        )
        ratios.append(estimate(wanted, node, cluster=Cluster({}), most=10**6).nodes / bound)
    mean = statistics.mean(ratios)
    print(
        f"nodes used / volume bound, {mixes} mixes: mean {mean:.3f}, median {statistics.median(ratios):.3f}, "
        f"worst {max(ratios):.3f}   goal: mean <= 1.05: {'ok' if mean <= 1.05 else 'MISSED'}"
    )


def main() -> None:
    """Print all of it."""
    one_group()
    many_groups(1000, 20, 50, [""], 300)
    many_groups(10_000, 200, 200, [""], 1000)
    many_groups(10_000, 200, 200, ["", "zones", "hosts", "apart"], 1000)
    shrinking(1000, 30, [""], 2000)
    shrinking(5000, 30, [""], 3000)
    shrinking(5000, 30, ["", "zones", "hosts", "apart"], 3000)
    fullness()


if __name__ == "__main__":
    main()
