"""`helm test` of the dns chart on real nodes: a pod that has what the daemon has says what is missing."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.sim.aws.server import AwsEndpoint
from tests.support.charts import Values, helm
from tests.support.helm import Release
from tests.support.image import image_of_this_machine
from tests.support.kubectl import Kubectl, require_kubectl
from tests.support.nodes import Site
from tests.support.processes import run
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(240)]

ZONE = "example.org"

WWW = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "www",
        "annotations": {"external-dns.alpha.kubernetes.io/hostname": f"www.{ZONE}"},
    },
    "spec": {"type": "ExternalName", "externalName": "www.example.net"},
}


@pytest.fixture
def cluster(site: Site) -> object:
    """The Kubernetes that has nodes."""
    return site.cluster


@pytest.fixture
async def release(site: Site, namespace: str, kubectl: Kubectl) -> AsyncIterator[Release]:
    """A release in the namespace of the test, which is gone when the test ends."""
    with helm.Config(kubeconfig_path=str(site.cluster.kubeconfig), namespace=namespace) as config:
        yield Release(config)
        print(*await kubectl.run("logs", "aws-dns-test", "--ignore-errors"))
        await asyncio.to_thread(config.uninstall, "aws", ignore_not_found=True)


def installed(aws: AwsEndpoint, **config: object) -> Values:
    """Values for one pod that finds AWS, and knows itself there."""
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    return {
        **image_of_this_machine(),
        "replicas": 1,
        "extraEnv": [{"name": name, "value": value} for name, value in keys.items()],
        "config": {"awsEndpointUrl": aws.url, "awsRegion": "eu-central-1", "domainFilter": [ZONE], **config},
    }


async def test_it_tells_whose_role_which_zones_and_who_leads_and_leaves_nothing_behind(
    release: Release, aws: AwsEndpoint, kubectl: Kubectl
) -> None:
    zone = aws.route53.create_zone(ZONE)
    await release.install(installed(aws))
    await kubectl.ok("rollout", "status", "deployment/aws-dns", "--timeout=90s")
    leader = await kubectl.ok("get", "pods", "-o", "name", "-l", "app.kubernetes.io/name=dns")
    await kubectl.ok("wait", "--for=create", "lease/aws-dns", "--timeout=30s")
    log = await release.test()
    assert "ok    AWS identity: arn:aws:iam::123456789012:user/anybody\n" in log
    assert f"/aws-dns: held by {leader.strip().removeprefix('pod/')}" in log
    assert f"ok    hosted zones: {ZONE} ({zone})\n" in log
    assert "ok    plan: nothing to change\n" in log
    assert "NotFound" in await kubectl.refused("get", "pod", "aws-dns-test")


async def test_kubectl_explains_by_asking_the_leader_through_the_api_server(
    release: Release, aws: AwsEndpoint, kubectl: Kubectl, namespace: str, site: Site
) -> None:
    zone = aws.route53.create_zone(ZONE)
    await release.install(installed(aws), {"replicas": 2})
    await kubectl.ok("rollout", "status", "deployment/aws-dns", "--timeout=90s")
    await kubectl.ok("create", "-f", "-", stdin=WWW)
    await until(lambda: len(aws.route53.record_sets(zone)) > 2)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    env = {"PATH": path, "KUBECONFIG": str(site.cluster.kubeconfig)}
    command = (require_kubectl(), "addons", "explain", "svc/www", f"--namespace={namespace}")
    code, out, err = await run(*command, f"--daemons-in={namespace}", env=env)
    leader = await kubectl.ok("get", "lease/aws-dns", "-o", "jsonpath={.spec.holderIdentity}")
    assert (code, err) == (0, "")
    pod, _, _ = leader.partition("_")
    assert f"dns ({namespace}/{pod}), AWS identity: arn:aws:iam::123456789012:user/anybody\n" in out
    assert f"CNAME www.{ZONE} -> www.example.net in public zone {ZONE} ({zone})" in out


async def test_what_is_missing_is_told_by_its_name_and_the_pod_stays_to_be_looked_at(
    release: Release, aws: AwsEndpoint, kubectl: Kubectl
) -> None:
    aws.route53.create_zone(ZONE)
    without_rights: Values = {"replicas": 0, "rbac": {"create": False}}
    await release.install(installed(aws), without_rights)
    with pytest.raises(helm.HelmReleaseError, match="pod aws-dns-test failed"):
        await release.test()
    log = await kubectl.ok("logs", "aws-dns-test")
    assert "ok    AWS identity: arn:aws:iam::123456789012:user/anybody\n" in log
    faults = [line for line in log.splitlines() if line.startswith("FAIL")]
    assert "leases.coordination.k8s.io" in faults[0]
    assert {line.split()[1] for line in faults} >= {"Lease", "services:", "ingresses:"}


async def test_settings_that_leave_no_zone_fail_it(
    release: Release, aws: AwsEndpoint, kubectl: Kubectl
) -> None:
    aws.route53.create_zone(ZONE)
    await release.install(installed(aws, domainFilter=["other.test"]), {"replicas": 0})
    with pytest.raises(helm.HelmReleaseError, match="pod aws-dns-test failed"):
        await release.test()
    (fault,) = [line for line in (await kubectl.ok("logs", "aws-dns-test")).splitlines() if "FAIL" in line]
    assert fault.startswith("FAIL  hosted zones: no hosted zone to work on: ")
