"""iamproxy on a real Kubernetes: its chart on two real nodes, and pods that ask by wget.

Before the chart is installed the pods see what the node's own metadata service tells: canaries.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from addons.iamproxy import names
from tests.support.charts import Values, helm
from tests.support.helm import NAMESPACE, Release
from tests.support.iamproxy_site import ACCOUNT, ROLES, Stage, asking, staged
from tests.support.kubectl import require_kubectl
from tests.support.nodes import Node, Site
from tests.support.processes import Ended, run
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

OF_THE_NODE = (
    f"{ROLES}canary-node-role",
    "/latest/meta-data/iam/security-credentials-extended/canary-node-role",
    "/latest/meta-data/iam/info",
    "/latest/dynamic/instance-identity/signature",
    "/latest/user-data",
    "//latest/./user-data",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(site: Site) -> AsyncIterator[Stage]:
    async with staged(site, "reader", "writer") as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def before(stage: Stage) -> dict[str, list[str]]:
    """What a pod on each node sees before the chart is installed, by its name; it asks on afterwards."""
    witnesses = {f"witness-{number}": node for number, node in enumerate(stage.site.nodes)}
    await asyncio.gather(*(stage.run(name, node, command=asking(ROLES)) for name, node in witnesses.items()))
    return {name: [await stage.ask(name, path) for path in OF_THE_NODE] for name in witnesses}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def release(stage: Stage, before: object) -> AsyncIterator[Release]:
    """The chart, installed."""
    async with stage.installed() as release:
        yield release


@pytest.fixture(scope="module")
def proxied(stage: Stage, release: object) -> Stage:
    """The stage with the chart installed."""
    return stage


async def test_no_pod_sees_anything_of_the_node_once_the_chart_is_installed(
    before: dict[str, list[str]], proxied: Stage
) -> None:
    installed = len(proxied.imds.requests)
    for witness, answers in before.items():
        assert all(map(proxied.shows_the_node, answers)), "the control"
        for path in OF_THE_NODE:
            assert "server returned error: HTTP/1.1 404" in await proxied.ask(witness, path), path
        lines = (await proxied.log(witness, "HTTP/1.1 404")).splitlines()
        seen = [proxied.shows_the_node(line) for line in lines]
        assert seen[0], "the control"
        assert seen == sorted(seen, reverse=True), "what is hidden stays hidden"
    peers = [request.peer for request in proxied.imds.requests]
    nodes = {node.address for node in proxied.site.nodes}
    assert set(peers[:installed]) - nodes, "the control"
    assert set(peers[installed:]) <= nodes


async def test_pods_on_both_nodes_get_the_credentials_of_their_own_roles(proxied: Stage) -> None:
    pods = [(role, node) for role in ("reader", "writer") for node in proxied.site.nodes]
    await asyncio.gather(*(get_credentials(proxied, role, node) for role, node in pods))


async def get_credentials(stage: Stage, role: str, node: Node) -> None:
    """Start a pod on a node, and let it get what it may have, and not what it may not."""
    name, other = f"{role}-on-{node.name}", {"reader": "writer", "writer": "reader"}[role]
    await stage.run(name, node, role=role)
    assert await stage.ask(name, ROLES) == role
    assert await stage.caller(await stage.credentials(name)) == session_of(stage, role)
    assert "HTTP/1.1 403" in await stage.ask(name, ROLES + other)


async def test_a_role_that_its_namespace_forbids_is_refused_and_the_pod_says_why(proxied: Stage) -> None:
    proxied.aws.sts.create_role("admin")
    await proxied.run("forbidden", proxied.site.nodes[0], role="admin")
    for path in (ROLES, f"{ROLES}admin"):
        assert "server returned error: HTTP/1.1 403" in await proxied.ask("forbidden", path)
    assert names.ALLOWED_ROLES in await proxied.events("forbidden", "role/admin")


async def test_a_pod_with_the_address_of_another_one_never_gets_its_role(proxied: Stage) -> None:
    """It asks from its first moment on, and the API server still says that the pod before has the address.

    Once at least: a kubelet that has time to spare takes it out of the status.
    """
    said_of_those_before = set()
    node, kept = proxied.site.nodes[0], ("test.example.org/kept",)
    options = {"command": asking(ROLES), "finalizers": kept}
    address = await proxied.run("tenant-0", node, role="reader", **options)
    for number, role in enumerate(("writer", "reader"), start=1):
        name, before = f"tenant-{number}", f"tenant-{number - 1}"
        await proxied.kubectl.ok("delete", "pod", before, "--wait=false")
        await given_back(proxied, address)
        assert await proxied.run(name, node, role=role, **options) == address
        said_of_those_before.add(await proxied.address(before))
        answers = await proxied.log(name, role)
        assert set(answers.split()) & {"reader", "writer"} == {role}
        assert await proxied.caller(await proxied.credentials(name)) == session_of(proxied, role)
        await proxied.kubectl.ok("patch", "pod", before, "-p", '{"metadata": {"finalizers": null}}')
    await proxied.kubectl.ok("patch", "pod", name, "-p", '{"metadata": {"finalizers": null}}')
    assert address in said_of_those_before, "the control"


async def test_a_pod_in_the_network_of_its_node_sees_what_the_node_sees_and_the_daemon_names_it(
    proxied: Stage,
) -> None:
    """The kernel tells such a pod from the node by its control group: these kubelets make none for pods."""
    await proxied.run("guest", proxied.site.nodes[0], role="reader", host_network=True)
    assert await proxied.ask("guest", ROLES) == proxied.imds.instance.role
    page = ("exec", "guest", "--", "wget", "-q", "-O", "-", "http://127.0.0.1:8182/api/state")
    state = json.loads(await proxied.told(f"{proxied.namespace}/guest", *page))
    assert f"{proxied.namespace}/guest" in state["notStoppedByTheRedirect"]["pods"]
    assert "reach the node's metadata" in state["notStoppedByTheRedirect"]["because"]


async def explain(stage: Stage, about: str) -> Ended:
    """Ask as a plugin of kubectl does."""
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    kubeconfig = f"--kubeconfig={stage.site.cluster.kubeconfig}"
    return await run(require_kubectl(), "addons", "explain", about, kubeconfig, env={**os.environ, **path})


async def test_explain_asks_the_daemon_of_the_pod_s_node_through_the_api_server(
    proxied: Stage, release: Release
) -> None:
    """Once the API server may reach the daemons: no pod may, and from outside nobody else."""
    node = proxied.site.nodes[1]
    await proxied.run("asked", node, role="reader")
    about = f"pod/{proxied.namespace}/asked"
    refused = await explain(proxied, about)
    assert (refused.code, "cannot tell: " in refused.out) == (3, True)
    assert "to config.adminNetworks of the chart, most likely what `kubectl get endpointslices" in " ".join(
        refused.out.split()
    )
    await release.upgrade(proxied.values(adminNetworks=[f"{proxied.site.inside}/32"]))
    await proxied.rolled_out()
    ended = await explain(proxied, about)
    assert ended.code == 0, ended.err
    on_node = f"--field-selector=spec.nodeName={node.name}"
    pods = (await proxied.kubectl.json("pods", "--namespace", NAMESPACE, on_node))["items"]
    (daemon,) = (each["metadata"] for each in pods if "deletionTimestamp" not in each["metadata"])
    assert f"iamproxy ({NAMESPACE}/{daemon['name']})" in ended.out
    assert "AWS identity: arn:aws:sts::" in ended.out
    assert f"may have arn:aws:iam::{ACCOUNT}:role/reader" in ended.out


async def test_helm_test_tells_whether_pods_get_their_role(proxied: Stage, release: Release) -> None:
    """Without a role; with one that the release's namespace does not permit; and when it does."""
    assert "the pod has no annotation iam.amazonaws.com/role (NoRole)" in await release.test()
    with_role = proxied.values(), {"test": {"role": "reader"}}
    await release.upgrade(*with_role)
    await proxied.rolled_out()
    with pytest.raises(helm.HelmError, match="aws-iamproxy-test"):
        await release.test()
    permitted = f'{names.ALLOWED_ROLES}=["reader"]'
    await proxied.kubectl.ok("annotate", "namespace", NAMESPACE, permitted)
    try:
        assert "the role reader, with the key ASIA" in await release.test()
    finally:
        await proxied.kubectl.ok("annotate", "namespace", NAMESPACE, f"{names.ALLOWED_ROLES}-")


@pytest.mark.parametrize("start", ["quick", "slow"])
async def test_an_upgrade_leaves_no_request_without_its_answer(
    start: str, proxied: Stage, release: Release, tmp_path: Path
) -> None:
    """A pod on each node asks for its role and its credentials all the time, each over a new connection.

    The probes of a daemon that is slow to start are answered by the one before it, on the port they share.
    """
    askers = {f"{start}-asker-{number}": node for number, node in enumerate(proxied.site.nodes)}
    command = asking(ROLES, f"{ROLES}reader")
    for name, node in askers.items():
        await proxied.run(name, node, role="reader", command=command)
    answered = {name: len(await proxied.log(name, "Success")) for name in askers}
    daemons = await proxied.daemons()
    at_once = {"updateStrategy": {"rollingUpdate": {"maxSurge": "100%"}}}
    given = proxied.values(logLevel="debug")
    await release.upgrade(starting_late(given, tmp_path) if start == "slow" else given, at_once)
    await proxied.rolled_out()
    await proxied.gone(daemons)
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="seconds")
    for name, length in answered.items():
        await proxied.told("Success", "logs", name, f"--since-time={later}")
        answers = (await proxied.log(name))[length:]
        assert answers.count("Success") > 10
        assert "wget:" not in answers


def starting_late(given: Values, folder: Path) -> Values:
    """The same values for a daemon whose Python sleeps for 12 seconds before it does anything."""
    (folder / "sitecustomize.py").write_text("import time\n\ntime.sleep(12)\n")
    volume = {"name": "late", "hostPath": {"path": str(folder)}}
    mount = {"name": "late", "mountPath": "/late", "readOnly": True}
    return {
        **given,
        "extraEnv": [*given.get("extraEnv", ()), {"name": "PYTHONPATH", "value": "/late"}],
        "extraVolumes": [*given["extraVolumes"], volume],
        "extraVolumeMounts": [*given["extraVolumeMounts"], mount],
    }


def session_of(stage: Stage, role: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{stage.namespace}.default"


async def given_back(stage: Stage, address: str) -> None:
    """Wait until the network has an address back, and will give it to the next pod."""
    node = stage.site.nodes[0]
    await until(lambda: not stage.site.holds(node, address), pause=0.005)
    stage.site.next_address(node, address)
