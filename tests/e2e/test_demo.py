"""`addons demo --kubeconfig`: the same story on a real Kubernetes, which is left as it was found."""

import asyncio
import re
import sys

import pytest

from tests.support.cluster import Cluster
from tests.support.kubectl import Kubectl

pytestmark = [pytest.mark.kube, pytest.mark.timeout(120)]


async def test_the_story_holds_on_a_real_kubernetes(cluster: Cluster, kubectl: Kubectl) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "addons.demo", "--kubeconfig", str(cluster.kubeconfig)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert re.search(r"^(\d+) passed, 0 failed$", output.decode(), re.MULTILINE)
    await kubectl.ok("wait", "--for=delete", "namespace/addons-demo", "--timeout=60s")
