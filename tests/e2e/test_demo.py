"""`addons demo --kubeconfig`: the stories on a real Kubernetes, which is left as it was found."""

import re
import sys

import pytest

from tests.support.cluster import Cluster
from tests.support.kubectl import Kubectl
from tests.support.processes import run

pytestmark = [pytest.mark.kube, pytest.mark.timeout(300)]


async def test_the_story_of_dns_holds_on_a_real_kubernetes(cluster: Cluster, kubectl: Kubectl) -> None:
    command = (sys.executable, "-m", "addons.demo", "--kubeconfig", cluster.kubeconfig)
    code, text, complaints = await run(*command, seconds=220)
    assert code == 0, text + complaints
    assert re.search(r"^[1-9]\d* passed, 0 failed, \d+ left out$", text, re.MULTILINE)
    for story in ("cni", "iamproxy"):
        assert f"{story} is left out: its pods are network namespaces of this machine" in text
    await kubectl.ok("wait", "--for=delete", "namespace/addons-demo", "--timeout=60s")
