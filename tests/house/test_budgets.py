"""What a daemon may cost before it does anything, and with a full node: measured in a fresh process."""

import os
import re
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.iamproxy_world import BASE, NODE, World, pod
from tests.support.processes import running
from tests.support.until import until

MEASURE = """
import sys
__import__(sys.argv[1] + ".__main__")
lines = open("/proc/self/status").read().splitlines()
resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
print(resident / 1024)
"""

RESIDENT_MIB = {"addons.dns": 85, "addons.iamproxy": 75}

PODS, ROLES = 110, 30
SERVING_MIB = 85


@pytest.mark.parametrize("module", RESIDENT_MIB)
def test_memory_after_the_imports_stays_in_its_budget(module: str) -> None:
    measured = subprocess.check_output([sys.executable, "-c", MEASURE, module])
    assert float(measured) < RESIDENT_MIB[module]


async def test_iamproxy_with_a_full_node_stays_in_its_budget(tmp_path: Path) -> None:
    """Its peak, when it has fetched credentials for all pods."""
    async with KubeApi() as api, AwsEndpoint() as aws:
        world = World(api, aws, tmp_path)
        for number in range(ROLES):
            aws.sts.create_role(f"web-{number}")
        for number in range(PODS):
            world.create(pod(f"a-{number}", f"10.0.0.{number + 1}", role=f"web-{number % ROLES}"))
        command = (
            *(sys.executable, "-m", "addons.iamproxy", f"--node={NODE}", f"--base-role-arn={BASE}"),
            *(f"--kubeconfig={world.kubeconfig}", f"--aws-endpoint-url={aws.url}"),
            *("--aws-region=eu-central-1", "--interceptor=none", "--app-port=0", "--listen=127.0.0.1:0"),
        )
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        async with running(*command, env=os.environ | keys, stdout=DEVNULL, stderr=DEVNULL) as process:
            await until(
                lambda: len(aws.calls) >= ROLES,
                unless=lambda: "" if process.returncode is None else "it has ended",
            )
            status = Path(f"/proc/{process.pid}/status").read_text()
    assert int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024 < SERVING_MIB
