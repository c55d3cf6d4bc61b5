"""What a daemon may cost before it does anything, and with a full node: measured in a fresh process."""

import json
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
import json, sys
__import__(sys.argv[1] + ".__main__")
lines = open("/proc/self/status").read().splitlines()
resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
print(json.dumps({
    "mib": resident / 1024,
    "modules": sorted(sys.modules),
}))
"""

RESIDENT_MIB = {"addons.dns": 85, "addons.iamproxy": 75}

PODS, ROLES = 110, 30
SERVING_MIB = 85


def measure(module: str) -> dict[str, object]:
    command = [sys.executable, "-c", MEASURE, module]
    measured: dict[str, object] = json.loads(subprocess.check_output(command))
    return measured


@pytest.mark.parametrize("module", RESIDENT_MIB)
class TestImport:
    def test_memory_stays_in_its_budget(self, module: str) -> None:
        assert measure(module)["mib"] < RESIDENT_MIB[module]  # type: ignore[operator]

    def test_neither_generated_models_nor_test_tools_are_loaded(self, module: str) -> None:
        unwanted = (
            "kubernetes.aio.client.api.",
            "kubernetes.aio.client.models.",
            "moto",
            "addons.sim",
            "pytest",
        )
        loaded = measure(module)["modules"]
        assert isinstance(loaded, list)
        assert [name for name in loaded if name.startswith(unwanted)] == []


def test_the_command_line_answers_without_loading_what_it_does_not_need() -> None:
    code = "import sys, addons.runtime.cli; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"boto3", "botocore", "kubernetes", "aiohttp"} & set(loaded)


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
