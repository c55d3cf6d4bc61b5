"""The daemon as a process on a node, and pods with real boto3 that know nothing: an empty environment."""

import json
import signal
from collections.abc import Awaitable, Callable
from itertools import product

from addons.sim.net import METADATA, METADATA_V6, NODE, Namespace
from tests.support.iamproxy_cluster import Cluster, session_of
from tests.support.iamproxy_world import BASE, pod
from tests.support.processes import Ended, run
from tests.support.until import until
from tests.support.vpc import OTHER_PORT, REFUSED, SILENCE

FOLDERS = (
    "meta-data/iam/security-credentials/",
    "meta-data/iam/security-credentials-extended/",
    "meta-data/iam/security-credentials/canary-node-role",
    "meta-data/iam/security-credentials-extended/canary-node-role",
    "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
    "meta-data/iam/info",
    "dynamic/instance-identity/document",
    "dynamic/instance-identity/signature",
    "user-data",
)
SPELLINGS = (
    "/latest/{}",
    "/1.0/{}",
    "/2009-04-04/{}",
    "/2024-04-11/{}",
    "//latest/{}",
    "/latest//{}",
    "/latest/x/../{}",
    "/latest/./{}",
    "/latest%2F{}",
    "/LATEST/{}",
    "/latest/{}?x=y",
    "/latest/{}%0a",
    "http://169.254.169.254/latest/{}",
)
METHODS = ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH")


async def test_every_pod_has_its_own_role_and_the_node_keeps_its_own(cluster: Cluster) -> None:
    reader, writer = cluster.start_pod("reader", "reader"), cluster.start_pod("writer", "writer")
    stranger = cluster.network.fabric.add_pod("prod/stranger")
    async with cluster.daemon.running():
        for made, role in ((reader, "reader"), (writer, "writer"), (reader, "reader")):
            found = await cluster.credentials(made.inside)
            assert (found["method"], found["arn"]) == ("iam-role", session_of(role))
        assert (await cluster.credentials(stranger.inside))["method"] is None
        own = await cluster.credentials(cluster.network.fabric.node)
        assert own["key"] == cluster.network.imds.instance.credentials.access_key_id
    assert cluster.world.aws.sts.calls["AssumeRole"] == 2


async def test_without_a_region_it_asks_the_sts_of_the_nodes_own(cluster: Cluster) -> None:
    made = cluster.start_pod("reader", "reader")
    async with cluster.daemon.running("--aws-region=", "--metadata-allow="):
        assert (await cluster.credentials(made.inside))["arn"] == session_of("reader")
    asked = [each.peer for each in cluster.network.imds.requests if each.target.endswith("placement/region")]
    assert asked == [NODE]


async def test_a_region_and_credentials_that_are_not_there_at_the_start_are_waited_for(
    cluster: Cluster,
) -> None:
    made = cluster.start_pod("reader", "reader")
    node, imds = cluster.network.fabric.node, cluster.network.imds
    await imds.stop()

    async def ready() -> str:
        return await cluster.network.ask(node, NODE, 8182, path="/readyz")

    async with cluster.daemon.starting("--aws-region=", "--base-role-arn=", "--auto-discover-base-arn"):
        await until(lambda: "no AWS region: --aws-region is required" in cluster.daemon.log())
        answer = await until_answered(ready)
        assert " 503 " in answer
        assert "no AWS region" in answer
        roles = "/latest/meta-data/iam/security-credentials/"
        assert " 503 " in await cluster.network.ask(made.inside, path=roles)
        await imds.start(cluster.network.fabric.ec2.listener(METADATA, 80))
        await until(cluster.daemon.is_ready, seconds=60)
        assert (await cluster.credentials(made.inside))["arn"] == session_of("reader")
    assert "AWS region: eu-central-1" in cluster.daemon.log()


async def until_answered(ask: Callable[[], Awaitable[str]]) -> str:
    """The first answer that is none of the kernel's."""

    async def answer() -> str:
        found = await ask()
        return found if found not in (REFUSED, SILENCE) else ""

    return str(await until(answer))


async def test_a_role_that_its_namespace_forbids_is_refused_with_the_reason(cluster: Cluster) -> None:
    cluster.world.namespace("guarded", "reader")
    made = cluster.network.fabric.add_pod("guarded/app")
    cluster.world.create(pod("app", made.address, role="writer", namespace="guarded"))
    async with cluster.daemon.running():
        answer = await cluster.network.ask(made.inside, path="/latest/meta-data/iam/security-credentials/")
        assert " 403 " in answer
        assert "writer" in answer
        assert (await cluster.credentials(made.inside))["method"] is None
    assert cluster.world.aws.sts.calls["AssumeRole"] == 0


async def test_no_path_leads_to_anything_of_the_node(cluster: Cluster) -> None:
    """Every route in every spelling, by both addresses; the control is that the node's service answers."""
    made = cluster.start_pod("reader", "reader")
    paths = [spelling.format(folder) for spelling, folder in product(SPELLINGS, FOLDERS)]
    seen = [await cluster.network.ask(made.inside, path=path) for path in paths]
    assert sum(map(cluster.network.sees_the_node, seen)) > len(paths) / 2, "the control"
    async with cluster.daemon.running():
        cluster.network.imds.requests.clear()
        for path, address in product(paths, (METADATA, METADATA_V6)):
            answer = await cluster.network.ask(made.inside, address, path=path)
            assert answer.startswith("HTTP/1.1 ")
            assert not cluster.network.sees_the_node(answer, asked=path), path
        for method, folder in product(METHODS, FOLDERS):
            answer = await cluster.network.ask(made.inside, path=f"/latest/{folder}", method=method)
            assert answer.startswith("HTTP/1.1 ")
            assert not cluster.network.sees_the_node(answer, asked=folder), (method, folder)
        assert await cluster.network.hears_nothing(made.inside, METADATA, OTHER_PORT)
    assert {request.peer for request in cluster.network.imds.requests} <= {NODE}


async def test_a_killed_daemon_exposes_nothing_and_its_successor_serves_again(cluster: Cluster) -> None:
    made = cluster.start_pod("reader", "reader")
    for _ in range(2):
        async with cluster.daemon.running() as process:
            assert (await cluster.credentials(made.inside))["arn"] == session_of("reader")
            process.send_signal(signal.SIGKILL)
            await process.wait()
        for address in (METADATA, METADATA_V6):
            assert await cluster.network.ask(made.inside, address) == REFUSED
        assert (await cluster.credentials(made.inside))["method"] is None
    await cluster.daemon.cleanup()
    assert cluster.network.nft("list", "ruleset") == ""


async def test_pods_that_it_cannot_stop_are_named_where_there_are_any(cluster: Cluster) -> None:
    """Whether the kernel tells pods of the host's network apart depends on the machine; both are said."""
    agent = pod("agent", NODE)
    agent["spec"]["hostNetwork"] = True
    cluster.world.create(agent)
    async with cluster.daemon.running():
        answer = await cluster.network.ask(cluster.network.fabric.node, NODE, 8182, path="/api/state")
        told = json.loads(answer[answer.index("{") :])["notStoppedByTheRedirect"]
    if "reach the node's metadata" in cluster.daemon.log():
        assert told["pods"] == ["prod/agent"]
    else:
        assert told == {}


async def test_a_pod_can_ask_by_our_own_command_whether_all_is_as_it_should_be(cluster: Cluster) -> None:
    reader, stranger = cluster.start_pod("reader", "reader"), cluster.start_pod("stranger", "")

    async def ask(inside: Namespace, *flags: str) -> Ended:
        return await run(*inside.command(*cluster.daemon.program, "ask", *flags))

    exposed = await ask(stranger.inside, "--no-role")
    assert (exposed.code, exposed.err) == (3, "expected: no role, told by iamproxy (NoRole)\n")
    assert exposed.out.startswith("the role canary-node-role, with the key ASIA"), "the control"
    async with cluster.daemon.running():
        for flags in ((), ("--role=reader",), (f"--role={BASE}reader",)):
            found = await ask(reader.inside, *flags)
            assert (found.code, found.err) == (0, "")
            assert found.out.startswith("the role reader, with the key ASIA")
        assert (await ask(reader.inside, "--role=ader")).err == "expected: the role ader\n"
        assert (await ask(reader.inside, "--no-role")).code == 3
        none = await ask(stranger.inside, "--no-role")
        told = "the pod has no annotation iam.amazonaws.com/role (NoRole)\n"
        assert none == Ended(0, told, "")
        assert await ask(stranger.inside) == Ended(3, told, "expected: a role\n")


async def test_an_address_that_is_used_again_stands_for_its_new_pod(cluster: Cluster) -> None:
    async with cluster.daemon.running():
        for number, role in enumerate(("reader", "writer", "reader")):
            made = cluster.start_pod(f"app-{number}", role, address="10.77.1.77")
            assert (await cluster.credentials(made.inside))["arn"] == session_of(role)
            cluster.world.api.store.delete("v1", "pods", "prod", f"app-{number}")
            cluster.network.fabric.remove_pod(f"prod/app-{number}")
