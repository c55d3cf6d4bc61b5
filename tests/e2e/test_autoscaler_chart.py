"""The autoscaler chart on a real Kubernetes, by the real Helm: every object is taken, no right is missing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.charts import CHARTS, Object, Values, helm, installed, render, values
from tests.support.cluster import Cluster
from tests.support.helm import Release, has
from tests.support.kubectl import Kubectl

pytestmark = pytest.mark.kube

CHART = CHARTS / "autoscaler"
STATUS = "configmaps/cluster-autoscaler-status"
EVERYTHING: Values = {"networkPolicy": {"enabled": True}, "config": {"expander": ["priority"]}}


@pytest.fixture
async def release(cluster: Cluster, namespace: str) -> AsyncIterator[Release]:
    """A release in the namespace of the test, which is gone when the test ends."""
    with helm.Config(kubeconfig_path=str(cluster.kubeconfig), namespace=namespace) as config:
        yield Release(config, "autoscaler")
        await asyncio.to_thread(config.uninstall, "aws", ignore_not_found=True)


async def held(kubectl: Kubectl, obj: Object) -> Object:
    """The object as the cluster holds it, in whatever namespace."""
    where = obj["metadata"].get("namespace")
    options = ("--namespace", where) if where else ()
    found: Object = await kubectl.json(obj["kind"], obj["metadata"]["name"], *options)
    return found


async def test_a_real_api_server_takes_every_object_as_it_is(
    release: Release, kubectl: Kubectl, namespace: str
) -> None:
    await release.install(EVERYTHING)
    objects = installed(render(values(EVERYTHING, chart="autoscaler"), CHART, namespace=namespace))
    assert len({obj["kind"] for obj in objects}) == 10
    for obj in objects:
        assert has(await held(kubectl, obj), obj), f"{obj['kind']} {obj['metadata']['name']}"
    await release.uninstall()
    for obj in objects:
        if obj["metadata"].get("namespace", namespace) == namespace:
            assert "NotFound" in await kubectl.refused("get", obj["kind"], obj["metadata"]["name"])


async def test_upgrade_and_rollback_change_nothing_immutable(release: Release, kubectl: Kubectl) -> None:
    await release.install(EVERYTHING)
    before = await kubectl.json("deployment", "aws-autoscaler")
    await release.upgrade(EVERYTHING, {"config": {"allowSpot": True}, "podLabels": {"color": "blue"}})
    after = await kubectl.json("deployment", "aws-autoscaler")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["selector"] == before["spec"]["selector"]
    assert "nodeAffinity" not in after["spec"]["template"]["spec"]["affinity"]
    await release.rollback()
    assert (await kubectl.json("deployment", "aws-autoscaler"))["spec"] == before["spec"]


@pytest.mark.parametrize(
    ("may", "request_"),
    [
        ("yes", ("list", "pods", "--all-namespaces")),
        ("yes", ("watch", "poddisruptionbudgets.policy", "--all-namespaces")),
        ("yes", ("patch", "nodes")),
        ("yes", ("create", "pods", "--subresource=eviction", "--all-namespaces")),
        ("yes", ("create", "events.events.k8s.io")),
        ("yes", ("patch", "leases.coordination.k8s.io/aws-autoscaler")),
        ("yes", ("patch", STATUS)),
        ("yes", ("get", "leases.coordination.k8s.io/cluster-autoscaler", "--namespace=kube-system")),
        ("no", ("patch", "leases.coordination.k8s.io/cluster-autoscaler", "--namespace=kube-system")),
        ("no", ("patch", "leases.coordination.k8s.io/other")),
        ("no", ("patch", "configmaps/other")),
        ("no", ("list", "configmaps")),
        ("no", ("patch", "nodes", "--subresource=status")),
        ("no", ("delete", "nodes")),
        ("no", ("delete", "pods")),
        ("no", ("patch", "pods")),
        ("no", ("get", "secrets")),
    ],
)
async def test_the_pods_may_do_what_they_need_and_no_more(
    may: str, request_: tuple[str, ...], release: Release, kubectl: Kubectl, namespace: str
) -> None:
    await release.install()
    _, answer, _ = await kubectl.run(
        "auth", "can-i", *request_, "--as", f"system:serviceaccount:{namespace}:aws-autoscaler"
    )
    assert answer.strip() == may
