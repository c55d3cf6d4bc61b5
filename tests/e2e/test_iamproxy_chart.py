"""The real Helm and the iamproxy chart on a real Kubernetes without nodes: what is accepted and permitted.

On nodes the chart is proven by the other tests of iamproxy here.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.charts import CHARTS, Object, Values, helm, installed, is_hook, only, render, values
from tests.support.cluster import Cluster
from tests.support.daemonsets import CLEANING
from tests.support.helm import Release, has
from tests.support.kubectl import Kubectl
from tests.support.processes import run

pytestmark = pytest.mark.kube

NAME = "aws-iamproxy"
KEPT: Values = {"cleanup": {"enabled": False}}
"""Without nodes no Job ends, and so no uninstall that waits for one."""


@pytest.fixture
async def release(cluster: Cluster, namespace: str) -> AsyncIterator[Release]:
    """A release in the namespace of the test, which is gone when the test ends."""
    with helm.Config(kubeconfig_path=str(cluster.kubeconfig), namespace=namespace) as config:
        yield Release(config, "iamproxy")
        await asyncio.to_thread(config.uninstall, "aws", ignore_not_found=True)


def objects(namespace: str, *more: Values) -> list[Object]:
    """What the chart renders."""
    return render(values(*more, chart="iamproxy"), CHARTS / "iamproxy", namespace=namespace)


async def held(kubectl: Kubectl, obj: Object) -> Object:
    """The object as the cluster holds it."""
    found: Object = await kubectl.json(obj["kind"], obj["metadata"]["name"])
    return found


async def make(kubectl: Kubectl, obj: Object, *flags: str) -> Object:
    """Create an object; it as the API server answers it."""
    made: Object = json.loads(await kubectl.ok("create", "-f", "-", "-o", "json", *flags, stdin=obj))
    return made


@pytest.mark.parametrize(
    "more",
    [{}, {"cni": {"enabled": True}, "config": {"credentialSource": "web-identity"}}],
    ids=["plain", "web identity, cni"],
)
async def test_a_real_api_server_takes_every_object_as_it_is(
    more: Values, release: Release, kubectl: Kubectl, namespace: str
) -> None:
    await release.install(more, KEPT)
    made = installed(objects(namespace, more))
    assert {obj["kind"] for obj in made} == {
        *("ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "ServiceAccount"),
    }
    for obj in made:
        assert has(await held(kubectl, obj), obj), f"{obj['kind']} {obj['metadata']['name']}"
    for obj in filter(is_hook, objects(namespace, more)):
        assert has(await make(kubectl, obj, "--dry-run=server"), obj), obj["kind"]
    await release.uninstall()
    for obj in made:
        assert "NotFound" in await kubectl.refused("get", obj["kind"], obj["metadata"]["name"])


async def test_upgrade_and_rollback_change_nothing_immutable(
    release: Release, kubectl: Kubectl, namespace: str
) -> None:
    """From pods that wait for each other to pods that hand over, with other labels and settings, and back."""
    waiting: Values = {"updateStrategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}
    await release.install(waiting, KEPT)
    before = await kubectl.json("daemonset", NAME)
    text = await settings(kubectl)
    labels = {"podLabels": {"color": "blue"}, "commonLabels": {"team": "security"}}
    await release.upgrade({"port": 9000, "config": {"stsRate": 5, "prefetch": False}, **labels}, KEPT)
    after = await kubectl.json("daemonset", NAME)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["selector"] == before["spec"]["selector"]
    assert after["spec"]["updateStrategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert "prefetch: false" in await settings(kubectl)
    await release.rollback()
    assert (await kubectl.json("daemonset", NAME))["spec"] == before["spec"]
    assert await settings(kubectl) == text
    assert await release.statuses() == ["superseded", "superseded", "deployed"]


async def settings(kubectl: Kubectl) -> str:
    """The settings file in the cluster."""
    text: str = (await kubectl.json("configmap", NAME))["data"]["config.yaml"]
    return text


DAEMON = {
    "list pods --all-namespaces": "yes",
    "watch namespaces": "yes",
    "create events.events.k8s.io": "yes",
    "create serviceaccounts --subresource=token": "no",
    "update pods": "no",
    "delete pods": "no",
    "list nodes": "no",
    "list serviceaccounts": "no",
    "get secrets": "no",
    "list configmaps": "no",
    f"get daemonsets.apps/{NAME}": "no",
    f"patch daemonsets.apps/{NAME}": "no",
}
CLEANUP = {
    f"get daemonsets.apps/{NAME}": "yes",
    f"patch daemonsets.apps/{NAME}": "yes",
    f"delete daemonsets.apps/{NAME}": "no",
    f"patch daemonsets.apps/{NAME} --namespace=kube-system": "no",
    "patch daemonsets.apps/other": "no",
    "list daemonsets.apps": "no",
    "create pods": "no",
    "get pods": "no",
    "get secrets": "no",
}


async def may(kubectl: Kubectl, account: str, table: dict[str, str]) -> dict[str, str]:
    """What the API server says to each request of a table."""

    async def ask(request: str) -> str:
        return (await kubectl.run("auth", "can-i", *request.split(), "--as", account))[1].strip()

    return {request: await ask(request) for request in table}


async def test_the_pods_may_do_what_they_need_and_no_more(
    release: Release, kubectl: Kubectl, namespace: str
) -> None:
    account = f"system:serviceaccount:{namespace}:{NAME}"
    await release.install(KEPT)
    assert await may(kubectl, account, DAEMON) == DAEMON
    await release.upgrade({"config": {"credentialSource": "web-identity"}}, KEPT)
    tokens = {"create serviceaccounts --subresource=token --all-namespaces": "yes", "list secrets": "no"}
    assert await may(kubectl, account, tokens) == tokens


@asynccontextmanager
async def cleaning_up(
    kubectl: Kubectl, cluster: Cluster, namespace: str, folder: Path
) -> AsyncIterator[Path]:
    """The rights of the Job, as Helm makes them at an uninstall; a kubeconfig that has them."""
    hooks = [obj for obj in objects(namespace) if is_hook(obj, "pre-delete") and obj["kind"] != "Job"]
    for obj in hooks:
        await make(kubectl, obj)
    account = only(hooks, "ServiceAccount")["metadata"]["name"]
    token = await kubectl.ok("create", "token", account)
    config = json.loads(await kubectl.ok("config", "view", "--raw", "-o", "json"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    (folder / "cleanup").write_text(json.dumps(config))
    yield folder / "cleanup"
    for obj in hooks:
        await kubectl.ok("delete", obj["kind"], obj["metadata"]["name"])


async def test_the_job_has_the_daemon_set_clean_up_with_its_rights_and_it_can_be_taken_back(
    release: Release, kubectl: Kubectl, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    await release.install(KEPT)
    before = await kubectl.json("daemonset", NAME)
    async with cleaning_up(kubectl, cluster, namespace, tmp_path) as kubeconfig:
        account = f"system:serviceaccount:{namespace}:{NAME}-cleanup"
        assert await may(kubectl, account, CLEANUP) == CLEANUP
        job = only(objects(namespace), "Job")["spec"]["template"]["spec"]["containers"][0]
        command = (sys.executable, "-m", "addons", *job["args"], f"--kubeconfig={kubeconfig}")
        ended = await run(*command)
    assert (ended.code, ended.out) == (0, "cleaned up: 0 nodes\n")
    spec = (await kubectl.json("daemonset", NAME))["spec"]
    assert spec["template"]["spec"]["containers"][0]["args"][:3] == CLEANING
    assert spec["updateStrategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": "100%"}
    assert spec.get("minReadySeconds", 0) == 0
    with pytest.raises(helm.HelmError, match=r'conflicts with "aws-addons-iamproxy-cleanup"'):
        await release.upgrade(KEPT)
    forced = ("--server-side", "--force-conflicts", "--field-manager=helm")
    await kubectl.ok("apply", "-f", "-", *forced, stdin=only(objects(namespace), "DaemonSet"))
    assert (await kubectl.json("daemonset", NAME))["spec"] == before["spec"]
