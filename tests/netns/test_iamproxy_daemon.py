"""The daemon as a process on a node, and pods with real boto3 that know nothing: an empty environment."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from pathlib import Path

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.imds import Imds, Instance, NodeCredentials
from addons.sim.kubeapi.server import KubeApi
from addons.sim.net import EC2, METADATA, METADATA_V6, NODE, Namespace, Pod
from tests.support.iamproxy_world import BASE, World, pod
from tests.support.vpc import OTHER_PORT, REFUSED, Vpc, vpc

CREDENTIALS = """
import json, sys, boto3
session = boto3.Session(region_name="eu-central-1")
found = session.get_credentials()
sts = session.client("sts", endpoint_url=sys.argv[1]) if found else None
arn = sts.get_caller_identity()["Arn"] if sts else ""
print(json.dumps({"method": found and found.method, "key": found and found.access_key, "arn": arn}))
"""
FOLDERS = (
    "meta-data/iam/security-credentials/",
    "meta-data/iam/security-credentials-extended/",
    "meta-data/iam/security-credentials/canary-node-role",
    "meta-data/iam/security-credentials-extended/canary-node-role",
    "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
    "meta-data/iam/info",
    "dynamic/instance-identity/signature",
    "user-data",
)
SPELLINGS = (
    "/latest/{}",
    "/2009-04-04/{}",
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


class Daemon:
    """`addons iamproxy` in the node's network, with the node's credentials and no others."""

    def __init__(self, network: Vpc, world: World) -> None:
        self._command = network.fabric.node.command(
            *(sys.executable, "-m", "addons.iamproxy"),
        )
        self._flags = (
            *("--node=node-1", f"--base-role-arn={BASE}", "--aws-region=eu-central-1"),
            *(f"--kubeconfig={world.kubeconfig}", f"--aws-endpoint-url={world.aws.url}"),
            f"--cni-socket={world.folder}/cni.sock",
        )
        self._environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
        self._network = network
        self._log = world.folder / "iamproxy.log"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        with self._log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *self._command, *self._flags, env=self._environment, stdout=output, stderr=output
            )
        try:
            await self._until_ready(process)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def cleanup(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *self._command, "cleanup", *self._flags, env=self._environment
        )
        assert await process.wait() == 0

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(30):
            while " 200 " not in await self._network.ask(
                self._network.fabric.node, NODE, 8182, path="/readyz"
            ):
                assert process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.05)


class Cluster:
    """The network, the API server and STS in it, and the daemon."""

    def __init__(self, network: Vpc, world: World) -> None:
        self.network = network
        self.world = world
        self.daemon = Daemon(network, world)

    def start_pod(self, name: str, role: str, *, address: str = "") -> Pod:
        """Wire a pod and tell Kubernetes of it."""
        made = self.network.fabric.add_pod(f"prod/{name}", address=address)
        described = pod(name, made.address, role=role)
        if made.address_v6:
            described["status"]["podIPs"].append({"ip": made.address_v6})
        self.world.create(described)
        return made

    async def credentials(self, inside: Namespace) -> dict[str, str | None]:
        """What boto3 finds in a pod: how, which key, and who it then is for STS."""
        command = ["env", "-i", sys.executable, "-c", CREDENTIALS, self.world.aws.url]
        process = await asyncio.create_subprocess_exec(*inside.command(*command), stdout=subprocess.PIPE)
        output, _ = await process.communicate()
        found: dict[str, str | None] = json.loads(output)
        return found


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        aws, api = AwsEndpoint(), KubeApi()
        session = aws.sts.open_session(aws.sts.create_role("canary-node-role"), "i-0123456789abcdef0")
        keys = NodeCredentials(session.access_key_id, session.secret_access_key, session.token)
        network = await stack.enter_async_context(vpc(Imds(Instance(credentials=keys))))
        await aws.start(listener=network.fabric.ec2.listener(EC2, 4566))
        stack.push_async_callback(aws.stop)
        await api.start(listener=network.fabric.ec2.listener(EC2, 6443))
        stack.push_async_callback(api.stop)
        aws.sts.create_role("reader")
        aws.sts.create_role("writer")
        yield Cluster(network, World(api, aws, tmp_path))


def session_of(role: str) -> str:
    return f"arn:aws:sts::123456789012:assumed-role/{role}/prod.runner"


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


@pytest.mark.timeout(120)
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


async def test_an_address_that_is_used_again_stands_for_its_new_pod(cluster: Cluster) -> None:
    async with cluster.daemon.running():
        for number, role in enumerate(("reader", "writer", "reader")):
            made = cluster.start_pod(f"app-{number}", role, address="10.77.1.77")
            assert (await cluster.credentials(made.inside))["arn"] == session_of(role)
            cluster.world.api.store.delete("v1", "pods", "prod", f"app-{number}")
            cluster.network.fabric.remove_pod(f"prod/app-{number}")
