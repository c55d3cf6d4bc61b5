"""What autoscaler costs at work: a process between the API emulator and the simulated AWS.

    python -m bench.autoscaler [nodes]

Idle: CPU of a pass in which nothing changes, and memory. Reaction: from a pod that waits to its order.
Shrink: from the start to the first taint when every node could go. The original, measured on such a machine,
is shown beside each figure. CPU is of the process; wall times are upper bounds on a busy machine.
"""

import asyncio
import os
import re
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from addons.sim.cluster.truth import allocatable
from addons.sim.ports import free_port
from tests.support.as_daemons import DISCOVERY
from tests.support.as_objects import pod
from tests.support.as_world import REGION, AutoscalerWorld, autoscaler_world
from tests.support.processes import running
from tests.support.until import until

NODES, GROUPS, PODS_OF_NODE = 1000, 10, 30
IDLE_SECONDS = 30.0
WHEN = "2026-11-01T00:00:00Z"
GOING = "ToBeDeletedByClusterAutoscaler"
MOST_IDLE_CPU, MOST_MIB, MOST_REACTION, MOST_TAINT = 0.05, 250.0, 1.5, 2.0


def _verdict(good: bool) -> str:
    return "ok" if good else "MISSED"


class Daemon:
    """The process, seen from outside."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid, self._port = pid, port

    def cpu(self) -> float:
        """Seconds since it began."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """The most memory that it had."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024

    async def passes(self) -> float:
        """How many it has made."""
        try:
            async with aiohttp.request("GET", f"http://127.0.0.1:{self._port}/metrics") as reply:
                text = await reply.text()
        except aiohttp.ClientError:
            return 0.0
        found = re.search(r'addons_reconcile_total\{loop="autoscaler",outcome="ok"\} (\S+)', text)
        return float(found[1]) if found else 0.0


@asynccontextmanager
async def daemon(world: AutoscalerWorld, *flags: str) -> AsyncIterator[Daemon]:
    """An autoscaler in this world."""
    port = free_port()
    where = {"ADDONS_AUTOSCALER_AWS_ENDPOINT_URL": world.aws.url, "KUBECONFIG": str(world.kubeconfig)}
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": REGION}
    env = {**os.environ, **where, **keys, "ADDONS_AUTOSCALER_NAMESPACE": "kube-system"}
    command = (sys.executable, "-m", "addons.autoscaler", DISCOVERY, f"--listen=127.0.0.1:{port}", *flags)
    async with running(*command, env=env, stdout=DEVNULL, stderr=DEVNULL) as process:
        yield Daemon(process.pid, port)


@asynccontextmanager
async def cluster(count: int, cpu: str) -> AsyncIterator[AutoscalerWorld]:
    """So many nodes of ten groups with 30 pods each; nothing in it does anything by itself."""
    with tempfile.TemporaryDirectory() as folder:
        async with autoscaler_world(Path(folder), factor=0.001) as world:
            vpc = world.aws.ec2.network.create_vpc("10.8.0.0/16")
            subnet = world.aws.ec2.network.create_subnet(vpc.id, "10.8.0.0/17", zone=f"{REGION}a").id
            world.cluster.is_paused = True
            names = [f"g{number}" for number in range(GROUPS)]
            for name in names:
                world.add_group(name, most=2 * count, desired=count // GROUPS, subnets=[subnet])
            await until(lambda: sum(len(world.members(name)) for name in names) == count)
            ids = [member.id for name in names for member in world.members(name)]
            for number, instance in enumerate(ids):
                world.store.create("v1", "nodes", _node(f"n{number}", instance))
                for index in range(PODS_OF_NODE):
                    world.store.create("v1", "pods", _pod(f"web-{number}-{index}", f"n{number}", cpu))
            yield world


def _node(name: str, instance: str) -> dict[str, Any]:
    offers = {**allocatable("m5.large"), "pods": "110"}
    labels = {
        "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": f"{REGION}a",
        "node.kubernetes.io/instance-type": "m5.large",
    }
    return {
        "metadata": {"name": name, "labels": labels, "creationTimestamp": WHEN},
        "spec": {"providerID": f"aws:///{REGION}a/{instance}"},
        "status": {
            "capacity": offers,
            "allocatable": offers,
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": WHEN}],
        },
    }


def _pod(name: str, node: str, cpu: str) -> dict[str, Any]:
    made = pod(
        name,
        cpu,
        "100Mi",
        labels={"app": f"web-{name.rpartition('-')[2]}"},
        annotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
        nodeName=node,
    )
    conditions = [{"type": each, "status": "True"} for each in ("Ready", "PodScheduled")]
    return {**made, "status": {"phase": "Running", "conditions": conditions}}


async def idle(count: int) -> None:
    """Nothing changes, and no node could go; then one pod waits."""
    async with cluster(count, "55m") as world, daemon(world, "--scan-interval=1s") as process:

        async def has_begun() -> bool:
            return await process.passes() >= 3

        await until(has_begun, seconds=300)
        await asyncio.sleep(10)
        cpu, passes = process.cpu(), await process.passes()
        await asyncio.sleep(IDLE_SECONDS)
        each = (process.cpu() - cpu) / (await process.passes() - passes)
        size = f"{count} nodes x {PODS_OF_NODE} pods"
        good = _verdict(each <= MOST_IDLE_CPU)
        print(
            f"idle pass, {size}: {each * 1000:.0f} ms of CPU   target {MOST_IDLE_CPU * 1000:.0f} ms: {good}"
        )
        peak = process.peak_mib()
        print(f"{'':12}{peak:.0f} MiB at most   target {MOST_MIB:.0f} MiB: {_verdict(peak <= MOST_MIB)}")
        print(f"{'':12}the original: 340 ms of CPU, 465 MiB")
        await reaction(world)


async def reaction(world: AutoscalerWorld) -> None:
    """From a pod that waits to its order."""
    made = pod("alone", "1900m")
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    began = time.monotonic()
    world.store.create("v1", "pods", {**made, "status": {"phase": "Pending", "conditions": [refused]}})
    await until(lambda: world.asked(), pause=0.01)
    took = time.monotonic() - began
    good = _verdict(took <= MOST_REACTION)
    print(f"a pod alone to its order: {took:.2f} s   target {MOST_REACTION} s: {good}   the original: 10 s")


async def shrink(count: int) -> None:
    """Every node could go."""
    flags = ("--scan-interval=1s", "--scale-down-unneeded-time=0s", "--scale-down-delay-after-add=0s")
    async with cluster(count, "15m") as world:

        def is_tainted() -> bool:
            nodes = world.store.list("v1", "nodes")
            return any(each["key"] == GOING for node in nodes for each in node["spec"].get("taints") or ())

        began = time.monotonic()
        async with daemon(world, *flags) as process:
            await until(is_tainted, seconds=120, pause=0.1)
            took, cpu = time.monotonic() - began, process.cpu()
        size = f"{count} nodes x {PODS_OF_NODE} pods, each of which could go"
        good = _verdict(took <= MOST_TAINT)
        print(f"start to first taint, {size}: {took:.1f} s, {cpu:.1f} s of CPU")
        print(f"{'':12}target {MOST_TAINT} s: {good}   the original: 8.2 s")


async def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else NODES
    await idle(count)
    await shrink(count)


if __name__ == "__main__":
    asyncio.run(main())
