"""Resident memory of the daemons in a cluster: the present tree beside a commit of the past, in one run.

Run `python -m bench.memory [COMMIT]`. The world lives in this process, each daemon in one of its own, started
as the image starts it (the `ENV` of its Dockerfile) and as in a pod (the files of a ServiceAccount).
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.image import image_environment
from tests.support.past import PAST, ROOT, worktree
from tests.support.service_account import variables, write_files

TARGET = 0.75
SETTLED_SECONDS = 4
NAMES, PODS, ROLES = 10_000, 110, 30

IN_POD = """
import os, pathlib, runpy, sys
folder, module = sys.argv.pop(1), sys.argv.pop(1)
try:
    from addons.runtime import kube_access
    kube_access.SERVICE_ACCOUNT_FILES = pathlib.Path(folder)
except ImportError:
    from kubernetes.aio.config import incluster_config
    incluster_config.SERVICE_TOKEN_FILENAME = folder + "/token"
    incluster_config.SERVICE_CERT_FILENAME = folder + "/ca.crt"
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class World:
    """What the daemons find, and the folder with the files of the pod."""

    api: KubeApi
    aws: AwsEndpoint
    folder: Path
    zone_id: str


Scenario = Callable[[World, Path], Awaitable[float]]


@asynccontextmanager
async def daemon(world: World, tree: Path, module: str, *flags: str) -> AsyncIterator[int]:
    """Run a daemon of a tree until it is ready; gives its process id."""
    port = free_port()
    command = (sys.executable, "-c", IN_POD, str(world.folder), module, f"--listen=127.0.0.1:{port}")
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **image_environment(tree),
        **variables(world.api),
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-central-1",
    }
    process = await asyncio.create_subprocess_exec(
        *command,
        *(f"--aws-endpoint-url={world.aws.url}", "--log-level=warning", *flags),
        cwd=tree,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        await ready(process, f"http://127.0.0.1:{port}/readyz")
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def ready(process: asyncio.subprocess.Process, url: str) -> None:
    async with aiohttp.ClientSession() as http:
        while process.returncode is None:
            try:
                async with http.get(url) as reply:
                    if reply.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise RuntimeError("the daemon has ended")


async def settled(process: int) -> float:
    """The resident memory of a process, in MiB, when it has done its work."""
    await asyncio.sleep(SETTLED_SECONDS)
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def dns(world: World, tree: Path) -> Any:
    flags = ("--txt-owner-id=bench", "--policy=sync", "--interval=2s", "--min-event-sync-interval=200ms")
    return daemon(world, tree, "addons.dns", *flags)


async def dns_idle(world: World, tree: Path) -> float:
    async with dns(world, tree) as process:
        return await settled(process)


async def dns_with_names(world: World, tree: Path) -> float:
    """From an empty zone, so that whatever creating all records takes has been taken."""
    for number in range(NAMES):
        world.api.store.create("v1", "services", service(number))
    async with dns(world, tree) as process:
        while len(world.aws.route53.record_sets(world.zone_id)) < 2 * NAMES + 2:
            await asyncio.sleep(0.2)
        return await settled(process)


async def iamproxy_with_pods(world: World, tree: Path) -> float:
    """A full node, with the credentials of all its pods."""
    for number in range(ROLES):
        world.aws.sts.create_role(f"web-{number}")
    for number in range(PODS):
        world.api.store.create("v1", "pods", pod(number))
    role = "--base-role-arn=arn:aws:iam::123456789012:role/"
    flags = (role, "--node=node-1", "--interceptor=none", "--no-namespace-restrictions", "--app-port=0")
    async with daemon(world, tree, "addons.iamproxy", *flags) as process:
        while len(world.aws.calls) < ROLES:
            await asyncio.sleep(0.05)
        return await settled(process)


SCENARIOS: dict[str, Scenario] = {
    "dns, idle": dns_idle,
    f"dns, {NAMES:,} names": dns_with_names,
    f"iamproxy, {PODS} pods of {ROLES} roles": iamproxy_with_pods,
}


def service(number: int) -> dict[str, Any]:
    host = {"external-dns.kubernetes.io/hostname": f"service-{number}.example.com"}
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return {
        "metadata": {"name": f"service-{number}", "annotations": host},
        "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}]},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }


def pod(number: int) -> dict[str, Any]:
    ip = f"10.0.0.{number + 1}"
    role = {"iam.amazonaws.com/role": f"web-{number % ROLES}"}
    return {
        "metadata": {"name": f"web-{number}", "namespace": "default", "annotations": role},
        "spec": {"nodeName": "node-1", "containers": [{"name": "web", "image": "web"}]},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]},
    }


async def measure(scenario: Scenario, tree: Path) -> float:
    """Play one scenario in a world of its own."""
    with tempfile.TemporaryDirectory() as name:
        async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
            zone_id = aws.route53.create_zone("example.com")
            aws.route53.knobs.rate_per_second = 1000.0
            write_files(Path(name), api)
            return await scenario(World(api, aws, Path(name), zone_id), tree)


def compile_for(tree: Path) -> None:
    """Have all that is imported compiled, which takes memory of the process that does it."""
    command = [sys.executable, "-c", "import addons.dns.__main__, addons.iamproxy.__main__"]
    subprocess.run(command, cwd=tree, env={**os.environ, **image_environment(tree)}, check=True)


def main(commit: str) -> None:
    print(f"{'MiB resident, in a cluster':36} {commit:>9} {'now':>8} {'ratio':>6}  target <= {TARGET}")
    with worktree(commit) as past:
        for tree in (past, ROOT):
            compile_for(tree)
        for what, scenario in SCENARIOS.items():
            before, now = (asyncio.run(measure(scenario, tree)) for tree in (past, ROOT))
            verdict = "ok" if now <= TARGET * before else "MISSED"
            print(f"{what:36} {before:9.1f} {now:8.1f} {now / before:6.2f}  {verdict}", flush=True)


if __name__ == "__main__":
    main(*(sys.argv[1:] or [PAST]))
