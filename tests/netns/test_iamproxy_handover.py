"""Two daemons of one node: the redirect goes from one to the other, and no pod notices."""

import json
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from addons.iamproxy.net.listeners import LISTENERS, Listener, is_in_use
from addons.iamproxy.net.table import INTERCEPT, TABLE
from addons.sim.imds import Imds
from addons.sim.net import METADATA, Pod
from tests.support.iamproxy_cluster import Cluster, cluster, session_of
from tests.support.processes import running
from tests.support.until import until
from tests.support.vpc import REFUSED

FIRST, SECOND = LISTENERS

BOTO3 = """
import json, select, sys
from botocore.credentials import InstanceMetadataProvider
from botocore.utils import InstanceMetadataFetcher
asked = failed = 0
while not select.select([sys.stdin], [], [], 0.1)[0]:
    found = InstanceMetadataProvider(iam_role_fetcher=InstanceMetadataFetcher()).load()
    asked, failed = asked + 1, failed + (found is None)
print(json.dumps([asked, failed]))
"""
"""Fresh clients, one after the other, with default settings: none has anything to fall back on."""

CONNECTIONS = """
import json, select, socket, sys
asked, failed = 0, []
while not select.select([sys.stdin], [], [], 0.025)[0]:
    asked += 1
    try:
        with socket.create_connection(("169.254.169.254", 80), timeout=5) as made:
            made.sendall(b"GET /latest/meta-data/placement/region HTTP/1.0\\r\\n\\r\\n")
            answer = b"".join(iter(lambda: made.recv(4096), b""))
    except OSError as error:
        answer = repr(error).encode()
    if b" 200 OK" not in answer:
        failed.append(answer.decode())
print(json.dumps([asked, failed]))
"""

LONG_LIVED = """
import boto3, json, select, sys
sts = boto3.Session(region_name="eu-central-1").client("sts", endpoint_url=sys.argv[1])
asked = 0
while not select.select([sys.stdin], [], [], 0.05)[0]:
    sts.get_caller_identity()
    asked += 1
print(json.dumps(asked))
"""
"""A client that keeps its credentials; the first call that fails ends it."""


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with cluster(tmp_path) as made:
        yield made


@asynccontextmanager
async def program(pod: Pod, code: str, *arguments: str) -> AsyncIterator[Process]:
    """A program in a pod, with an empty environment, that goes on until it reads something."""
    command = pod.inside.command("env", "-i", sys.executable, "-c", code, *arguments)
    async with running(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


def leads_to(node: Cluster, listener: Listener) -> bool:
    found = node.network.nft("list", "table", "inet", TABLE)
    return f"dnat ip to {listener[0]}:8181" in found and INTERCEPT in found


def listens(node: Cluster, listener: Listener) -> bool:
    """Whether a daemon listens there."""
    return node.network.fabric.node.call(lambda: is_in_use(listener, 8181))


async def end(process: Process) -> None:
    process.terminate()
    assert await process.wait() == 0


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "is_hasty", [False, True], ids=["when the next is ready", "as soon as the next is there"]
)
async def test_no_client_fails_while_daemons_replace_each_other(node: Cluster, is_hasty: bool) -> None:
    reader, writer = node.start_pod("reader", "reader"), node.start_pod("writer", "writer")
    diallers = [node.start_pod(f"dialler-{number}", "") for number in range(4)]
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(node.daemon.running())
        programs = [(reader, BOTO3), (writer, BOTO3), *((dialler, CONNECTIONS) for dialler in diallers)]
        clients = [await stack.enter_async_context(program(*each)) for each in programs]
        for listener in (SECOND, FIRST, SECOND):
            new = await stack.enter_async_context(node.daemon.starting())
            await until(partial(listens if is_hasty else leads_to, node, listener))
            await end(old)
            assert leads_to(node, listener)
            old = new
        outputs = [(await client.communicate(b"\n"))[0] for client in clients]
    for output in outputs:
        asked, failed = json.loads(output)
        assert asked > 20
        assert not failed


async def test_a_client_that_has_credentials_does_not_notice_a_crash(node: Cluster) -> None:
    reader = node.start_pod("reader", "reader")
    sts = node.world.aws.sts
    async with node.daemon.running() as daemon, program(reader, LONG_LIVED, node.world.aws.url) as client:
        await until(lambda: sts.calls["GetCallerIdentity"] > 5)
        daemon.kill()
        await daemon.wait()
        assert await node.network.ask(reader.inside) == REFUSED
        before = sts.calls["GetCallerIdentity"]
        await until(lambda: sts.calls["GetCallerIdentity"] > before + 5)
        async with node.daemon.running():
            asked = json.loads((await client.communicate(b"\n"))[0])
    assert client.returncode == 0
    assert asked > 10


async def test_a_successor_that_dies_gives_the_redirect_back(node: Cluster) -> None:
    made = node.start_pod("reader", "reader")
    async with node.daemon.running():
        async with node.daemon.starting():
            await until(lambda: leads_to(node, SECOND))
        await until(lambda: leads_to(node, FIRST))
        assert (await node.credentials(made.inside))["arn"] == session_of("reader")


async def test_a_successor_that_is_stopped_hands_back(node: Cluster) -> None:
    made = node.start_pod("reader", "reader")
    async with node.daemon.running(), node.daemon.starting() as younger:
        await until(lambda: leads_to(node, SECOND))
        async with program(made, CONNECTIONS) as client:
            await end(younger)
            assert leads_to(node, FIRST)
            asked, failed = json.loads((await client.communicate(b"\n"))[0])
        assert asked > 20
        assert not failed


async def test_a_successor_that_knows_nothing_takes_nothing(node: Cluster) -> None:
    made = node.start_pod("reader", "reader")
    nowhere = node.world.folder / "nowhere"
    nowhere.write_text(node.world.kubeconfig.read_text().replace(":6443", ":1"))
    async with node.daemon.running() as older, node.daemon.starting(f"--kubeconfig={nowhere}") as younger:
        await until(lambda: listens(node, SECOND))
        assert (await node.credentials(made.inside))["arn"] == session_of("reader")
        assert leads_to(node, FIRST)
        older.terminate()
        assert (await node.credentials(made.inside))["arn"] == session_of("reader"), "it goes on meanwhile"
        assert younger.returncode is None


async def test_a_successor_without_credentials_of_its_own_takes_nothing_until_it_has_some(
    node: Cluster,
) -> None:
    made = node.start_pod("reader", "reader")
    imds = node.network.imds
    async with node.daemon.running():
        await imds.stop()
        async with node.daemon.starting():
            await until(lambda: "no AWS credentials" in node.daemon.log())
            await until(lambda: node.daemon.log().count("(CredentialsFailed)") > 2)
            assert leads_to(node, FIRST)
            assert (await node.credentials(made.inside))["arn"] == session_of("reader")
            await imds.start(node.network.fabric.ec2.listener(METADATA, 80))
            await until(lambda: leads_to(node, SECOND), seconds=60)
            assert (await node.credentials(made.inside))["arn"] == session_of("reader")


async def test_a_successor_has_read_what_pods_may_see_of_the_node_before_it_takes_over(
    node: Cluster,
) -> None:
    """Else the first pods would wait for that too, and SDKs that look for their region find none."""
    made = node.start_pod("stranger", "")
    imds = node.network.imds
    async with node.daemon.running():
        imds.requests.clear()
        async with node.daemon.starting():
            await until(lambda: leads_to(node, SECOND))
            assert {"placement/region", "placement/availability-zone"} <= read_keys(imds)
            await imds.stop()
            answer = await node.network.ask(made.inside, path="/latest/meta-data/placement/region")
            assert answer.endswith("\r\n\r\neu-central-1")


def read_keys(imds: Imds) -> set[str]:
    """The keys of the node's metadata that were read."""
    return {request.target.partition("/meta-data/")[2] for request in imds.requests}


async def test_a_successor_that_sts_gives_nothing_takes_nothing_until_it_does(node: Cluster) -> None:
    made = node.start_pod("reader", "reader")
    faults = node.world.aws.faults
    async with node.daemon.running():
        faults.add(operation="AssumeRole", code="ServiceUnavailable", status=503, times=None)
        async with node.daemon.starting():
            await until(lambda: node.daemon.log().count("(CredentialsFailed)") > 2)
            assert leads_to(node, FIRST)
            assert (await node.credentials(made.inside))["arn"] == session_of("reader")
            faults.clear()
            await until(lambda: leads_to(node, SECOND), seconds=60)
            assert (await node.credentials(made.inside))["arn"] == session_of("reader")


async def test_the_rules_are_those_of_the_successor(node: Cluster) -> None:
    async with node.daemon.running(), node.daemon.starting("--admin-networks=10.77.0.0/24"):
        await until(lambda: "10.77.0.0/24" in node.network.nft("list", "table", "inet", TABLE))
        node.network.nft("flush", "ruleset")
        await until(lambda: "10.77.0.0/24" in node.network.nft("list", "ruleset") and leads_to(node, SECOND))


async def test_somebody_else_s_port_is_named(node: Cluster) -> None:
    made = node.start_pod("reader", "reader")
    with node.network.fabric.node.listener("0.0.0.0", 8181):
        async with node.daemon.starting() as daemon:
            await until(lambda: "others listen on 169.254.170.10:8181" in node.daemon.log())
            assert daemon.returncode is None
            assert not node.network.sees_the_node(await node.network.ask(made.inside, patience=1.0))


async def test_with_a_port_of_its_own_pods_are_served_beside_the_original(node: Cluster) -> None:
    """As docs/migrating-from-kube2iam.md has it: the original listens on port 8181 of every address."""
    made = node.start_pod("reader", "reader")
    with node.network.fabric.node.listener("0.0.0.0", 8181):
        async with node.daemon.running("--app-port=8183"):
            assert (await node.credentials(made.inside))["arn"] == session_of("reader")


async def test_bad_settings_leave_the_way_closed(node: Cluster) -> None:
    """On a new node too: what is broken gives pods nothing, and never the node's credentials."""
    made = node.start_pod("reader", "reader")
    assert node.network.sees_the_node(await node.network.ask(made.inside)), "the control"
    async with node.daemon.starting(f"--policy-file={node.world.folder}/none.yaml") as daemon:
        assert await daemon.wait() == 2
    assert await node.network.ask(made.inside) == REFUSED
