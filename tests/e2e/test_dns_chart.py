"""The real Helm and the dns chart on a real Kubernetes: every object is accepted, changed, and taken away."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.charts import Object, Values, helm, installed, render, values
from tests.support.cluster import Cluster
from tests.support.helm import Release, has
from tests.support.kubectl import Kubectl

pytestmark = pytest.mark.kube


@pytest.fixture
async def release(cluster: Cluster, namespace: str) -> AsyncIterator[Release]:
    """A release in the namespace of the test, which is gone when the test ends."""
    with helm.Config(kubeconfig_path=str(cluster.kubeconfig), namespace=namespace) as config:
        yield Release(config)
        await asyncio.to_thread(config.uninstall, "aws", ignore_not_found=True)


def everything(namespace: str, **config: object) -> Values:
    """Values for every object of Kubernetes's own that the chart has."""
    return values({"networkPolicy": {"enabled": True}, "config": {"namespace": namespace, **config}})


async def held(kubectl: Kubectl, obj: Object) -> Object:
    """The object as the cluster holds it."""
    found: Object = await kubectl.json(obj["kind"], obj["metadata"]["name"])
    return found


async def test_a_real_api_server_takes_every_object_as_it_is(
    release: Release, kubectl: Kubectl, namespace: str
) -> None:
    await release.install(everything(namespace))
    objects = installed(render(everything(namespace), namespace=namespace))
    assert len({obj["kind"] for obj in objects}) == 10
    for obj in objects:
        assert has(await held(kubectl, obj), obj), f"{obj['kind']} {obj['metadata']['name']}"
    await release.uninstall()
    for obj in objects:
        assert "NotFound" in await kubectl.refused("get", obj["kind"], obj["metadata"]["name"])


async def test_upgrade_and_rollback_change_nothing_immutable(
    release: Release, kubectl: Kubectl, namespace: str
) -> None:
    await release.install(everything(namespace))
    before = await kubectl.json("deployment", "aws-dns")
    await release.upgrade(
        everything(namespace, policy="sync"), {"podLabels": {"color": "blue"}, "replicas": 3}
    )
    after = await kubectl.json("deployment", "aws-dns")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["selector"] == before["spec"]["selector"]
    assert after["spec"]["replicas"] == 3
    await release.rollback()
    assert (await kubectl.json("deployment", "aws-dns"))["spec"] == before["spec"]


@pytest.mark.parametrize(
    ("may", "request_"),
    [
        ("yes", ("list", "services", "--all-namespaces")),
        ("yes", ("watch", "ingresses.networking.k8s.io", "--all-namespaces")),
        ("yes", ("patch", "leases.coordination.k8s.io/aws-dns")),
        ("yes", ("create", "events.events.k8s.io")),
        ("no", ("patch", "leases.coordination.k8s.io/other")),
        ("no", ("update", "services")),
        ("no", ("delete", "ingresses.networking.k8s.io")),
        ("no", ("get", "secrets")),
        ("no", ("list", "configmaps")),
    ],
)
async def test_the_pods_may_do_what_they_need_and_no_more(
    may: str, request_: tuple[str, ...], release: Release, kubectl: Kubectl, namespace: str
) -> None:
    await release.install()
    _, answer, _ = await kubectl.run(
        "auth", "can-i", *request_, "--as", f"system:serviceaccount:{namespace}:aws-dns"
    )
    assert answer.strip() == may
