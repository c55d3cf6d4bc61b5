"""The autoscaler chart on real nodes: its daemon orders a node, is tested and asked, and is never on spot."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.demo.groups import DISCOVERED, add_group
from addons.sim.aws.server import AwsEndpoint
from tests.support.charts import Object, Values, helm
from tests.support.helm import Release
from tests.support.image import image_of_this_machine
from tests.support.kubectl import Kubectl, require_kubectl
from tests.support.nodes import Site
from tests.support.processes import run
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(240)]

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
WAITS: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "waits"},
    "spec": {
        "nodeSelector": {"pool": "web"},
        "containers": [
            {"name": "main", "image": "local/busybox:1", "resources": {"requests": {"cpu": "100m"}}}
        ],
    },
}


@pytest.fixture
def cluster(site: Site) -> object:
    """The Kubernetes that has nodes."""
    return site.cluster


@pytest.fixture
def aws(aws: AwsEndpoint) -> AwsEndpoint:
    """AWS, where pods reach it, with one group."""
    vpc = aws.ec2.network.create_vpc("10.0.0.0/16")
    subnet = aws.ec2.network.create_subnet(vpc.id, "10.0.0.0/24", zone="eu-central-1a").id
    add_group(aws, "web", subnet, {"pool": "web"}, most=5)
    return aws


@pytest.fixture
async def release(site: Site, namespace: str, kubectl: Kubectl) -> AsyncIterator[Release]:
    """A release in the namespace of the test, which is gone when the test ends."""
    with helm.Config(kubeconfig_path=str(site.cluster.kubeconfig), namespace=namespace) as config:
        yield Release(config, "autoscaler")
        print(*await kubectl.run("logs", "-l", "app.kubernetes.io/name=autoscaler", "--tail=-1", "--prefix"))
        print(*await kubectl.run("logs", "aws-autoscaler-test", "--ignore-errors"))
        await asyncio.to_thread(config.uninstall, "aws", ignore_not_found=True)


def installed(aws: AwsEndpoint, namespace: str) -> Values:
    """Values for pods that find AWS, and serve the pods of one namespace."""
    return {
        **image_of_this_machine(),
        "extraEnv": [{"name": name, "value": value} for name, value in KEYS.items()],
        "config": {
            "awsEndpointUrl": aws.url,
            "awsRegion": "eu-central-1",
            "nodeGroupAutoDiscovery": [f"asg:tag={DISCOVERED}"],
            "podNamespaces": [namespace],
        },
    }


async def explained(site: Site, namespace: str, subject: str) -> str:
    """What `kubectl addons explain` prints."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    env = {"PATH": path, "KUBECONFIG": str(site.cluster.kubeconfig)}
    command = (require_kubectl(), "addons", "explain", subject, f"--namespace={namespace}")
    code, out, err = await run(*command, f"--daemons-in={namespace}", env=env)
    assert (code, err) == (0, "")
    return out


async def test_it_orders_a_node_for_a_pod_that_waits_and_is_tested_and_asked(
    site: Site, release: Release, aws: AwsEndpoint, kubectl: Kubectl, namespace: str
) -> None:
    await release.install(installed(aws, namespace))
    await kubectl.ok("rollout", "status", "deployment/aws-autoscaler", "--timeout=90s")
    await kubectl.ok("create", "-f", "-", stdin=WAITS)
    await until(lambda: aws.autoscaling.groups["web"].desired == 1, "a node is ordered")
    log = await release.test()
    assert "ok    AWS identity: arn:aws:iam::123456789012:user/anybody\n" in log
    assert "ok    cluster-autoscaler: does not lead" in log
    assert "ok    group web: 1 nodes of 0 to 5" in log
    answer = await explained(site, namespace, "pod/waits")
    assert "web" in answer
    node = (await kubectl.json("nodes"))["items"][0]["metadata"]["name"]
    assert "NotInAnyGroup" in await explained(site, namespace, f"node/{node}")


async def test_its_pods_wait_rather_than_run_on_a_spot_node(
    site: Site, release: Release, aws: AwsEndpoint, kubectl: Kubectl, namespace: str
) -> None:
    label = "eks.amazonaws.com/capacityType"
    await kubectl.ok("label", "nodes", "--all", f"{label}=SPOT")
    try:
        await release.install(installed(aws, namespace))

        async def refusals() -> list[str]:
            pods = (await kubectl.json("pods", "-l", "app.kubernetes.io/name=autoscaler"))["items"]
            conditions = [each for pod in pods for each in pod["status"].get("conditions", ())]
            return [each["message"] for each in conditions if each.get("reason") == "Unschedulable"]

        async def are_refused() -> bool:
            return len(await refusals()) == 2

        await until(are_refused, "both pods are refused")
        assert all("node affinity" in message for message in await refusals())
    finally:
        await kubectl.ok("label", "nodes", "--all", f"{label}-")
    await kubectl.ok("rollout", "status", "deployment/aws-autoscaler", "--timeout=90s")
