"""The albingress chart on real nodes: it serves Ingresses, is asked, changed, and taken away cleanly."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from addons.albingress import names
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


@dataclass(frozen=True)
class Account:
    """An AWS that pods reach, with a VPC of two zones."""

    aws: AwsEndpoint
    vpc: str

    @property
    def balancers(self) -> list[str]:
        """The names of the load balancers."""
        return [each.name for each in self.aws.elbv2.account.load_balancers.values()]

    @property
    def security_groups(self) -> list[str]:
        """The names of the security groups of our making."""
        groups = self.aws.ec2.account.security_groups.values()
        return [group.name for group in groups if group.name.startswith("k8s-")]

    @property
    def balancer(self) -> str:
        """The host name of the only load balancer."""
        (found,) = self.aws.elbv2.account.load_balancers.values()
        return found.dns_name.lower()

    def values(self, namespace: str) -> Values:
        """Values for pods that find this AWS, and serve one namespace."""
        return {
            **image_of_this_machine(),
            "extraEnv": [{"name": name, "value": value} for name, value in KEYS.items()],
            "ingressClass": {"name": namespace},
            "config": {
                "awsEndpointUrl": self.aws.url,
                "awsRegion": "eu-central-1",
                "awsVpcId": self.vpc,
                "watchNamespace": namespace,
            },
        }


@pytest.fixture
def cluster(site: Site) -> object:
    """The Kubernetes that has nodes."""
    return site.cluster


@pytest.fixture
async def account(site: Site) -> AsyncIterator[Account]:
    """AWS, where pods reach it."""
    aws = AwsEndpoint()
    await aws.start(listener=site.hub.listener(site.inside, 0))
    network = aws.ec2.network
    vpc = network.create_vpc("10.0.0.0/16").id
    for number, zone in enumerate("ab"):
        tags = {names.TAG_ROLE_ELB: "1", names.TAG_ROLE_INTERNAL_ELB: "1"}
        network.create_subnet(vpc, f"10.0.{number}.0/24", zone=f"eu-central-1{zone}", tags=tags)
    yield Account(aws, vpc)
    await aws.stop()


@pytest.fixture
async def release(site: Site, namespace: str, kubectl: Kubectl) -> AsyncIterator[Release]:
    """A release in the namespace of the test, which is gone when the test ends."""
    with helm.Config(kubeconfig_path=str(site.cluster.kubeconfig), namespace=namespace) as config:
        yield Release(config, "albingress")
        print(*await kubectl.run("logs", "-l", "app.kubernetes.io/name=albingress", "--tail=-1", "--prefix"))
        print(*await kubectl.run("logs", "aws-albingress-test", "--ignore-errors"))
        await asyncio.to_thread(config.uninstall, "aws", ignore_not_found=True)


def ingress(namespace: str) -> Object:
    """An Ingress of the namespace's class whose Service is there, and one whose Service is not."""

    def one(name: str, service: str) -> Object:
        backend = {"service": {"name": service, "port": {"number": 80}}}
        path = {"path": f"/{name}", "pathType": "Prefix", "backend": backend}
        annotations = {names.PREFIX + "target-type": "ip", names.PREFIX + "group.name": namespace}
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"ingressClassName": namespace, "rules": [{"http": {"paths": [path]}}]},
        }

    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    return {"apiVersion": "v1", "kind": "List", "items": [service, one("good", "web"), one("bad", "missing")]}


async def hostname(kubectl: Kubectl, name: str) -> str:
    """What the status of an Ingress tells."""
    return await kubectl.ok(
        "get", "ingress", name, "-o", "jsonpath={.status.loadBalancer.ingress[0].hostname}"
    )


async def rolled_out(kubectl: Kubectl) -> None:
    await kubectl.ok("rollout", "status", "deployment/aws-albingress", "--timeout=90s")


async def told(site: Site, namespace: str, *asked: str) -> str:
    """What `kubectl addons` prints of the daemons in the namespace."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    env = {"PATH": path, "KUBECONFIG": str(site.cluster.kubeconfig)}
    command = (require_kubectl(), "addons", *asked, f"--daemons-in={namespace}")
    code, out, err = await run(*command, env=env)
    assert (code, err) == (0, "")
    return out


async def test_it_serves_is_tested_asked_changed_and_taken_away(
    release: Release, account: Account, kubectl: Kubectl, namespace: str, site: Site
) -> None:
    given = account.values(namespace)
    await release.install(given)
    await rolled_out(kubectl)
    await kubectl.ok("rollout", "status", "deployment/aws-albingress-webhook", "--timeout=90s")
    await kubectl.ok("create", "-f", "-", stdin=ingress(namespace))

    async def is_served() -> bool:
        return bool(account.balancers) and await hostname(kubectl, "bad") == account.balancer

    await until(is_served, "the status of the Ingresses", seconds=60)
    assert await hostname(kubectl, "good") == account.balancer

    log = await release.test()
    assert "ok    AWS identity: arn:aws:iam::123456789012:user/anybody\n" in log
    assert f"/aws-albingress: held by {await leader(kubectl)}" in log
    why = await told(site, namespace, "explain", f"ingress/{namespace}/bad")
    assert f"service {namespace}/missing does not exist" in why
    assert account.balancer in await told(site, namespace, "explain", f"ingress/{namespace}/good")
    status = await told(site, namespace, "status")
    assert f"albingress ({namespace}/aws): ready, 2 replicas, {await leader(kubectl)} leads\n" in status
    assert f"service {namespace}/missing does not exist" in " ".join(status.split())
    assert "BROKEN" in status

    before = await kubectl.json("deployment", "aws-albingress")
    account.aws.calls.clear()
    await release.upgrade(given, {"podLabels": {"color": "blue"}, "config": {"syncPeriod": "20m"}})
    await rolled_out(kubectl)
    after = await kubectl.json("deployment", "aws-albingress")
    assert after["spec"]["selector"] == before["spec"]["selector"]
    await release.rollback()
    await rolled_out(kubectl)
    changes = [call.operation for call in account.aws.calls if not call.operation.startswith(("Desc", "Get"))]
    assert [name for name in changes if name != "ListCertificates"] == []

    await release.uninstall()
    for name in ("good", "bad"):
        found = await kubectl.json("ingress", name)
        assert found["metadata"].get("finalizers", []) == []
    assert len(account.balancers) == 1, "an uninstall takes no load balancer away"
    await kubectl.ok("delete", "ingress", "good", "bad", "--timeout=20s")


async def leader(kubectl: Kubectl) -> str:
    """The pod that leads."""
    holder = await kubectl.ok("get", "lease/aws-albingress", "-o", "jsonpath={.spec.holderIdentity}")
    return holder.partition("_")[0]


async def test_where_it_is_installed_again_what_stands_in_aws_is_taken_up(
    release: Release, account: Account, kubectl: Kubectl, namespace: str
) -> None:
    given = account.values(namespace)
    await release.install(given, {"replicas": 1})
    await rolled_out(kubectl)
    await kubectl.ok("create", "-f", "-", stdin=ingress(namespace))
    await until(lambda: bool(account.balancers), "the load balancer", seconds=60)
    await release.uninstall()
    await release.install(given, {"replicas": 1})
    await rolled_out(kubectl)
    await until(lambda: is_held(kubectl), "the finalizers", seconds=60)
    await kubectl.ok("delete", "ingress", "good", "bad", "--timeout=60s")
    assert account.balancers == account.security_groups == []


async def is_held(kubectl: Kubectl) -> bool:
    """Whether both Ingresses cannot go without us."""
    found = [await kubectl.json("ingress", name) for name in ("good", "bad")]
    return all(each["metadata"].get("finalizers") for each in found)
