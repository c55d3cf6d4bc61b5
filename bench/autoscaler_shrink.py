"""How long the autoscaler plans what goes: CPU, beside a plain plan of the same cluster in the same run.

Run `python -m bench.autoscaler_shrink`. The baseline is what one would write first: for each little used
node, the fullest last, it moves pod by pod to the first other node that has room, with no rule but
cpu and memory. An idle pass looks at nodes that are all in use, and at the same records as the pass before.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from random import Random

from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GrowPlan, ShrinkPlan
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.down import plan_down
from addons.autoscaler.plan.loads import Loads
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.utilization import Utilizations
from tests.support.as_shrink import (
    GIB,
    NOW,
    budget,
    group,
    node,
    owner,
    pod,
    pod_class,
    remembered,
)

PODS, KINDS, TIMES = 30, 200, 3
LITTLE, MUCH = 0.31, 0.8
"""The shares of a node that its pods request: what may go, and what is in use."""
NO_LIMITS = ShrinkOptions(max_removals=100_000, max_drains=100_000)
OFFER = {"cpu": 16_000, "memory": 64 * GIB, "pods": 110}


def cluster(nodes: int, share: float) -> Snapshot:
    """Nodes of 16 cores in three zones and groups, each with 30 pods of 200 kinds, and 60 budgets."""
    rng = Random(1)
    mean = int(OFFER["cpu"] * share / PODS)
    kinds = [pod_class(mean // 2 + n * mean // KINDS, GIB // 4, app=f"app-{n % 60}") for n in range(KINDS)]
    by = owner()
    found: dict[str, Node] = {}
    pods_of: dict[str, tuple[Pod, ...]] = {}
    for number in range(nodes):
        name = f"n{number:05}"
        found[name] = node(name, allocatable=OFFER, zone="abc"[number % 3])
        chosen = rng.choices(kinds, k=PODS)
        pods_of[name] = tuple(pod(f"{name}-{n}", name, cls=cls, owner=by) for n, cls in enumerate(chosen))
    zones = {zone: [name for name in found if found[name].zone == zone] for zone in "abc"}
    groups = {zone: group(zone, names, most=nodes) for zone, names in zones.items()}
    return Snapshot(
        now=NOW,
        nodes=found,
        pods_of=pods_of,
        waiting=(),
        groups=groups,
        templates={},
        budgets=tuple(budget(nodes * PODS, f"b-{n}", app=f"app-{n}") for n in range(60)),
        memory=remembered(dict.fromkeys(found, 1.0)),
    )


def plain(snap: Snapshot) -> int:
    """Move pod by pod; how many nodes could go."""
    free = {name: _free(snap, name) for name in snap.nodes}
    order = sorted(free, key=lambda name: -free[name][0])
    gone: set[str] = set()
    received: set[str] = set()
    for name in order:
        if name in received or free[name][0] < OFFER["cpu"] / 2:
            continue
        taken = _moves(snap.pods_of[name], {**free}, order, gone | {name})
        if taken is not None:
            gone.add(name)
            received |= taken.keys()
            free.update(taken)
    return len(gone)


def _free(snap: Snapshot, name: str) -> tuple[int, int]:
    offered, pods = snap.nodes[name].allocatable, snap.pods_of[name]
    cpu = offered["cpu"] - sum(each.cls.requests["cpu"] for each in pods)
    return cpu, offered["memory"] - sum(each.cls.requests["memory"] for each in pods)


def _moves(
    pods: tuple[Pod, ...], free: dict[str, tuple[int, int]], order: list[str], shut: set[str]
) -> Mapping[str, tuple[int, int]] | None:
    taken: dict[str, tuple[int, int]] = {}
    for each in pods:
        target = next(
            (name for name in reversed(order) if name not in shut and _has(free[name], each.cls)), None
        )
        if target is None:
            return None
        cpu, memory = free[target]
        free[target] = taken[target] = (
            cpu - each.cls.requests["cpu"],
            memory - each.cls.requests["memory"],
        )
    return taken


def _has(free: tuple[int, int], cls: PodClass) -> bool:
    return free[0] >= cls.requests["cpu"] and free[1] >= cls.requests["memory"]


def shrink(snap: Snapshot, used: Utilizations | None = None, loads: Loads | None = None) -> ShrinkPlan:
    """Plan what goes."""
    return plan_down(snap, NO_LIMITS, GrowPlan(), utilizations=used, loads=loads)


def seconds(do: Callable[[], object], times: int = TIMES) -> float:
    """The CPU that it takes, as the median of some times."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        do()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def show(what: str, ours: float, target: float, baseline: float, found: str) -> None:
    """Print one line of the table."""
    verdict = "ok" if ours <= target else "TOO SLOW"
    print(
        f"{what:<46} {ours:8.3f} s of {target:g}   {ours / baseline:8.4f} of a plain plan"
        f" ({baseline:.2f} s)   {found}   {verdict}"
    )


def main() -> None:
    """Print the table."""
    for nodes, target in ((1_000, 0.4), (5_000, 3.0)):
        little, much = cluster(nodes, LITTLE), cluster(nodes, MUCH)
        plan = shrink(little)
        baseline = seconds(partial(plain, little), 1)
        found = f"{len(plan.removals)} of {nodes} go (plain: {plain(little)})"
        show(
            f"{nodes} nodes x {PODS} pods, all candidates",
            seconds(partial(shrink, little)),
            target,
            baseline,
            found,
        )
        used, loads = Utilizations(), Loads()
        shrink(much, used, loads)
        idle = seconds(partial(shrink, much, used, loads), 9)
        show(f"{nodes} nodes x {PODS} pods, idle", idle, nodes * 2e-5, baseline, "none goes")


if __name__ == "__main__":
    main()
