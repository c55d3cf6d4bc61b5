"""The Job of an ASG matrix on real nodes: it applies, tells, and removes with the rights that it has."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from addons.sim.aws.server import AwsEndpoint
from tests.support.charts import Values, helm
from tests.support.helm import Release
from tests.support.image import image_of_this_machine
from tests.support.kubectl import Kubectl
from tests.support.nodes import Site

pytestmark = [pytest.mark.kube, pytest.mark.timeout(240)]

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
OLD, NEW = "example-old-m5-large-od-a", "example-new-m5-large-od-a"
JOBS = "app.kubernetes.io/instance=aws"


@pytest.fixture
def cluster(site: Site) -> object:
    """The Kubernetes that has nodes."""
    return site.cluster


@pytest.fixture
async def release(site: Site, namespace: str, kubectl: Kubectl) -> AsyncIterator[Release]:
    """A release in the namespace of the test, which is gone when the test ends."""
    with helm.Config(kubeconfig_path=str(site.cluster.kubeconfig), namespace=namespace) as config:
        yield Release(config, "autoscaler")
        print(*await kubectl.run("get", "jobs,pods", "-o", "wide"))
        await asyncio.to_thread(config.uninstall, "aws", ignore_not_found=True)


def given(aws: AwsEndpoint, file: str, **matrix: object) -> Values:
    """Values for a Job that finds AWS, and no daemon beside it."""
    return {
        **image_of_this_machine(),
        "replicas": 0,
        "extraEnv": [{"name": name, "value": value} for name, value in KEYS.items()],
        "config": {"awsEndpointUrl": aws.url, "awsRegion": "eu-central-1", "expander": ["priority"]},
        "matrix": {"file": file, "command": "apply", **matrix},
    }


def matrix_file(aws: AwsEndpoint) -> str:
    """The file of a matrix of two groups."""
    network = aws.ec2.network
    vpc = network.create_vpc("10.0.0.0/16")
    subnet = network.create_subnet(vpc.id, "10.0.0.0/24", zone="eu-central-1a").id
    return (
        "matrix: shop\ncluster: example\ndefaults: {image: ami-0abcdef1234567890, max: 10}\n"
        f"dimensions:\n  instanceTypes: [m5.large]\n  zones: {{eu-central-1a: {subnet}}}\n"
        "  services: [old, new]\n"
    )


def stacks(aws: AwsEndpoint) -> dict[str, str]:
    """The stacks that are there, and their status."""
    found = aws.cloudformation.account.stacks.values()
    return {each.name: each.status for each in found if not each.is_gone}


async def ended(kubectl: Kubectl, job: str, condition: str, step: str = "apply") -> str:
    """Wait until a Job has ended so; what one of its steps has written."""
    await kubectl.ok("wait", f"job/{job}", f"--for=condition={condition}", "--timeout=120s")
    return await kubectl.ok("logs", f"job/{job}", f"--container={step}")


async def job_of(kubectl: Kubectl) -> str:
    """The name of the one Job of the release."""
    (job,) = (await kubectl.json("jobs", "-l", JOBS))["items"]
    return str(job["metadata"]["name"])


async def test_it_applies_a_small_matrix_and_tells_a_fault_and_removes_what_the_file_lacks(
    release: Release, aws: AwsEndpoint, kubectl: Kubectl
) -> None:
    file = matrix_file(aws)
    await release.install(given(aws, file))
    log = await ended(kubectl, await job_of(kubectl), "Complete")
    assert f"create  stack   {OLD}  there is no stack\n" in log
    assert log.splitlines()[-1] == "in all: 2 created"
    assert stacks(aws) == {OLD: "CREATE_COMPLETE", NEW: "CREATE_COMPLETE"}

    await release.upgrade(given(aws, file.replace("max: 10", "maks: 10")))
    log = await ended(kubectl, await job_of(kubectl), "Failed")
    assert "matrix.yaml:3: defaults.maks: " in log
    assert len((await kubectl.json("pods", "-l", f"job-name={await job_of(kubectl)}"))["items"]) == 1
    assert stacks(aws) == {OLD: "CREATE_COMPLETE", NEW: "CREATE_COMPLETE"}

    removes = {"roll": {"enabled": True}, "prune": {"enabled": True, "most": 100}, "schedule": "@yearly"}
    await release.upgrade(given(aws, file.replace("old, ", ""), **removes))
    await kubectl.ok("create", "job", "--from=cronjob/aws-autoscaler-matrix", "now")
    log = await ended(kubectl, "now", "Complete", "prune")
    assert log.splitlines()[-1] == f"deleted: {OLD}"
    assert stacks(aws) == {NEW: "CREATE_COMPLETE"}


ROLLS = "configmaps/aws-addons-autoscaler-rolls"
MAY = [
    *(("list", each, "--all-namespaces") for each in ("pods", "persistentvolumeclaims", "replicasets.apps")),
    *(("watch", each, "--all-namespaces") for each in ("pods", "jobs.batch", "poddisruptionbudgets.policy")),
    ("watch", "csinodes.storage.k8s.io"),
    ("get", "nodes"),
    ("patch", "nodes"),
    ("create", "pods", "--subresource=eviction", "--all-namespaces"),
    ("get", ROLLS),
    ("patch", ROLLS),
    ("create", "configmaps"),
]
MAY_NOT = [
    ("delete", "nodes"),
    ("delete", "pods", "--all-namespaces"),
    ("get", "secrets"),
    ("patch", "configmaps/aws-autoscaler-intents"),
    ("get", "leases.coordination.k8s.io/aws-autoscaler"),
    ("create", "events.events.k8s.io"),
]


async def test_it_may_drain_and_nothing_else(
    release: Release, aws: AwsEndpoint, kubectl: Kubectl, namespace: str
) -> None:
    await release.install(
        given(aws, matrix_file(aws), roll={"enabled": True}, schedule="@yearly", suspend=True)
    )

    async def may(*request: str) -> bool:
        who = f"system:serviceaccount:{namespace}:aws-autoscaler-matrix"
        return (await kubectl.run("auth", "can-i", *request, "--as", who))[1].strip() == "yes"

    assert [each for each in MAY if not await may(*each)] == []
    assert [each for each in MAY_NOT if await may(*each)] == []
