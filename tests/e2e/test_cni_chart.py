"""The real Helm and the cni chart on a real Kubernetes: objects are taken, daemons keep to their node."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from addons.admission.trust import Trust
from addons.cni.controller.cleanup import Untainting
from addons.cni.controller.webhook import authorities, webhook
from addons.cni.kube.node_status import set_taint, tell_capacity
from addons.cni.model.objects import Node
from addons.cni.names import NO_POD_IPS
from addons.runtime.decoding import decode
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.sim.ports import free_port
from tests.support.charts import (
    CHARTS,
    Object,
    Values,
    cases,
    helm,
    installed,
    is_hook,
    only,
    render,
    values,
)
from tests.support.cluster import Cluster
from tests.support.helm import Release, has
from tests.support.kubectl import Kubectl
from tests.support.until import until

pytestmark = pytest.mark.kube

CUSTOM: Values = {key: cases("cni")["custom-networking"][key] for key in ("config", "eniConfig")}


class Kept(Release):
    """One whose uninstall runs no Job: without nodes none ends."""

    def given(self, *more: Values) -> Values:
        return super().given({"cleanup": {"enabled": False}}, *more)


@pytest.fixture
async def release(cluster: Cluster, namespace: str) -> AsyncIterator[Release]:
    """A release in the namespace of the test, which is gone when the test ends."""
    with helm.Config(kubeconfig_path=str(cluster.kubeconfig), namespace=namespace) as config:
        yield Kept(config, "cni")
        await asyncio.to_thread(config.uninstall, "aws", ignore_not_found=True)


def made(namespace: str, *more: Values) -> list[Object]:
    """What an install makes and keeps."""
    return installed(objects(namespace, *more))


def objects(namespace: str, *more: Values) -> list[Object]:
    """What the chart renders."""
    return render(values(*more, chart="cni"), CHARTS / "cni", namespace=namespace)


async def test_a_real_api_server_takes_every_object_as_it_is(
    release: Release, kubectl: Kubectl, namespace: str
) -> None:
    await release.install(CUSTOM)
    for obj in made(namespace, CUSTOM):
        found = await kubectl.json(obj["kind"], obj["metadata"]["name"])
        assert has(found, obj), f"{obj['kind']} {obj['metadata']['name']}"
    await release.uninstall()
    definition = "eniconfigs.crd.k8s.amazonaws.com"
    assert (await kubectl.json("customresourcedefinition", definition))["metadata"]["name"] == definition


CLEANUP = {
    "list nodes": "yes",
    "patch nodes": "yes",
    "patch nodes --subresource=status": "no",
    "update nodes": "no",
    "delete nodes": "no",
    "watch nodes": "no",
    "list pods": "no",
    "get secrets": "no",
}


async def test_the_job_of_an_uninstall_takes_the_taint_from_nodes_and_may_do_no_more(
    kubectl: Kubectl, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    other = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    spec = {"taints": [{"key": NO_POD_IPS, "effect": "NoSchedule"}, other]}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": namespace}, "spec": spec}
    await kubectl.ok("create", "-f", "-", stdin=node)
    hooks = [obj for obj in objects(namespace) if is_hook(obj, "post-delete")]
    rights = [obj for obj in hooks if obj["kind"] != "Job"]
    await kubectl.ok("create", "-f", "-", "--dry-run=server", stdin=only(hooks, "Job"))
    for obj in rights:
        await kubectl.ok("create", "-f", "-", stdin=obj)
    account = f"--as=system:serviceaccount:{namespace}:aws-cni-cleanup"
    asked = {each: await kubectl.run("auth", "can-i", *each.split(), account) for each in CLEANUP}
    assert {each: answer.out.strip() for each, answer in asked.items()} == CLEANUP
    async with as_account(kubectl, cluster, tmp_path, "aws-cni-cleanup") as kube:
        untainting = Untainting(kube)
        await untainting.run(patience=timedelta(seconds=30))
    assert (untainting.trouble, namespace in untainting.freed) == ("", True)
    taints = (await kubectl.json("node", namespace))["spec"]["taints"]
    assert [taint for taint in taints if not taint["key"].startswith("node.kubernetes.io")] == [other]
    for obj in rights:
        await kubectl.ok("delete", obj["kind"], obj["metadata"]["name"])
    await kubectl.ok("delete", "node", namespace)


async def node_with_daemon(kubectl: Kubectl, name: str) -> None:
    """A node without a kubelet, and the pod of a daemon that is bound to it."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    await kubectl.ok("create", "-f", "-", stdin=node)
    spec = {
        "nodeName": name,
        "serviceAccountName": "aws-cni",
        "containers": [{"name": "cni", "image": "none"}],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    await kubectl.ok("create", "-f", "-", stdin=pod)


@asynccontextmanager
async def as_account(
    kubectl: Kubectl, cluster: Cluster, folder: Path, account: str, *bound_to: str
) -> AsyncIterator[KubeClient]:
    """The client of a ServiceAccount of the chart, with a token that is bound to a pod, or to none."""
    bound = [f for pod in bound_to for f in ("--bound-object-kind=Pod", f"--bound-object-name={pod}")]
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": await kubectl.ok("create", "token", account, *bound)}
    file = folder / "-".join(("kubeconfig", account, *bound_to))
    file.write_text(yaml.safe_dump(config))
    async with KubeClient.connect(str(file)) as client:
        yield client


async def test_a_daemon_writes_to_the_node_of_its_pod_and_to_no_other(
    release: Release, kubectl: Kubectl, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    await release.install()
    own, other = f"{namespace}-own", f"{namespace}-other"
    for node in (own, other):
        await node_with_daemon(kubectl, node)

    async with as_account(kubectl, cluster, tmp_path, "aws-cni", own) as daemon:

        async def is_in_force() -> bool:
            try:
                await tell_capacity(daemon, other, 27)
            except OutsideError as error:
                return "cni may write to the node that it runs on, and to no other" in error.message
            return False

        await until(is_in_force)
        await tell_capacity(daemon, own, 27)
        await set_taint(daemon, await node_of(kubectl, own), wanted=True)
        with pytest.raises(OutsideError, match="and to no other"):
            await set_taint(daemon, await node_of(kubectl, other), wanted=True)
    found = await kubectl.json("node", own)
    assert found["status"]["capacity"]["aws-addons.io/pod-ip"] == "27"
    assert "aws-addons.io/no-pod-ips" in [taint["key"] for taint in found["spec"]["taints"]]
    async with as_account(kubectl, cluster, tmp_path, "aws-cni") as stray:
        with pytest.raises(OutsideError, match="and to no other"):
            await tell_capacity(stray, own, 1)
    await kubectl.ok("label", "node", other, "somebody=else")
    await kubectl.ok("delete", "node", own, other)


async def node_of(kubectl: Kubectl, name: str) -> Node:
    """A node as the daemon reads it."""
    return decode(msgspec.json.encode(await kubectl.json("node", name)), Node)


@asynccontextmanager
async def webhook_of(kubectl: Kubectl, kube: KubeClient, namespace: str) -> AsyncIterator[None]:
    """The webhook of the release, trusted, and asked where the API server reaches it in this test."""
    port = free_port()
    door = webhook(f"127.0.0.1:{port}")
    known = authorities(kube, namespace=namespace, name="aws-cni-webhook")
    await Trust(known, door, host="localhost").ensure()
    where = [
        {"op": "remove", "path": "/webhooks/0/clientConfig/service"},
        {"op": "add", "path": "/webhooks/0/clientConfig/url", "value": f"https://localhost:{port}/mutate"},
    ]
    change = ("--type=json", f"-p={json.dumps(where)}")
    await kubectl.ok("patch", "mutatingwebhookconfiguration", known.configuration, *change)
    stopping = asyncio.Event()
    serving = asyncio.create_task(door.serve(stopping))
    yield
    stopping.set()
    await serving


async def test_a_real_api_server_asks_the_webhook_and_new_pods_have_a_limit_of_one_address(
    release: Release, kubectl: Kubectl, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    await release.install({"webhook": {"namespaceSelector": {"matchLabels": {"counted": namespace}}}})
    await kubectl.ok("label", "namespace", namespace, f"counted={namespace}")
    made = 0

    async def limits(**spec: Any) -> Object:
        nonlocal made
        made += 1
        body = {"containers": [{"name": "a", "image": "none"}], **spec}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{made}"}, "spec": body}
        found = json.loads(await kubectl.ok("create", "-f", "-", "-o", "json", stdin=pod))
        given: Object = found["spec"]["containers"][0]["resources"].get("limits", {})
        return given

    async with (
        as_account(kubectl, cluster, tmp_path, "aws-cni-webhook") as kube,
        webhook_of(kubectl, kube, namespace),
    ):
        await until(lambda: limits(), "the webhook is asked")
        assert await limits() == {"aws-addons.io/pod-ip": "1"}
        assert await limits(hostNetwork=True) == {}
    assert await limits() == {}, "without the webhook pods are made as they are"


async def test_pods_of_the_original_are_adopted_and_replaced(
    release: Release, kubectl: Kubectl, namespace: str
) -> None:
    """As docs/migrating-from-amazon-vpc-cni-k8s.md has it.

    A DaemonSet takes pods for its own newest ones by the generation of their template alone, even 1 for 1.
    """
    node = f"{namespace}-node"
    metadata = {"name": node, "labels": {"kubernetes.io/os": "linux"}}
    await kubectl.ok("create", "-f", "-", stdin={"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    labels = {"k8s-app": "aws-node"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "aws-node", "image": "none"}]},
    }
    spec = {"selector": {"matchLabels": labels}, "template": template}
    original = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "aws-node"}, "spec": spec}
    await kubectl.ok("create", "-f", "-", stdin=original)

    async def pods() -> list[Object]:
        found: list[Object] = (await kubectl.json("pods", "-l", "k8s-app=aws-node"))["items"]
        return found

    (before,) = await until(pods, "the pod of the original")
    await kubectl.ok("delete", "daemonset", "aws-node", "--cascade=orphan")
    await until(lambda: is_orphan(kubectl, before), "it is nobody's")
    await release.install({"takeOver": {"enabled": True}})
    ours = (await kubectl.json("daemonset", "aws-node"))["metadata"]["uid"]

    async def is_replaced() -> bool:
        found = await pods()
        names = [pod["spec"]["containers"][0]["name"] for pod in found]
        return names == ["cni"] and owners(found[0]) == [ours]

    await until(is_replaced, "our pod is in its place")
    await release.upgrade({"takeOver": {"enabled": True}, "config": {"snat": "always"}})
    found = await kubectl.json("daemonset", "aws-node")
    assert found["metadata"]["uid"] == ours
    assert found["metadata"]["generation"] == 2
    await release.rollback()
    await kubectl.ok("delete", "node", node)


async def is_orphan(kubectl: Kubectl, pod: Object) -> bool:
    """Whether a pod is there and nobody's."""
    return owners(await kubectl.json("pod", pod["metadata"]["name"])) == []


def owners(pod: Object) -> list[str]:
    """The uids of whom a pod belongs to."""
    return [owner["uid"] for owner in pod["metadata"].get("ownerReferences", ())]


@pytest.mark.parametrize(
    ("may", "request_"),
    [
        ("yes", ("list", "pods", "--all-namespaces")),
        ("yes", ("watch", "nodes")),
        ("yes", ("patch", "nodes", "--subresource=status")),
        ("yes", ("patch", "leases.coordination.k8s.io/aws-cni")),
        ("no", ("patch", "leases.coordination.k8s.io/other")),
        ("no", ("delete", "nodes")),
        ("no", ("patch", "pods")),
        ("no", ("get", "secrets")),
        ("no", ("patch", "mutatingwebhookconfigurations")),
    ],
)
async def test_the_pods_may_do_what_they_need_and_no_more(
    may: str, request_: tuple[str, ...], release: Release, kubectl: Kubectl, namespace: str
) -> None:
    await release.install()
    who = f"--as=system:serviceaccount:{namespace}:aws-cni"
    assert (await kubectl.run("auth", "can-i", *request_, who)).out.strip() == may
