"""How fast pods are wired by rtnetlink, within one process; and what looking at a node with many pods costs.

Run `python -m bench.wiring` as root. A pair of links made by two `ip -batch` processes is the measure: what a
plugin does that calls `ip`.
"""

import asyncio
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from pathlib import Path

from addons.cni.model.assignments import PodId, SandboxKey
from addons.cni.net.node import NodeNetwork
from addons.cni.net.pods import Pods
from addons.cni.net.wanted import DataPath, changes, wanted_network
from addons.cni.net.wiring import RuleLayout, Wiring, veth_name
from addons.sim.net import Namespace
from tests.support.cni_sandbox import Sandbox, pod_network

PODS = 100
ROUNDS = 3
FIRST = IPv4Address("10.0.1.10")
IMPORT = """
import asyncio, ctypes, logging, socket, sys
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
import msgspec, aiohttp
before = resident()
exec(sys.argv[1])
print(resident() - before)
"""


def wiring(number: int, pod: Sandbox, layout: RuleLayout) -> Wiring:
    return Wiring(
        key=SandboxKey("aws-cni", pod.container, "eth0"),
        netns=pod.netns,
        host_if=veth_name("eni", PodId(pod.namespace, pod.name)),
        ip=FIRST + number,
        table=2,
        layout=layout,
    )


@contextmanager
def sandboxes(count: int) -> Iterator[list[Sandbox]]:
    with ExitStack() as stack:
        yield [stack.enter_context(pod_network(f"web-{number}")) for number in range(count)]


async def timed(
    what: str, call: Callable[[Wiring], Awaitable[object]], wirings: Sequence[Wiring], *, parallel: int
) -> None:
    """Print how long calls took, so many at a time."""
    seconds: list[float] = []
    waiting = iter(wirings)

    async def work() -> None:
        for each in waiting:
            began = time.perf_counter()
            await call(each)
            seconds.append(time.perf_counter() - began)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(parallel)))
    rate = len(seconds) / (time.perf_counter() - began)
    cpu = (time.process_time() - cpu) / len(seconds)
    p50, p95 = statistics.median(seconds), sorted(seconds)[len(seconds) * 95 // 100]
    print(
        f"{what:>22} {parallel:2} at a time: p50 {p50 * 1e3:5.2f}  p95 {p95 * 1e3:6.2f} ms  "
        f"{rate:5.0f}/s  CPU {cpu * 1e3:4.2f} ms"
    )


async def by_us(node: Namespace, pods: Sequence[Sandbox], layout: RuleLayout) -> None:
    async with node.call(Pods) as made:
        wirings = [wiring(number, pod, layout) for number, pod in enumerate(pods)]
        for parallel, _ in itertools.product((1, 10), range(ROUNDS)):
            await timed(f"connect ({layout})", made.connect, wirings, parallel=parallel)
            await timed(f"disconnect ({layout})", made.disconnect, wirings, parallel=parallel)


async def by_ip(node: Namespace, pods: Sequence[Sandbox]) -> None:
    def connect(each: Wiring) -> None:
        name = Path(each.netns).name
        node.ip(
            f"link add {each.host_if} mtu 9001 type veth peer name eth0 netns {name}",
            f"link set {each.host_if} up",
            f"route add {each.ip}/32 dev {each.host_if} scope link",
        )
        Namespace(name).ip(
            "link set eth0 up",
            f"addr add {each.ip}/32 dev eth0",
            "route add 169.254.1.1 dev eth0 scope link",
            "route add default via 169.254.1.1 dev eth0",
            "neigh add 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent",
        )

    wirings = [wiring(number, pod, "table") for number, pod in enumerate(pods)]
    await timed("two `ip -batch`", lambda each: asyncio.to_thread(connect, each), wirings, parallel=1)
    node.ip(*(f"link del {each.host_if}" for each in wirings))


async def audits(node: Namespace, pods: Sequence[Sandbox]) -> None:
    async with node.call(Pods) as made, node.call(NodeNetwork) as network:
        wirings = [wiring(number, pod, "compat") for number, pod in enumerate(pods)]
        await asyncio.gather(*map(made.connect, wirings))
        assigned = {each.ip: each.table for each in wirings}
        wanted = wanted_network([], assigned, DataPath(layout="compat"))
        for _ in range(ROUNDS):
            began, cpu = time.perf_counter(), time.process_time()
            changes(wanted, await network.observe())
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
            print(f"an audit of {len(pods)} pods: {took * 1e3:.0f} ms, CPU {cpu * 1e3:.0f} ms")
        await asyncio.gather(*map(made.disconnect, wirings))


def memory(what: str, statement: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", IMPORT, statement], capture_output=True, text=True, check=True
    )
    print(f"{what}: {int(run.stdout) / 2**20:.1f} MiB")


async def main() -> None:
    with pod_network("node") as sandbox, sandboxes(PODS) as pods:
        assert sandbox.inside
        await by_ip(sandbox.inside, pods)
        for layout in ("table", "compat"):
            await by_us(sandbox.inside, pods, layout)
        await audits(sandbox.inside, pods)
    memory("the whole of pyroute2", "import pyroute2")
    memory(
        "what of it is needed",
        "from addons.cni.net.kernel import Kernel; Kernel().__exit__(None, None, None)",
    )
    memory("wiring alone", "import addons.cni.net.pods")


if __name__ == "__main__":
    asyncio.run(main())
