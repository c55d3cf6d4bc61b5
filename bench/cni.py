"""How fast cni is, beside its targets and Debian's `ptp` with `host-local`, in the same run.

Run `python -m bench.cni [rates burst churn restart memory]` as root. The daemon is a process on a node of the
simulated VPC, its pool full; its plugin, static C, is called as a container runtime calls it. On a busy
machine `chrt -r 1 python -m bench.cni rates` goes ahead of all else: Go's threads wait longer than we do.
"""

import asyncio
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.plugins import TRUE, Rate, Subject, compare, debian_ptp, sandboxes
from tests.support.cni_sandbox import Sandbox
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.image import image_environment
from tests.support.namespaces import privileged
from tests.support.past import ROOT
from tests.support.until import until

BIG = "m5.4xlarge"
FULL = (
    "--max-pods=250",
    "--minimum-ip-target=150",
    "--warm-ip-target=0",
    "--ip-cooldown-period=0",
    "--log-level=warning",
)
BURST, CHURN, LIVING = 30, 300, 10
IMAGE = image_environment(ROOT)
"""As the image starts it."""

MUTATING = re.compile("Create|Attach|Modify|Assign|Unassign|Detach|Delete")


def subject(node: CniNode) -> Subject:
    """The plugin as the node's configuration has it called."""
    network = node.network
    plugin = {**network.plugins[0], "cniVersion": "1.0.0", "name": network.name}
    return Subject("cni", node.folder / "bin" / "aws-addons-cni", plugin)


async def rates(world: CniWorld) -> None:
    """ADD and DEL, one and ten at a time, from a full pool.

    The journal is in memory, as /run is on nodes, and the files of host-local on the disk, as /var/lib is.
    """
    node = await world.add_node(BIG)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, tempfile.TemporaryDirectory() as disk:
        async with node.ready(*FULL, f"--state-dir={memory}/state", in_a_pod=True, **IMAGE):
            await full(node, 150)
            subjects = [debian_ptp(Path(disk)), subject(node), Subject("true", TRUE, {})]
            found = await asyncio.to_thread(compare, node.inside, subjects)
    verdict(found)


def verdict(found: dict[tuple[str, str, int], Rate]) -> None:
    """Say how the figures are beside the targets of the issue."""
    ours, ptp = found["cni", "ADD", 1], found["ptp", "ADD", 1]
    row("ADD, one at a time, p50 beside ptp", ours.p50 / ptp.p50, 0.25, "")
    row("ADD, one at a time, p50", ours.p50 * 1e3, 5.0, "ms")
    row("ADD, one at a time", ours.per_second, 150, "/s", more=True)
    row("ADD, ten at a time", found["cni", "ADD", 10].per_second, 250, "/s", more=True)


def row(what: str, value: float, target: float, unit: str, *, more: bool = False) -> None:
    """Print a figure with its target."""
    is_met = value >= target if more else value <= target
    sign = ">=" if more else "<="
    print(
        f"{what:44} {value:8.2f} {unit:3} target {sign} {target:g}: {'ok' if is_met else 'MISSED'}",
        flush=True,
    )


async def full(node: CniNode, addresses: int) -> None:
    """Wait until the node holds so many addresses."""

    async def has() -> bool:
        rows = (await node.get("/api/state"))["interfaces"]
        return bool(sum(each["assigned"] + each["free"] for each in rows) >= addresses)

    await until(has, f"{addresses} addresses", seconds=120)


async def burst(world: CniWorld) -> None:
    """Thirty pods at once: from a warm pool, and from an empty one."""
    for name, flags, target in (
        ("warm", FULL, 0.25),
        ("empty", ("--headroom=1", "--log-level=warning"), 2.0),
    ):
        node = await world.add_node(BIG)
        async with node.ready(*flags, in_a_pod=True, **IMAGE):
            if name == "warm":
                await full(node, 150)
            before = mutating(world)
            with sandboxes(BURST) as pods:
                began = time.perf_counter()
                await asyncio.gather(*(node.network.add(pod) for pod in pods))
                seconds = time.perf_counter() - began
                calls = mutating(world) - before
                await asyncio.gather(*(node.network.delete(pod) for pod in pods))
        row(f"{BURST} ADDs at once, {name} pool ({calls} changing calls)", seconds, target, "s")


def mutating(world: CniWorld) -> int:
    """How many calls have changed something in EC2."""
    return sum(count for name, count in world.vpc.ec2.calls.items() if MUTATING.match(name))


async def churn(world: CniWorld) -> None:
    """Pods made and deleted as fast as that goes, ten living: each takes an address that has rested."""
    node = await world.add_node(BIG)
    async with node.ready("--log-level=warning", in_a_pod=True, **IMAGE):
        with sandboxes(CHURN) as pods:
            for count in (100, CHURN):
                before, began = mutating(world), time.perf_counter()
                await come_and_go(node, pods[:count])
                seconds, calls = time.perf_counter() - began, mutating(world) - before
                print(f"{count} pods, {LIVING} living: {seconds:.1f} s, none refused, {calls} changing calls")
                if count == 100:
                    first = calls
        row("changing calls of EC2 for each of the first 100 pods", first / 100, 0.1, "")
        row("changing calls of EC2 for each pod", (first + calls) / (100 + CHURN), 0.1, "")


async def come_and_go(node: CniNode, pods: Sequence[Sandbox]) -> None:
    """Make pods one after the other, and delete the oldest when too many live; none may be refused."""
    living: list[Sandbox] = []
    for pod in pods:
        await node.network.add(pod)
        living.append(pod)
        if len(living) > LIVING:
            await node.network.delete(living.pop(0))
    for pod in living:
        await node.network.delete(pod)


async def restart(world: CniWorld) -> None:
    """A daemon with two hundred pods is killed and started: when it serves again."""
    node = await world.add_node("m5.16xlarge")
    flags = ("--max-pods=250", "--minimum-ip-target=210", "--warm-ip-target=0", "--log-level=warning")
    with ExitStack() as stack:
        pods = stack.enter_context(sandboxes(200))
        async with node.ready(*flags, in_a_pod=True, **IMAGE) as running:
            await full(node, 210)
            await add_all(node, pods)
            print(f"{'resident memory with 200 pods':44} {resident(running):8.1f} MiB")
            assert running.process
            os.kill(child_of(running), signal.SIGKILL)
            await running.process.wait()
        spent = []
        for _ in range(3):
            began = time.perf_counter()
            async with node.daemon(*flags, in_a_pod=True, **IMAGE):
                await until(lambda: served(node), "it serves", seconds=30)
                spent.append(time.perf_counter() - began)
        row("serves after a restart with 200 pods", statistics.median(spent), 1.0, "s")


async def add_all(node: CniNode, pods: Sequence[Sandbox]) -> None:
    for start in range(0, len(pods), 20):
        await asyncio.gather(*(node.network.add(pod) for pod in pods[start : start + 20]))


async def served(node: CniNode) -> bool:
    try:
        return len(await node.assigned()) == 200
    except (OSError, ValueError):
        return False


def child_of(node: CniNode) -> int:
    """The daemon's own process: what was started enters the node first, and becomes it."""
    assert node.process
    return node.process.pid


def resident(node: CniNode) -> float:
    status = Path(f"/proc/{child_of(node)}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


async def memory(world: CniWorld) -> None:
    """What a full node of the usual size takes."""
    node = await world.add_node(BIG)
    with sandboxes(110) as pods:
        async with node.ready(
            *("--max-pods=250", "--minimum-ip-target=120", "--warm-ip-target=0", "--log-level=warning"),
            in_a_pod=True,
            **IMAGE,
        ) as running:
            await full(node, 120)
            await add_all(node, pods)
            await asyncio.sleep(3)
            row("resident memory with 110 pods", resident(running), 80, "MiB")


SCENARIOS = {each.__name__: each for each in (rates, burst, churn, restart, memory)}


async def main(*scenarios: Any) -> None:
    for scenario in scenarios:
        async with cni_world("10.0.0.0/20") as world:
            await scenario(world)


if __name__ == "__main__":
    if privileged():
        chosen = [SCENARIOS[name] for name in sys.argv[1:]] or list(SCENARIOS.values())
        asyncio.run(main(*chosen))
    else:
        print("cni is not measured: that needs root")
