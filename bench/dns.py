"""How fast dns is, between an emulated API server and a simulated Route 53: each figure beside its target.

Run `python -m bench.dns [COMMIT]`. The world lives in this process, the daemon in one of its own. The CPU of
a pass without change is measured of that commit too, and shown as a ratio.
"""

import asyncio
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from addons.dns.model.endpoint import Endpoint, SourceObject
from addons.dns.model.records import RecordSet, Zone, ZoneRecords
from addons.dns.model.registry import Registry
from addons.dns.plan.records import Rules
from addons.dns.plan.zone import plan_zone
from addons.runtime.outcomes import ObjectRef
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.past import PAST, ROOT, worktree

HOSTNAMES = 10_000
PLANNED = 50_000
PASSES = 10
RATIO = 0.75
"""The CPU of a pass without change, to that of the past."""
ACCOUNT_RATE = 5.0
"""Calls that Route 53 takes from an account in a second; it refuses the others."""
TICKS = os.sysconf("SC_CLK_TCK")
CHANGE = "ChangeResourceRecordSets"
PREFIX = "external-dns.kubernetes.io/"
FREQUENT = ("--interval=2s", "--min-event-sync-interval=200ms")


def show(what: str, value: float, target: float, unit: str) -> None:
    """Print one line of the table."""
    verdict = "ok" if value <= target else "MISSED"
    print(f"{what:60} {value:10.2f} {unit:6} target <= {target:g} {unit}: {verdict}")


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def measure_planner() -> None:
    """Plan a zone of 100,000 record sets in which nothing changes, and weigh it."""
    registry, zone = Registry("bench"), Zone("Z1", "example.com")
    wanted: dict[str, list[Endpoint]] = {}
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    records: list[RecordSet] = []
    for number in range(PLANNED):
        ref = ObjectRef("Service", "default", f"service-{number}")
        data = RecordSet(f"service-{number}.example.com", "A", 300, (address(number),))
        records += [data, registry.txt_record(data, str(ref), zone.name)]
    observed = ZoneRecords(records)
    del records
    weight = (tracemalloc.get_traced_memory()[0] - before) / len(observed)
    tracemalloc.stop()
    for number in range(PLANNED):
        asked_by = SourceObject(ObjectRef("Service", "default", f"service-{number}"))
        name = f"service-{number}.example.com"
        wanted[name] = [Endpoint(name, "A", (address(number),), 300, asked_by)]
    began = time.process_time()
    plan = plan_zone(zone, {*wanted, *observed.names()}, wanted, observed, Rules(registry, "sync", {}))
    assert plan.groups == ()
    show(f"CPU to plan {len(observed):,} record sets, no change", time.process_time() - began, 0.5, "s")
    show("memory per record set", weight, 500, "B")


class Daemon:
    """The daemon as a process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self._url = url

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def rss_mib(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    async def ready(self) -> None:
        async with aiohttp.ClientSession() as http:
            while self._process.returncode is None:
                try:
                    async with http.get(f"{self._url}/readyz") as reply:
                        if reply.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)
        raise RuntimeError("the daemon has ended")

    async def stop(self) -> None:
        self._process.terminate()
        await self._process.wait()


@asynccontextmanager
async def daemon(
    api: KubeApi, aws: AwsEndpoint, folder: Path, *flags: str, tree: Path = ROOT
) -> AsyncIterator[Daemon]:
    """Run the daemon of a tree against the world."""
    (folder / "kubeconfig").write_text(api.kubeconfig())
    port = free_port()
    command = (
        sys.executable,
        "-m",
        "addons.dns",
        "--txt-owner-id=bench",
        "--policy=sync",
        "--log-level=warning",
    )
    where = (
        f"--kubeconfig={folder}/kubeconfig",
        f"--aws-endpoint-url={aws.url}",
        f"--listen=127.0.0.1:{port}",
    )
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"}
    process = await asyncio.create_subprocess_exec(
        *command, *where, *flags, cwd=tree, env={**os.environ, **keys}
    )
    running = Daemon(process, f"http://127.0.0.1:{port}")
    try:
        yield running
    finally:
        await running.stop()


def service(number: int, ip: str = "", host: str = "") -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"service-{number}",
            "annotations": {PREFIX + "hostname": f"service-{number}.example.com"},
        },
        "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}]},
        "status": {"loadBalancer": {"ingress": [{"ip": ip} if ip else {"hostname": host}]}},
    }


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.05)


def changes(aws: AwsEndpoint) -> int:
    return sum(call.operation == CHANGE for call in aws.calls)


async def measure_start(api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
    """From the start of the process until it is ready, in an empty cluster."""
    async with daemon(api, aws, folder) as running:
        await running.ready()
        show("CPU from import to ready", running.cpu_seconds, 3.0, "s")
        await asyncio.sleep(3)
        show("memory idle", running.rss_mib, 90, "MiB")


def throttled(aws: AwsEndpoint) -> int:
    return sum(call.error == "Throttling" for call in aws.calls)


def create_services(api: KubeApi) -> None:
    for number in range(HOSTNAMES):
        api.store.create("v1", "services", service(number, address(number)))


async def measure_work(api: KubeApi, aws: AwsEndpoint, folder: Path, zone_id: str) -> float:
    """Create all records, do nothing for some passes, change one Service; the CPU of an idle pass."""
    create_services(api)
    began = time.perf_counter()
    async with daemon(api, aws, folder, *FREQUENT) as running:
        await until(lambda: len(aws.route53.record_sets(zone_id)) == 2 * HOSTNAMES + 2)
        show(f"calls to create {HOSTNAMES:,} names", changes(aws), 40, "calls")
        show(f"time to create {HOSTNAMES:,} names", time.perf_counter() - began, 20, "s")
        show("calls throttled meanwhile", throttled(aws), 0, "calls")
        spent = await measure_idleness(running, aws, "names", 100)
        api.store.update("v1", "services", service(7, "192.0.2.1"))
        await until(lambda: changes(aws) > 0)
        await asyncio.sleep(3)
        show("calls for one changed Service", len(aws.calls), 1, "calls")
        show(f"memory with {HOSTNAMES:,} names", running.rss_mib, 250, "MiB")
    return spent


async def measure_idleness(running: Daemon, aws: AwsEndpoint, what: str, most: float) -> float:
    """Do nothing for some passes; the CPU of one of them, in milliseconds."""
    spent = await idle(running, aws)
    show("calls in ten passes without change", len(aws.calls), 0, "calls")
    show(f"CPU of a pass over {HOSTNAMES:,} {what} without change", spent, most, "ms")
    return spent


async def idle(running: Daemon, aws: AwsEndpoint) -> float:
    await asyncio.sleep(4)
    aws.calls.clear()
    used = running.cpu_seconds
    await asyncio.sleep(2 * PASSES)
    return (running.cpu_seconds - used) / PASSES * 1000


async def measure_past(commit: str, folder: Path, now: float) -> None:
    """Have the daemon of the past do the same, and compare."""
    with worktree(commit) as tree:
        async with KubeApi() as api, AwsEndpoint() as aws:
            zone_id = aws.route53.create_zone("example.com")
            aws.route53.knobs.rate_per_second = ACCOUNT_RATE
            create_services(api)
            async with daemon(api, aws, folder, *FREQUENT, tree=tree) as running:
                await until(lambda: len(aws.route53.record_sets(zone_id)) == 2 * HOSTNAMES + 2)
                before = await idle(running, aws)
    print(f"CPU of that pass: {before:.1f} ms at {commit}, {now:.1f} ms now")
    show(f"ratio of that to {commit}", now / before, RATIO, "")


async def measure_aliases(folder: Path) -> None:
    """Create as many names of load balancers: two aliases and two ownership texts each."""
    async with KubeApi() as api, AwsEndpoint() as aws:
        zone_id = aws.route53.create_zone("example.com")
        aws.route53.knobs.rate_per_second = ACCOUNT_RATE
        for number in range(HOSTNAMES):
            host = f"lb-{number}.eu-central-1.elb.amazonaws.com"
            api.store.create("v1", "services", service(number, host=host))
        began = time.perf_counter()
        async with daemon(api, aws, folder, *FREQUENT) as running:
            await until(lambda: len(aws.route53.record_sets(zone_id)) == 4 * HOSTNAMES + 2)
            show(f"calls to create {HOSTNAMES:,} pairs of aliases", changes(aws), 63, "calls")
            show(f"time to create {HOSTNAMES:,} pairs of aliases", time.perf_counter() - began, 30, "s")
            show("calls throttled meanwhile", throttled(aws), 0, "calls")
            await measure_idleness(running, aws, "pairs of aliases", 200)
            show(f"memory with {HOSTNAMES:,} pairs of aliases", running.rss_mib, 250, "MiB")


async def main(commit: str = PAST) -> None:
    measure_planner()
    with tempfile.TemporaryDirectory() as name:
        async with KubeApi() as api, AwsEndpoint() as aws:
            zone_id = aws.route53.create_zone("example.com")
            aws.route53.knobs.rate_per_second = ACCOUNT_RATE
            await measure_start(api, aws, Path(name))
            spent = await measure_work(api, aws, Path(name), zone_id)
        await measure_past(commit, Path(name), spent)
        await measure_aliases(Path(name))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
