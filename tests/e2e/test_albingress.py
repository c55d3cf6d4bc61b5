"""albingress on a real Kubernetes: real rollouts behind simulated load balancers that serve real HTTP.

A load balancer stands in the network of the test, and reaches the pods by the nodes.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import yaml

from addons.admission.trust import Trust
from addons.albingress import names
from addons.albingress.config import Config
from addons.albingress.controller.webhook import GateInjection, authorities, webhook
from addons.demo.alb import Users
from addons.demo.daemon import Daemon, running
from addons.demo.world import World
from addons.runtime.kube import KubeClient
from addons.sim.alb.plane import DataPlane
from addons.sim.ports import free_port
from tests.support.charts import CHARTS, render, values
from tests.support.cluster import ROOT, Cluster
from tests.support.kubectl import Kubectl, require_kubectl
from tests.support.namespaces import ip
from tests.support.nodes import Site
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(240)]

HOST = "web.example.com"
PORT = 8080
GRACE = 3
"""Seconds for which a pod that is deleted goes on serving, so that load balancers hear of it first."""

Object = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(site: Site) -> Iterator[Cluster]:
    """The cluster with nodes, whose pods this network reaches."""
    for node in site.nodes:
        ip("route", "add", node.pods, "via", node.address)
    try:
        yield site.cluster
    finally:
        for node in site.nodes:
            ip("route", "del", node.pods)


@pytest.fixture
async def definitions(cluster: Cluster) -> None:
    """The custom resources of the chart, and the class."""
    kubectl = Kubectl((require_kubectl(), "--kubeconfig", str(cluster.kubeconfig)))
    for file in sorted((ROOT / "charts/albingress/crds").iterdir()):
        await kubectl.ok("apply", "--server-side", "-f", "-", stdin=yaml.safe_load(file.read_text()))
    found = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "alb"},
        "spec": {"controller": names.CONTROLLER},
    }
    await kubectl.ok("apply", "-f", "-", stdin=found)


@pytest.fixture
async def users(site: Site, world: World, namespace: str, definitions: None) -> AsyncIterator[Users]:
    """Those who ask the load balancers that a daemon makes for the namespace."""
    network = world.aws.ec2.network
    first, *others = (node.pods for node in site.nodes)
    vpc = network.create_vpc(block_of(first))
    for pods in others:
        network.associate_cidr(vpc.id, block_of(pods))
    for zone, pods in zip("ab", (first, *others), strict=True):
        tags = {names.TAG_ROLE_ELB: "1", names.TAG_ROLE_INTERNAL_ELB: "1"}
        network.create_subnet(vpc.id, pods, zone=f"eu-central-1{zone}", tags=tags)
    flags = (
        f"--kubeconfig={world.kubeconfig}",
        f"--aws-endpoint-url={world.aws.url}",
        f"--watch-namespace={namespace}",
        f"--leader-elect-namespace={namespace}",
        "--cluster-name=e2e",
        f"--aws-vpc-id={vpc.id}",
    )
    daemon = Daemon(world, "albingress", flags, free_port())
    async with DataPlane(world.aws.elbv2, health_scale=0.1) as plane, running(daemon):
        await daemon.ready(30)
        users = Users(world, plane)
        try:
            yield users
        finally:
            await users.close()
            print(daemon.log.read_text())


def block_of(pods: str) -> str:
    """The /16 around the range of a node's pods."""
    first, second, *_ = pods.split(".")
    return f"{first}.{second}.0.0/16"


def template(version: str, *, gate: str = "", path: str = "index.html") -> Object:
    """Pods of an application: a server that has one page, with its version, and goes on for a while."""
    serve = (
        f"busybox mkdir -p /tmp/www; echo -n {version} > /tmp/www/{path}; exec httpd -f -p {PORT} -h /tmp/www"
    )
    container = {
        "name": "main",
        "image": "local/busybox:1",
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", serve],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(GRACE)]}}},
    }
    spec: Object = {"terminationGracePeriodSeconds": GRACE + 2, "containers": [container]}
    if gate:
        spec["readinessGates"] = [{"conditionType": gate}]
    return {"metadata": {"labels": {"app": "web"}}, "spec": spec}


def manifests(version: str) -> Object:
    """A Deployment, its Service and its Ingress."""
    prefixed = {
        "target-type": "ip",
        "scheme": "internet-facing",
        "healthcheck-interval-seconds": "5",
        # Time passes ten times as fast for health checks: where the machine is busy they may be late.
        "healthcheck-timeout-seconds": "4",
        "unhealthy-threshold-count": "10",
        "target-group-attributes": "deregistration_delay.timeout_seconds=1",
    }
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": "web", "port": {"number": 80}}},
    }
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web"},
                "spec": {
                    "replicas": 3,
                    "selector": {"matchLabels": {"app": "web"}},
                    "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                    "progressDeadlineSeconds": 600,
                    "template": template(version),
                },
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "web"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": PORT}]},
            },
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": {
                    "name": "web",
                    "annotations": {f"{names.PREFIX}{key}": text for key, text in prefixed.items()},
                },
                "spec": {
                    "ingressClassName": "alb",
                    "rules": [{"host": HOST, "http": {"paths": [path]}}],
                },
            },
        ],
    }


@asynccontextmanager
async def asked_webhook(kubectl: Kubectl, site: Site, namespace: str) -> AsyncIterator[None]:
    """The webhook, which the real API server trusts, and asks about pods of namespaces with the label."""
    port, stopping = free_port(), asyncio.Event()
    name = f"gates-{namespace}"
    given = values({"config": {"watchNamespace": namespace}}, chart="albingress")
    (configuration,) = (
        obj for obj in render(given, CHARTS / "albingress") if obj["kind"] == "MutatingWebhookConfiguration"
    )
    configuration["metadata"] = {"name": f"{name}.{namespace}"}
    async with (
        KubeClient.connect(str(site.cluster.kubeconfig), user_agent="test") as kube,
        reached_from(site, port) as there,
    ):
        configuration["webhooks"][0]["clientConfig"] = {"url": f"https://localhost:{there}/mutate"}
        await kubectl.ok("create", "-f", "-", stdin=configuration)
        injection = GateInjection(Config(cluster_name="e2e", watch_namespace=namespace), kube)
        door = webhook(f"127.0.0.1:{port}", injection)
        await Trust(authorities(kube, namespace=namespace, name=name), door, host="localhost").ensure()
        async with asyncio.TaskGroup() as group:
            group.create_task(injection.run(stopping))
            group.create_task(door.serve(stopping))
            await until(lambda: not injection.not_ready(), "all Ingresses are known")
            try:
                yield
            finally:
                stopping.set()
                await kubectl.ok("delete", "mutatingwebhookconfiguration", f"{name}.{namespace}")


@asynccontextmanager
async def reached_from(site: Site, port: int) -> AsyncIterator[int]:
    """A port of the API server's own loopback that leads to a port of ours."""

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while octets := await source.read(1 << 16):
            sink.write(octets)
            await sink.drain()
        sink.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            await asyncio.gather(copy(reader, forth), copy(back, writer))

    listener = site.hub.listener("127.0.0.1", 0)
    async with await asyncio.start_server(relay, sock=listener):
        yield listener.getsockname()[1]


async def roll(kubectl: Kubectl, new: Object) -> None:
    """Have the Deployment run pods of another template."""
    await kubectl.ok("patch", "deployment", "web", "-p", json.dumps({"spec": {"template": new}}))


async def answered(users: Users, status: int, text: str) -> None:
    """Wait until this is what all answers are, whichever pod gives them."""

    async def look() -> bool:
        return all([await users.ask(HOST) == (status, text) for _ in range(30)])

    await until(look, f"{HOST} answers {status} {text}", seconds=60)


async def test_an_ingress_answers_and_rollouts_lose_no_request(kubectl: Kubectl, users: Users) -> None:
    await kubectl.ok("apply", "-f", "-", stdin=manifests("v1"))
    await answered(users, 200, "v1")
    (found,) = users.load_balancers()
    hostname = await kubectl.ok(
        "get", "ingress", "web", "-o", "jsonpath={.status.loadBalancer.ingress[0].hostname}"
    )
    assert hostname == found.dns_name.lower()

    gate = users.gate("web")
    async with users.visiting([HOST]) as seen:
        await roll(kubectl, template("v2", gate=gate))
        await kubectl.ok("rollout", "status", "deployment/web", "--timeout=120s")
    assert {(status, text) for _, status, text in seen} == {(200, "v1"), (200, "v2")}
    await answered(users, 200, "v2")

    # The next version has no page where the load balancer looks: Kubernetes finds it well, the ALB does not.
    async with users.visiting([HOST]) as seen:
        await roll(kubectl, template("v3", gate=gate, path="other.html"))
        stuck = await kubectl.refused("rollout", "status", "deployment/web", "--timeout=12s")
    assert "timed out" in stuck
    assert {(status, text) for _, status, text in seen} == {(200, "v2")}
    pods = (await kubectl.json("pods", "-l", "app=web"))["items"]
    waiting = [pod for pod in pods if conditions(pod).get(gate) == "False"]
    assert [conditions(pod)["ContainersReady"] for pod in waiting] == ["True"]
    assert conditions(waiting[0])["Ready"] == "False"

    await kubectl.ok("delete", "ingress", "web", "--timeout=90s")
    await until(lambda: not users.load_balancers() and not users.security_groups(), "all is gone", seconds=60)


async def test_in_a_labelled_namespace_new_pods_get_the_gate_and_a_bad_rollout_is_held(
    kubectl: Kubectl, users: Users, site: Site, namespace: str
) -> None:
    await kubectl.ok("label", "namespace", namespace, f"{names.GATE_INJECTION_LABEL}=enabled")
    async with asked_webhook(kubectl, site, namespace):
        await kubectl.ok("apply", "-f", "-", stdin=manifests("v1"))
        await answered(users, 200, "v1")
        gate = users.gate("web")

        async def gives() -> bool:
            probe = {"apiVersion": "v1", "kind": "Pod", **template("v1")}
            probe["metadata"] = {"name": "probe", "labels": {"app": "web"}}
            command = ("create", "--dry-run=server", "-o", "json", "-f", "-")
            made = json.loads(await kubectl.ok(*command, stdin=probe))
            return bool(made["spec"].get("readinessGates") == [{"conditionType": gate}])

        await until(gives, "new pods get the gate")
        async with users.visiting([HOST]) as seen:
            await roll(kubectl, template("v2"))
            await kubectl.ok("rollout", "status", "deployment/web", "--timeout=120s")
        assert {(status, text) for _, status, text in seen} == {(200, "v1"), (200, "v2")}
        pods = (await kubectl.json("pods", "-l", "app=web"))["items"]
        new = [each for each in pods if "deletionTimestamp" not in each["metadata"]]
        assert [conditions(each)[gate] for each in new] == ["True"] * 3

        async with users.visiting([HOST]) as seen:
            await roll(kubectl, template("v3", path="other.html"))
            stuck = await kubectl.refused("rollout", "status", "deployment/web", "--timeout=12s")
        assert "timed out" in stuck
        assert {(status, text) for _, status, text in seen} == {(200, "v2")}
    await kubectl.ok("delete", "ingress", "web", "--timeout=90s")
    await until(lambda: not users.load_balancers() and not users.security_groups(), "all is gone", seconds=60)


def conditions(pod: Object) -> dict[str, str]:
    """The conditions of a pod, by their types."""
    return {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
