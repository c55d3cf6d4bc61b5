"""A node with iamproxy as a process on it, pods in namespaces of their own, and programs in them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from addons.sim.aws.server import AwsEndpoint
from addons.sim.imds import Imds, Instance, NodeCredentials
from addons.sim.kubeapi.server import KubeApi
from addons.sim.net import EC2, NODE, Namespace, Pod
from tests.support.iamproxy_world import BASE, World, pod
from tests.support.processes import run, running
from tests.support.until import until
from tests.support.vpc import Vpc, vpc

CREDENTIALS = """
import json, sys, boto3
session = boto3.Session(region_name="eu-central-1")
found = session.get_credentials()
sts = session.client("sts", endpoint_url=sys.argv[1]) if found else None
arn = sts.get_caller_identity()["Arn"] if sts else ""
print(json.dumps({"method": found and found.method, "key": found and found.access_key, "arn": arn}))
"""


class Daemon:
    """`addons iamproxy` in the node's network, with the node's credentials and no others."""

    def __init__(self, network: Vpc, world: World) -> None:
        self.program = (sys.executable, "-m", "addons.iamproxy")
        self._command = network.fabric.node.command(*self.program)
        self._flags = (
            *("--node=node-1", f"--base-role-arn={BASE}", "--aws-region=eu-central-1"),
            *(f"--kubeconfig={world.kubeconfig}", f"--aws-endpoint-url={world.aws.url}"),
            *(f"--cni-socket={world.folder}/cni.sock", f"--token-key-file={world.folder}/token.key"),
        )
        self._environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
        self._network = network
        self._log = world.folder / "iamproxy.log"

    @asynccontextmanager
    async def running(self, *flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run it with more flags; it is ready, and killed in the end unless it has ended."""
        async with self.starting(*flags) as process:
            await self._until_ready(process)
            yield process

    @asynccontextmanager
    async def starting(self, *flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run it, from its first moment on."""
        command = (*self._command, *self._flags, *flags)
        with self._log.open("ab") as output:
            async with running(*command, env=self._environment, stdout=output, stderr=output) as process:
                yield process

    def log(self) -> str:
        """What the daemons of this node have written so far."""
        return self._log.read_text()

    async def cleanup(self) -> None:
        """Take the redirect away."""
        ended = await run(*self._command, "cleanup", *self._flags, env=self._environment)
        assert ended.code == 0, ended.err

    async def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        answer = await self._network.ask(self._network.fabric.node, NODE, 8182, path="/readyz")
        return " 200 " in answer

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        await until(
            self.is_ready, "ready", unless=lambda: "" if process.returncode is None else self._log.read_text()
        )


class Cluster:
    """The network, the API server and STS in it, and the daemon."""

    def __init__(self, network: Vpc, world: World) -> None:
        self.network = network
        self.world = world
        self.daemon = Daemon(network, world)

    def start_pod(self, name: str, role: str, *, address: str = "", namespace: str = "prod") -> Pod:
        """Wire a pod and tell Kubernetes of it."""
        made = self.network.fabric.add_pod(f"{namespace}/{name}", address=address)
        described = pod(name, made.address, role=role, namespace=namespace)
        if made.address_v6:
            described["status"]["podIPs"].append({"ip": made.address_v6})
        self.world.create(described)
        return made

    async def credentials(self, inside: Namespace) -> dict[str, str | None]:
        """What boto3 finds in a pod: how, which key, and who it then is for STS."""
        command = ["env", "-i", sys.executable, "-c", CREDENTIALS, self.world.aws.url]
        found: dict[str, str | None] = json.loads((await run(*inside.command(*command))).out)
        return found


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Make it, with two roles and without pods; the daemon is not started."""
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
        yield Cluster(network, World(api, aws, folder))


def session_of(role: str) -> str:
    """Who a pod with a role is for STS."""
    return f"arn:aws:sts::123456789012:assumed-role/{role}/prod.runner"
