"""cni on a real Kubernetes: the CNI of two real kubelets, and the real scheduler counts its addresses."""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from addons.cni.kube.node_status import tell_capacity
from addons.cni.names import POD_IP
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.sim.fabric.echo import Echo
from addons.sim.fabric.vpc import INTERNET, PEERED
from addons.sim.net import METADATA
from tests.support.cluster import find_assets
from tests.support.cni_site import ACCOUNT, ADDRESSES, CniSite, chart_objects, cni_site
from tests.support.fabric import flow, pings, seen_by
from tests.support.fabric_nodes import short_folder
from tests.support.helm import NAMESPACE
from tests.support.nodes import missing
from tests.support.processes import Ended, run
from tests.support.service_proxy import Service, publish
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

ONE = {POD_IP: "1"}
ROLES = f"http://{METADATA}/latest/meta-data/iam/security-credentials/"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster_before() -> AsyncIterator[CniSite]:
    """The nodes, without any daemon."""
    assets = find_assets()
    lack = missing() if assets else "no real Kubernetes; `make kube` builds one"
    if assets is None or lack:
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out(lack)
    with short_folder() as folder:
        async with cni_site(folder, assets) as made:
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def conditions_before(cluster_before: CniSite) -> list[dict[str, str]]:
    """What the nodes said of themselves before."""

    async def look() -> list[dict[str, str]]:
        found = [await cluster_before.condition(node) for node in cluster_before.nodes]
        return found if all("cni plugin" in each["message"] for each in found) else []

    found: list[dict[str, str]] = await until(look, "nodes wait for their network")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def with_daemons(cluster_before: CniSite, conditions_before: object) -> CniSite:
    for node in cluster_before.nodes:
        await cluster_before.start_daemon(node)
    cluster_before.site.await_ready()
    return cluster_before


@pytest_asyncio.fixture(loop_scope="module")
async def site(with_daemons: CniSite) -> AsyncIterator[CniSite]:
    """The nodes with their daemons; pods of the test go with it."""
    yield with_daemons
    await with_daemons.clear()


async def test_nodes_are_ready_once_the_daemon_has_written_the_configuration(
    conditions_before: list[dict[str, str]], site: CniSite
) -> None:
    assert {each["status"] for each in conditions_before} == {"False"}
    assert all(node.conflist.exists() for node in site.nodes)
    assert {(await site.condition(node))["status"] for node in site.nodes} == {"True"}


async def test_pods_of_both_nodes_reach_each_other_and_everybody_sees_who_they_are(site: CniSite) -> None:
    one, two = site.nodes
    here = {name: await site.start_pod(name, node) for name, node in (("a", one), ("b", two), ("c", one))}
    for name in here:
        for address in here.values():
            await site.kubectl.ok("exec", name, "--", "ping", "-c", "1", "-W", "5", address)
        assert await site.fetch(name, f"http://{PEERED}/") == here[name]
        assert pings(site.vpc.fabric.outside, here[name], source=str(PEERED))
    for name, node in (("a", one), ("b", two)):
        assert await site.fetch(name, f"http://{INTERNET}/") == str(node.at.node.public)


async def test_a_service_leads_to_pods_of_both_nodes_which_see_their_client(site: CniSite) -> None:
    one, two = site.nodes
    targets = [await site.start_pod("server-1", one), await site.start_pod("server-2", two)]
    client = await site.start_pod("client", one)
    publish(one.inside, Service("10.96.0.77", 8080, targets, 80, node_port=30088))
    inside = [await site.network(node, address) for node, address in zip(site.nodes, targets, strict=True)]
    with Echo(inside[0]) as first, Echo(inside[1]) as second:
        for _ in range(20):
            assert await site.fetch("client", "http://10.96.0.77:8080/") == client
        assert first.seen
        assert second.seen
        seen = await seen_by(two.inside, str(one.at.address), port=30088)
        assert seen == str(one.at.address), "a NodePort shows the node that the client has asked"


class TestScheduling:
    """The real scheduler counts addresses, and holds pods back that would get none."""

    async def test_pods_beyond_what_the_subnet_has_stay_pending_and_run_when_addresses_come_free(
        self, site: CniSite
    ) -> None:
        async def running() -> set[str]:
            return {pod["metadata"]["name"] for pod in await site.pods() if is_running(pod)}

        async def as_many_run() -> bool:
            return len(await running()) == ADDRESSES

        await site.await_room()
        for number in range(ADDRESSES + 3):
            await site.create(f"web-{number}", limits=ONE)
        await until(as_many_run, "as many pods run as there are addresses", seconds=60)
        pending = {pod["metadata"]["name"] for pod in await site.pods() if not pod["spec"].get("nodeName")}
        assert len(pending) == 3
        for name in pending:
            assert f"Insufficient {POD_IP}" in await site.events(name, "FailedScheduling")

        async def both_are_tainted() -> bool:
            return len(await site.tainted()) == 2

        await until(both_are_tainted, "both nodes keep the scheduler away")
        for name in sorted(await running())[:3]:
            await site.kubectl.ok("delete", "pod", name, "--timeout=60s")

        async def those_run() -> bool:
            return pending <= await running()

        await until(those_run, "those that waited run", seconds=60)
        assert len(await running()) == ADDRESSES

    async def test_the_taint_goes_when_addresses_come_back(self, site: CniSite) -> None:
        await site.await_room()


def is_running(pod: dict[str, Any]) -> bool:
    return bool(pod["status"]["phase"] == "Running")


class TestDaemonGoesAndComes:
    """A pod's connection goes on whatever becomes of the daemon."""

    async def test_a_flow_survives_a_kill_an_upgrade_and_a_rollback(self, site: CniSite) -> None:
        node = site.nodes[0]
        inside = await site.network(node, await site.start_pod("talker", node))
        before = await node.assigned()
        async with flow(inside, str(PEERED)) as talk:
            await site.kill_daemon(node)
            assert await talk.beat()
            await site.create("meanwhile", node)
            await site.start_daemon(node)
            assert await talk.beat()
            for flags in (("--log-level=debug", "--rule-layout=compat"), ()):
                assert await site.stop_daemon(node) == 0
                assert await talk.beat()
                await site.start_daemon(node, *flags)
                assert await talk.beat()
                assert pings(site.vpc.fabric.outside, await site.address("talker"), source=str(PEERED))
            assert before.items() <= (await node.assigned()).items()
        await site.kubectl.ok("wait", "--for=condition=Ready", "pod/meanwhile", "--timeout=60s")


async def test_a_daemon_writes_to_its_own_node_and_to_no_other(site: CniSite) -> None:
    """Its token says which node that is; that it may write there is what the other tests live on."""
    one, two = site.nodes
    async with KubeClient.connect(str(one.kubeconfig)) as kube:
        with pytest.raises(OutsideError, match="cni may write to the node that it runs on"):
            await tell_capacity(kube, two.name, 99)


async def test_a_pod_that_is_deleted_while_it_waits_for_an_address_goes_at_once(site: CniSite) -> None:
    """Its runtime waits for the plugin, which waits for an address for two minutes."""
    node = site.nodes[0]
    for number in range(ADDRESSES):
        await site.create(f"full-{number}", site.nodes[number % 2])
    await site.kubectl.ok("wait", "--for=condition=Ready", "pods", "--all", "--timeout=60s")
    await site.create("waits", node)

    async def why() -> str:
        told = await node.ask(f"/v1/why?pod={site.namespace}/waits")
        return " ".join(each["message"] for each in told if each["action"] == "wait")

    async def is_asking() -> bool:
        return "has waited" in await why()

    await until(is_asking, "its runtime has asked")
    assert "has 0 free addresses" in await why()
    await site.kubectl.ok("delete", "pod", "waits", "--timeout=60s")


class TestWebhook:
    """`addons cni webhook`, asked by the real API server by way of its Service."""

    async def test_pods_get_a_limit_by_which_the_scheduler_counts_them_and_none_while_it_is_away(
        self, site: CniSite
    ) -> None:
        async with served_webhook(site):
            await until(lambda: is_limited(site), "pods get their limit")
            assert not await is_limited(site, hostNetwork=True)
            await site.await_room()
            for number in range(ADDRESSES + 2):
                await site.create(f"counted-{number}")

            async def unschedulable() -> bool:
                left = [pod for pod in await site.pods() if not pod["spec"].get("nodeName")]
                told = [await site.events(pod["metadata"]["name"], "FailedScheduling") for pod in left]
                return len(left) == 2 and all(f"Insufficient {POD_IP}" in each for each in told)

            await until(unschedulable, "two are held back", seconds=60)
        assert not await is_limited(site), "nobody answers, and pods are made all the same"


@asynccontextmanager
async def served_webhook(site: CniSite) -> AsyncIterator[None]:
    """The webhook with the rights of the chart, in the network of the API server, which finds its Service."""
    name = f"{ACCOUNT}-webhook"
    (configuration,) = (obj for obj in chart_objects() if obj["kind"] == "MutatingWebhookConfiguration")
    await site.apply(configuration)
    kubeconfig = await site.kubeconfig_of(name, site.folder / "webhook.kubeconfig")
    hub, address = site.hub
    found = await site.kubectl.json("service", name, f"--namespace={NAMESPACE}")
    hub.ip(f"route replace 10.96.0.0/16 dev hub src {address}")
    publish(hub, Service(found["spec"]["clusterIP"], 443, [address], 9443))
    flags = (f"--kubeconfig={kubeconfig}", f"--webhook-name={name}", f"--webhook-listen={address}:9443")
    async with site.process(
        hub,
        *("cni", "webhook", "--listen=127.0.0.1:61679", *flags),
        ready="http://127.0.0.1:61679/readyz",
        log="webhook.log",
        POD_NAME="webhook",
        POD_NAMESPACE=NAMESPACE,
    ):
        yield


async def is_limited(site: CniSite, **spec: Any) -> bool:
    """Whether a new pod is given a limit; none is made."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": {"containers": [{"name": "main", "image": "a"}], **spec},
    }
    made = json.loads(await site.kubectl.ok("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=pod))
    resources = made["spec"]["containers"][0]["resources"]
    return bool(resources.get("limits", {}).get(POD_IP) == "1")


class TestExplain:
    """`addons explain` asks the daemon of the pod's node through the API server.

    It finds daemons by their pods, so a DaemonSet stands for them, whose pods are in the nodes' network.
    """

    async def test_it_says_which_address_a_pod_has_and_why_another_has_none(self, site: CniSite) -> None:
        await site.apply(stand_in())
        where = f"--namespace={NAMESPACE}"
        await site.kubectl.ok("rollout", "status", "daemonset/stand-in", where, "--timeout=60s")
        node = site.nodes[1]
        for number in range(ADDRESSES):
            await site.create(f"has-{number}", node)
        await site.kubectl.ok("wait", "--for=condition=Ready", "pods", "--all", "--timeout=60s")
        told = await explain(site, "has-0")
        assert told.code == 0, told
        assert f"has {await site.address('has-0')} of eni-" in told.out
        await site.create("has-none", node)

        async def is_waiting() -> bool:
            return "has waited" in (await explain(site, "has-none")).out

        await until(is_waiting, "it is told that it waits")
        assert "has 0 free addresses" in " ".join((await explain(site, "has-none")).out.split())
        await site.kubectl.ok("delete", "daemonset", "stand-in", where, "--timeout=60s")


def stand_in() -> dict[str, Any]:
    """Pods as the chart has them, but for what runs in them: the daemons are processes."""
    labels = {"app.kubernetes.io/name": "cni", "app.kubernetes.io/part-of": "aws-addons"}
    container = {
        "name": "cni",
        "image": "local/busybox:1",
        "imagePullPolicy": "Never",
        "command": ["sleep", "1000"],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 61678}, "periodSeconds": 1},
    }
    spec = {
        "hostNetwork": True,
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "stand-in", "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


async def explain(site: CniSite, pod: str) -> Ended:
    """Ask about a pod."""
    kubeconfig = f"--kubeconfig={site.site.cluster.kubeconfig}"
    return await run(sys.executable, "-m", "addons", "explain", f"pod/{site.namespace}/{pod}", kubeconfig)


class TestIamproxy:
    """Our iamproxy beside it has pods' addresses from it."""

    async def test_a_pod_gets_the_credentials_of_its_role(self, site: CniSite) -> None:
        node, sts = site.nodes[0], site.vpc.aws.sts
        session = sts.open_session(sts.create_role("node"), "i-1")
        sts.create_role("reader")
        permitted = 'iam.amazonaws.com/allowed-roles=["reader"]'
        await site.kubectl.ok("annotate", "namespace", site.namespace, permitted)
        async with site.process(
            node.inside,
            *("iamproxy", f"--node={node.name}", f"--kubeconfig={site.site.cluster.kubeconfig}"),
            *(f"--aws-endpoint-url={site.vpc.url}", "--aws-region=eu-central-1"),
            *("--base-role-arn=arn:aws:iam::123456789012:role/", f"--cni-socket={node.socket}"),
            f"--token-key-file={site.folder}/token.key",
            ready="http://127.0.0.1:8182/readyz",
            log="iamproxy.log",
            AWS_ACCESS_KEY_ID=session.access_key_id,
            AWS_SECRET_ACCESS_KEY=session.secret_access_key,
            AWS_SESSION_TOKEN=session.token,
        ):
            await site.start_pod("reads", node, annotations={"iam.amazonaws.com/role": "reader"})
            assert await site.fetch("reads", ROLES) == "reader"
            given = json.loads(await site.fetch("reads", f"{ROLES}reader"))
            assert (given["Code"], given["AccessKeyId"][:4]) == ("Success", "ASIA")
            state = await run(*node.inside.command("curl", "-sf", "http://127.0.0.1:8182/api/state"))
            assert json.loads(state.out)["addressesFrom"] == "the cni"
