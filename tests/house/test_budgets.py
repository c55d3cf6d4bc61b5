"""What a daemon may cost: measured in a fresh process, as the image starts it in a pod."""

import os
import re
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_world import World as LoadBalancers
from tests.support.alb_world import ingress
from tests.support.iamproxy_world import BASE, NODE, World, pod
from tests.support.image import image_environment
from tests.support.processes import output_of, running
from tests.support.service_account import IN_A_POD, variables, write_files
from tests.support.until import until

MEASURE = """
import sys
__import__(sys.argv[1] + ".__main__")
lines = open("/proc/self/status").read().splitlines()
resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
print(resident / 1024)
"""

RESIDENT_MIB = {
    "addons.albingress": 57,
    "addons.autoscaler": 57,
    "addons.cni": 57,
    "addons.dns": 55,
    "addons.iamproxy": 55,
}
"""After the imports."""

IDLE_DNS_MIB = 60
PODS, ROLES = 110, 30
SERVING_IAMPROXY_MIB = 60
"""At most, while it fetches credentials for all pods of a full node."""

INGRESSES = 100
BUSY_ALBINGRESS_MIB = 100
"""At most, while it makes load balancers for so many Ingresses in ten groups."""


@pytest.mark.parametrize("module", RESIDENT_MIB)
def test_memory_after_the_imports_stays_in_its_budget(module: str) -> None:
    measured = output_of(sys.executable, "-c", MEASURE, module, env={**os.environ, **image_environment()})
    assert float(measured) < RESIDENT_MIB[module]


@asynccontextmanager
async def in_a_pod(
    api: KubeApi, aws: AwsEndpoint, folder: Path, module: str, *flags: str, done: Callable[[], object]
) -> AsyncIterator[Path]:
    """Run a daemon until `done`; gives the file in which the kernel tells about the process."""
    write_files(folder, api)
    command = (
        *(sys.executable, "-c", IN_A_POD, str(folder), module, f"--aws-endpoint-url={aws.url}"),
        *("--aws-region=eu-central-1", "--listen=127.0.0.1:0", *flags),
    )
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    env = {**os.environ, **image_environment(), **variables(api), **keys}
    async with running(*command, env=env, stdout=DEVNULL, stderr=DEVNULL) as process:
        await until(done, seconds=60, unless=lambda: "" if process.returncode is None else "it has ended")
        yield Path(f"/proc/{process.pid}/status")


def peak_mib(status: Path) -> float:
    return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1024


async def test_dns_without_work_stays_in_its_budget(tmp_path: Path) -> None:
    """Its peak, when it has read the cluster and its zone."""
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        aws.route53.create_zone("example.com")

        def has_read_the_zone() -> bool:
            return any(call.operation == "ListResourceRecordSets" for call in aws.calls)

        flags = ("--txt-owner-id=test", "--min-event-sync-interval=100ms")
        async with in_a_pod(api, aws, tmp_path, "addons.dns", *flags, done=has_read_the_zone) as status:
            assert peak_mib(status) < IDLE_DNS_MIB


async def test_iamproxy_with_a_full_node_stays_in_its_budget(tmp_path: Path) -> None:
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        world = World(api, aws, tmp_path)
        for number in range(ROLES):
            aws.sts.create_role(f"web-{number}")
        for number in range(PODS):
            world.create(pod(f"a-{number}", f"10.0.0.{number + 1}", role=f"web-{number % ROLES}"))
        flags = (f"--node={NODE}", f"--base-role-arn={BASE}", "--interceptor=none", "--app-port=0")

        def has_fetched_all() -> bool:
            return len(aws.calls) >= ROLES

        async with in_a_pod(api, aws, tmp_path, "addons.iamproxy", *flags, done=has_fetched_all) as status:
            assert peak_mib(status) < SERVING_IAMPROXY_MIB


async def test_albingress_with_a_hundred_ingresses_stays_in_its_budget(tmp_path: Path) -> None:
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        site = LoadBalancers(api, aws, tmp_path)
        names = [f"s{number}" for number in range(INGRESSES)]
        site.serve(*names)
        site.ingresses(*(ingress(name, group=f"g{number % 10}") for number, name in enumerate(names)))
        flags = ("--cluster-name=test", f"--aws-vpc-id={site.vpc_id}", "--no-leader-elect")

        def has_registered_all() -> bool:
            return sum(len(each.targets) for each in site.elb.target_groups.values()) >= INGRESSES

        async with in_a_pod(
            api, aws, tmp_path, "addons.albingress", *flags, done=has_registered_all
        ) as status:
            assert peak_mib(status) < BUSY_ALBINGRESS_MIB
