"""How long the autoscaler plans what grows: CPU, beside first fit decreasing pod by pod in the same run.

Run `python -m bench.autoscaler_grow`. A plan here is all of `plan_up`: which pods count, what they fit, which
groups are chosen, and why the rest waits. The baseline places the same pods on new nodes of one group, one by
one, as the original does; a plan of the original makes such an estimate for every group, which is reckoned
from a sample. At the end: for how long an event loop waits at most while a thread beside it plans.
"""

import asyncio
import statistics
import time
from collections.abc import Callable

from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.up import plan_up
from tests.support.as_growth import GIB, group, pod, pod_class, snapshot, template

TIMES = 3
CASES = ((2_000, 20, 50, 0.3), (10_000, 20, 50, 1.0), (10_000, 200, 200, 1.0))
"""Pods, kinds of them, groups, and the seconds of CPU that a plan may take."""
TICK, MOST_STALL = 0.001, 0.05
SAMPLE = 1_000
"""The baseline places so many pods; more take longer than in proportion, which is left out."""


def crowd(count: int, kinds: int, groups: int) -> Snapshot:
    """So many pods of so many kinds, and as many groups of several sizes in three zones, without any node."""
    classes = [
        pod_class(
            f"kind-{n}",
            cpu=100 + 37 * (n % 25),
            memory=(128 + 61 * (n % 17)) << 20,
            node_selector={"size": f"s{n % 4}"} if n % 5 == 0 else {},
        )
        for n in range(kinds)
    ]
    waiting: list[Pod] = [pod(f"p-{n}", classes[n % kinds]) for n in range(count)]
    return snapshot(
        [group(f"g{n}", max_size=1000, zones=(f"z{n % 3}",)) for n in range(groups)],
        waiting=waiting,
        templates=[
            template(
                f"g{n}",
                zone=f"z{n % 3}",
                labels={"size": f"s{n % 4}"},
                allocatable={
                    "cpu": 1930 * (1 + n % 8),
                    "memory": (7 + n % 16) * (1 + n % 8) * GIB,
                    "pods": 29 * (1 + n % 8),
                },
            )
            for n in range(groups)
        ],
    )


def naive(snap: Snapshot) -> int:
    """Place every pod on the first node of one group that it fits, pod by pod."""
    offer = next(iter(snap.templates.values())).allocatable
    by_size = sorted(
        (each.cls for each in snap.waiting),
        key=lambda cls: -(cls.requests["cpu"] / offer["cpu"] + cls.requests["memory"] / offer["memory"]),
    )
    nodes: list[dict[str, int]] = []
    for cls in by_size:
        free = next((node for node in nodes if _fits(cls, node)), None)
        if free is None:
            free = dict(offer)
            nodes.append(free)
        for resource, amount in cls.requests.items():
            free[resource] -= amount
    return len(nodes)


def _fits(cls: PodClass, free: dict[str, int]) -> bool:
    return all(amount <= free[resource] for resource, amount in cls.requests.items())


def cpu_seconds(run: Callable[[], object], times: int = TIMES) -> float:
    """The median CPU seconds of a call."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


async def longest_stall(snap: Snapshot) -> float:
    """The longest time in seconds that the loop was late while a thread made a plan."""
    plan = asyncio.create_task(asyncio.to_thread(plan_up, snap, GrowOptions()))
    longest = 0.0
    while not plan.done():
        before = time.perf_counter()
        await asyncio.sleep(TICK)
        longest = max(longest, time.perf_counter() - before - TICK)
    return longest


def main() -> None:
    """Print a row for each case."""
    print(f"{'pods':>7} {'kinds':>6} {'groups':>7} {'plan s':>8} {'goal s':>7} {'naive s':>8} {'ratio':>7}")
    for count, kinds, groups, goal in CASES:
        snap = crowd(count, kinds, groups)
        plan = cpu_seconds(lambda snap=snap: plan_up(snap, GrowOptions()))  # type: ignore[misc]
        few = crowd(SAMPLE, kinds, 1)
        alone = cpu_seconds(lambda few=few: naive(few), 1) * (count / SAMPLE) * groups  # type: ignore[misc]
        ratio = alone / plan
        print(f"{count:7} {kinds:6} {groups:7} {plan:8.3f} {goal:7.1f} {alone:8.1f} {ratio:6.0f}x")
        found = plan_up(snap, GrowOptions())
        nodes = sum(order.count for order in found.orders)
        print(f"        {nodes} nodes in {len(found.orders)} groups, {found.volume_bound} by volume")
    stall = asyncio.run(longest_stall(snap))
    verdict = "ok" if stall <= MOST_STALL else "MISSED"
    print(f"while that plan is made the loop is late by {stall * 1000:.0f} ms at most, goal 50 ms: {verdict}")


if __name__ == "__main__":
    main()
