"""cni as the CNI of two real kubelets: daemons as processes on instances of the simulated EC2.

Each has the rights of the chart: a token of its ServiceAccount that is bound to the node. The subnet has
eleven addresses, two of which are the nodes' own.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any, cast
from urllib.parse import urlsplit

import yaml

from addons.cni.names import NO_POD_IPS, POD_IP
from addons.sim.aws.server import AwsEndpoint
from addons.sim.fabric.world import VpcWorld
from addons.sim.net import Namespace
from tests.support.charts import CHARTS, installed, render, values
from tests.support.cni_exec import PluginExecutor
from tests.support.cni_world import CniNode, CniWorld
from tests.support.fabric_nodes import FabricSite, running_in_fabric
from tests.support.helm import NAMESPACE
from tests.support.kubectl import Kubectl
from tests.support.nodes import Node, hub_name
from tests.support.processes import output_of, run, running
from tests.support.until import until

SUBNET, ADDRESSES = "10.0.1.0/28", 9
ACCOUNT = "aws-cni"
FLAGS = (
    "--listen=:61678",
    "--ip-cooldown-period=1",
    "--idle-release=5s",
    "--audit-interval=4s",
    "--add-timeout=120s",
    "--chained-plugins=portmap",
    f"--lease-name={ACCOUNT}",
    f"--lease-namespace={NAMESPACE}",
)
_WORKLOADS = ("ConfigMap", "DaemonSet", "Deployment", "MutatingWebhookConfiguration")


class CniSite:
    """The cluster, its nodes, and `kubectl` of admin in a namespace for pods."""

    def __init__(self, site: FabricSite, vpc: VpcWorld, folder: Path, stack: AsyncExitStack) -> None:
        self.site, self.vpc, self.folder, self._stack = site, vpc, folder, stack
        self.credentials = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        self.namespace = "pods"
        self.kubectl = Kubectl(
            (str(site.assets / "kubectl"), f"--kubeconfig={site.cluster.kubeconfig}", "--namespace=pods")
        )
        self.nodes: list[CniNode] = []
        self._running: dict[str, AsyncExitStack] = {}

    async def prepare(self, instances: Sequence[Any]) -> None:
        """Make what the chart makes but for workloads, and a token for each node."""
        await self.kubectl.ok("create", "namespace", self.namespace)
        for obj in chart_objects():
            if obj["kind"] not in _WORKLOADS:
                await self.apply(obj)
        for at, node in zip(instances, self.site.nodes, strict=True):
            self.nodes.append(await self._add(at, node))
        await self.kubectl.ok("wait", "--for=create", "serviceaccount/default", "--timeout=30s")

    async def apply(self, obj: dict[str, Any]) -> None:
        """Make an object of the chart."""
        namespace = obj["metadata"].get("namespace", self.namespace)
        await self.kubectl.ok("create", "-f", "-", f"--namespace={namespace}", stdin=obj)

    async def _add(self, at: Any, node: Node) -> CniNode:
        await self.kubectl.ok("wait", "--for=create", f"node/{node.name}", "--timeout=60s")
        bound = ("--bound-object-kind=Node", f"--bound-object-name={node.name}")
        folder = self.folder / f"cni{len(self.nodes)}"
        made = CniNode(
            cast("CniWorld", self),  # of which a node uses what is here as well
            at,
            node.name,
            folder,
            self.site.plugins(node),
            self.site.configurations(node),
            self._stack.enter_context(PluginExecutor(at.inside)),
        )
        made.install()
        made.kubeconfig = await self.kubeconfig_of(ACCOUNT, folder / "kubeconfig", *bound)
        return made

    async def kubeconfig_of(self, account: str, file: Path, *bound: str) -> Path:
        """Write a kubeconfig with a token of a ServiceAccount of the chart."""
        token = await self.kubectl.ok("create", "token", account, f"--namespace={NAMESPACE}", *bound)
        config = yaml.safe_load(self.site.cluster.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": token}
        file.write_text(yaml.safe_dump(config))
        return file

    async def start_daemon(self, node: CniNode, *flags: str) -> None:
        """Start the daemon of a node, and wait until it is ready."""
        stack = self._running[node.name] = AsyncExitStack()
        self._stack.push_async_callback(stack.aclose)
        await stack.enter_async_context(node.ready(*FLAGS, *flags))

    async def kill_daemon(self, node: CniNode) -> None:
        """End the daemon of a node as the kernel would."""
        await self._running.pop(node.name).aclose()

    async def stop_daemon(self, node: CniNode) -> int | None:
        """Ask the daemon of a node to end, as a roll-out does; its exit code."""
        assert node.process
        process = node.process
        process.terminate()
        async with asyncio.timeout(20):
            await process.wait()
        await self._running.pop(node.name).aclose()
        return process.returncode

    @property
    def hub(self) -> tuple[Namespace, str]:
        """The network of the control plane, and its address there."""
        address = urlsplit(self._server).hostname or ""
        return Namespace(hub_name(int(address.split(".")[2]))), address

    @property
    def _server(self) -> str:
        config = yaml.safe_load(self.site.cluster.kubeconfig.read_text())
        return str(config["clusters"][0]["cluster"]["server"])

    @asynccontextmanager
    async def process(
        self, inside: Namespace, *arguments: str, ready: str, log: str, **environment: str
    ) -> AsyncIterator[None]:
        """Run a daemon of ours in a network, once its URL `ready` says that it is."""
        command = inside.command(sys.executable, "-m", "addons", *arguments)
        with (self.folder / log).open("ab") as output:
            env = {**os.environ, **environment}
            async with running(*command, env=env, stdout=output, stderr=output, end_by=SIGTERM):

                async def is_ready() -> bool:
                    return (await run(*inside.command("curl", "-sf", ready))).code == 0

                await until(is_ready, f"{log} is ready")
                yield

    async def create(
        self,
        name: str,
        node: CniNode | None = None,
        *,
        limits: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        namespace: str = "",
        **spec: Any,
    ) -> None:
        """Create a pod; without a node the scheduler is to find one."""
        container: dict[str, Any] = {
            "name": "main",
            "image": "local/busybox:1",
            "imagePullPolicy": "Never",
            "command": ["sleep", "1000"],
        }
        if limits:
            container["resources"] = {"limits": dict(limits)}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "annotations": annotations or {}, "labels": labels or {}},
            "spec": {
                **({"nodeName": node.name} if node else {}),
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 1,
                "containers": [{**container, **spec.pop("container", {})}],
                **spec,
            },
        }
        inside = (f"--namespace={namespace}",) if namespace else ()
        await self.kubectl.ok("create", "-f", "-", *inside, stdin=body)

    async def start_pod(self, name: str, node: CniNode | None = None, **more: Any) -> str:
        """Create a pod and wait until it runs; its address."""
        await self.create(name, node, **more)
        await self.kubectl.ok("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        return await self.address(name)

    async def address(self, name: str) -> str:
        """The address of a pod, as the API server tells it."""
        return await self.kubectl.ok("get", "pod", name, "-o", "jsonpath={.status.podIP}")

    async def fetch(self, name: str, url: str) -> str:
        """What wget in a pod gets."""
        return await self.kubectl.ok("exec", name, "--", "wget", "-q", "-O", "-", url)

    async def pods(self) -> list[dict[str, Any]]:
        """All pods of the namespace."""
        found: list[dict[str, Any]] = (await self.kubectl.json("pods"))["items"]
        return found

    async def events(self, name: str, reason: str) -> str:
        """The messages of Events of a reason on an object."""
        select = f"--field-selector=involvedObject.name={name},reason={reason}"
        return await self.kubectl.ok("get", "events", select, "-o", "jsonpath={.items[*].message}")

    async def condition(self, node: CniNode, type_: str = "Ready") -> dict[str, str]:
        """A condition of a node."""
        conditions: list[dict[str, str]] = (await self.kubectl.json("node", node.name))["status"][
            "conditions"
        ]
        return next(each for each in conditions if each["type"] == type_)

    async def told(self) -> int:
        """How many addresses the nodes tell the scheduler, all together; -1 while one tells nothing."""
        status = [(await self.kubectl.json("node", node.name))["status"] for node in self.nodes]
        found = [each["allocatable"].get(POD_IP) for each in status]
        return -1 if None in found else sum(map(int, found))

    async def tainted(self) -> list[str]:
        """The nodes that keep the scheduler away for want of addresses."""
        nodes = [await self.kubectl.json("node", node.name) for node in self.nodes]
        return [
            node["metadata"]["name"]
            for node in nodes
            if any(taint["key"] == NO_POD_IPS for taint in node["spec"].get("taints", ()))
        ]

    async def await_room(self) -> None:
        """Wait until the scheduler is told of all addresses, and no node keeps it away."""

        async def has_room() -> bool:
            return await self.told() == ADDRESSES and not await self.tainted()

        await until(has_room, "the scheduler is told of all addresses", seconds=60)

    async def network(self, node: CniNode, address: str) -> Namespace:
        """The network of the pod that has an address on a node."""
        home = self.site.cluster.folder / "nodes" / node.name
        for path in home.glob("run/*/netns/*"):
            inside = Namespace(str(path))
            listed = await asyncio.to_thread(output_of, *inside.command("ip", "-json", "address"))
            if address in {
                each["local"] for link in json.loads(listed) for each in link.get("addr_info", ())
            }:
                return inside
        raise LookupError(f"no pod of {node.name} has {address}")

    async def clear(self) -> None:
        """Delete all pods, and wait until their addresses have come back."""
        await self.kubectl.ok("delete", "pods", "--all", "--timeout=60s")

        async def is_empty() -> bool:
            return not [held for node in self.nodes for held in await node.assigned()]

        await until(is_empty, "no pod has an address")


@asynccontextmanager
async def cni_site(folder: Path, assets: Path) -> AsyncIterator[CniSite]:
    """The cluster, whose daemons do not run yet. The path of `folder` is at most 50 characters long."""
    async with AsyncExitStack() as stack:
        aws = await stack.enter_async_context(AwsEndpoint())
        vpc = await stack.enter_async_context(VpcWorld(aws, subnet=SUBNET))
        at = [await vpc.add_node() for _ in range(2)]
        instances = [(each.node, str(each.address)) for each in at]
        site = stack.enter_context(running_in_fabric(folder, assets, vpc.fabric, instances))
        made = CniSite(site, vpc, folder, stack)
        await made.prepare(at)
        yield made


def chart_objects() -> list[dict[str, Any]]:
    """What the chart installs, in its order."""
    return installed(render(values({"config": {"clusterName": "test"}}, chart="cni"), CHARTS / "cni"))
