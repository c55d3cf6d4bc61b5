"""cni as users have it: daemons as processes on nodes of a simulated VPC, and runtimes that call plugins."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from addons.sim.aws.server import AwsEndpoint
from addons.sim.fabric.router import SERVICES
from addons.sim.fabric.world import VpcWorld, WorldNode
from addons.sim.kubeapi.server import KubeApi
from addons.sim.kubeapi.status import StatusError
from addons.sim.net import Namespace
from tests.support.cni_exec import PluginExecutor
from tests.support.cni_runner import Network
from tests.support.cni_sandbox import Sandbox, pod_network
from tests.support.cni_socket import released
from tests.support.processes import running
from tests.support.service_account import IN_A_POD, variables, write_files
from tests.support.until import until

PORT = 61678
_LOG_SHOWN = 20_000


@dataclass
class CniNode:
    """A node with its folders, its runtime, and the daemon's process while there is one."""

    world: "CniWorld"
    at: WorldNode
    name: str
    folder: Path
    plugins: Path
    configurations: Path
    executor: PluginExecutor
    kubeconfig: Path | None = None
    process: asyncio.subprocess.Process | None = None
    below: tuple[str, ...] = ()
    """A program that the daemon is started by, in the node's network."""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def inside(self) -> Namespace:
        """The node's network."""
        return self.at.inside

    @property
    def conflist(self) -> Path:
        """What tells the runtime that pods can start."""
        return self.configurations / "10-aws.conflist"

    @property
    def socket(self) -> Path:
        """Where the daemon is asked."""
        return self.folder / "cni.sock"

    @asynccontextmanager
    async def daemon(
        self, *flags: str, in_a_pod: bool = False, **environment: str
    ) -> AsyncIterator["CniNode"]:
        """Run the daemon, from its first moment on; `in_a_pod`: with the files of a ServiceAccount."""
        if in_a_pod:
            start: tuple[str, ...] = ("-c", IN_A_POD, str(self.world.folder), "addons.cni")
            environment |= variables(self.world.kube)
        else:
            start = (
                "-m",
                "addons.cni",
                f"--kubeconfig={self.kubeconfig or self.world.folder / 'kubeconfig'}",
            )
        command = (*self.inside.command(*self.below, sys.executable, *start), *self._settings(), *flags)
        env = {**os.environ, **self.world.credentials, **self.environment, **environment}
        log = (self.folder / "log").open("ab")
        async with running(*command, env=env, stderr=log, stdout=log) as self.process:
            try:
                yield self
            finally:
                self.process = None
                log.close()

    @asynccontextmanager
    async def ready(
        self, *flags: str, in_a_pod: bool = False, **environment: str
    ) -> AsyncIterator["CniNode"]:
        """Run the daemon, once pods can start."""
        async with self.daemon(*flags, in_a_pod=in_a_pod, **environment):
            await self.await_ready()
            yield self

    def install(self, *flags: str) -> None:
        """Put the plugin, compiled with flags, where the runtime looks for it, as the init container does."""
        self.plugins.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(released(*flags), self.plugins / "aws-addons-cni")

    async def await_ready(self) -> None:
        """Wait until pods can start."""
        await until(
            lambda: self.conflist.exists() and self.socket.exists(), "the node is ready", unless=self._ended
        )
        await until(self._is_ready, "the daemon is ready", unless=self._ended)

    @property
    def network(self) -> Network:
        """The runtime's view of the network, by the configuration that is there now."""
        return Network(
            json.loads(self.conflist.read_text()),
            self.executor,
            folders=[self.plugins],
            cache=self.folder / "results",
        )

    async def get(self, path: str) -> Any:
        """Ask the daemon's page."""
        return json.loads(await self._ask(("127.0.0.1", PORT), path))

    async def metrics(self) -> str:
        """What Prometheus scrapes."""
        return await self._ask(("127.0.0.1", PORT), "/metrics")

    async def ask(self, path: str) -> Any:
        """Ask the daemon's socket."""
        return json.loads(await self._ask(str(self.socket), path))

    async def assigned(self) -> dict[str, str]:
        """The address of each container."""
        return {row["containerId"]: row["ip"] for row in await self.ask("/v1/assignments")}

    def log(self) -> str:
        """What the daemons have written so far."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    async def _is_ready(self) -> bool:
        try:
            return b"ok" in (await self._ask(("127.0.0.1", PORT), "/readyz")).encode()
        except (OSError, ValueError):
            return False

    async def _ask(self, where: Any, path: str) -> str:
        reader, writer = await self._connect(where)
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            if b" 200 " not in head.partition(b"\r\n")[0]:
                raise ValueError((head + body).decode())
            return body.decode()
        finally:
            writer.close()

    async def _connect(self, where: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(where, str):
            return await asyncio.open_unix_connection(where)
        asking = self.inside.open_socket()
        asking.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(asking, where)
        except OSError:
            asking.close()
            raise
        return await asyncio.open_connection(sock=asking)

    def _settings(self) -> tuple[str, ...]:
        place = self.folder
        return (
            f"--node={self.name}",
            f"--aws-endpoint-url={self.world.vpc.url}",
            f"--listen=127.0.0.1:{PORT}",
            f"--socket={self.socket}",
            f"--state-dir={place / 'state'}",
            f"--backing-store={place / 'ipam.json'}",
            f"--cni-bin-dir={self.plugins}",
            f"--cni-conf-dir={self.configurations}",
            "--chained-plugins=none",
            "--cluster-name=test",
            "--log-format=text",
        )

    def _ended(self) -> str:
        process = self.process
        return f"it ended: {self.log()[-3000:]}" if process and process.returncode is not None else ""


class CniWorld:
    """A VPC with an API server that its nodes reach."""

    def __init__(self, vpc: VpcWorld, kube: KubeApi, folder: Path, stack: AsyncExitStack) -> None:
        self.vpc, self.kube, self.folder = vpc, kube, folder
        self._stack = stack
        self.nodes: list[CniNode] = []
        self.credentials = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}

    async def add_node(self, type_: str = "m5.large", **more: Any) -> CniNode:
        """Launch an instance, and make it a node of Kubernetes."""
        at = await self.vpc.add_node(type_, **more)
        name = f"node{len(self.nodes) + 1}"
        folder = self.folder / name
        executor = self._stack.enter_context(PluginExecutor(at.inside))
        node = CniNode(self, at, name, folder, folder / "bin", folder / "net.d", executor)
        node.install()
        self.nodes.append(node)
        self.put_node(name)
        return node

    def put_node(self, name: str, **spec: Any) -> None:
        """Have Kubernetes have a node."""
        labels = {"topology.kubernetes.io/zone": "eu-central-1a", "kubernetes.io/hostname": name}
        self.kube.store.create(
            "v1",
            "nodes",
            {
                "metadata": {"name": name, "labels": labels},
                "spec": spec,
                "status": {"capacity": {"pods": "110"}, "allocatable": {"pods": "110"}},
            },
        )

    @contextmanager
    def pod(
        self, node: CniNode, name: str = "web", *, spec: Mapping[str, Any] | None = None, **more: Any
    ) -> Iterator[Sandbox]:
        """A pod that is bound to a node, with its sandbox."""
        uid = self.put_pod(node, name, **(spec or {}))
        try:
            with pod_network(name, uid=uid, **more) as sandbox:
                yield sandbox
        finally:
            self.delete_pod(name)

    def put_pod(self, node: CniNode, name: str, **spec: Any) -> str:
        """Have Kubernetes have a pod that is bound to a node; its uid."""
        body = {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"nodeName": node.name, "containers": [{"name": "a", "image": "a"}], **spec},
        }
        made = self.kube.store.create("v1", "pods", body)
        return str(made["metadata"]["uid"])

    def delete_pod(self, name: str) -> None:
        """Have Kubernetes have it no more."""
        with suppress(StatusError):
            self.kube.store.delete("v1", "pods", "default", name)


@asynccontextmanager
async def cni_world(subnet: str = "10.0.1.0/24") -> AsyncIterator[CniWorld]:
    """The world of a test. Needs root."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="cni-", dir="/run")))
        aws = await stack.enter_async_context(AwsEndpoint())
        vpc = await stack.enter_async_context(VpcWorld(aws, subnet=subnet))
        kube = KubeApi(tls=True)
        await kube.start(str(SERVICES), listener=vpc.fabric.router.inside.listener(str(SERVICES), 0))
        stack.push_async_callback(kube.stop)
        (folder / "kubeconfig").write_text(kube.kubeconfig())
        write_files(folder, kube)
        world = CniWorld(vpc, kube, folder, stack)
        try:
            yield world
        except BaseException:
            for node in world.nodes:
                print(f"--- {node.name}\n{node.log()[-_LOG_SHOWN:]}")
            raise
