"""Nodes of a simulated VPC, each with a daemon of cni and a kubelet, and a scheduler for their pods."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from addons.cni.names import CONFLIST
from addons.demo.cluster import NAMESPACE
from addons.demo.daemon import Daemon
from addons.demo.kubelet import Kubelet
from addons.demo.vpc import network_permitted, require_emulator
from addons.demo.world import World
from addons.sim.cluster.scheduler import Scheduler
from addons.sim.fabric.vpc import SERVICES
from addons.sim.fabric.world import VpcWorld, WorldNode
from addons.sim.kubeapi.store import Store

SUBNET = "10.0.1.0/28"
NAMES = ("node-2", "node-3")
"""Beside the node of iamproxy's story, which is played at the same time."""
PORT = 61678
_ZONE = "eu-central-1a"
"""Of these nodes alone: the subnet is shared among the nodes of a zone."""


@dataclass(frozen=True)
class Node:
    """A node: its instance, its daemon, and its kubelet."""

    name: str
    at: WorldNode
    daemon: Daemon
    kubelet: Kubelet


@dataclass(frozen=True)
class Nodes:
    """All nodes, the VPC that they are in, and what Kubernetes has."""

    vpc: VpcWorld
    nodes: tuple[Node, ...]
    store: Store

    def subnet_left(self) -> int:
        """How many addresses of the subnet nobody has."""
        return int(self.vpc.ec2.account.spaces[self.vpc.subnet.id].free)


@asynccontextmanager
async def nodes(world: World, flags: Sequence[str]) -> AsyncIterator[Nodes]:
    """Launch two instances in a subnet of eleven addresses, and make them nodes. No daemon runs yet.

    Raises LeftOut where that is not possible.
    """
    api = require_emulator(world)
    async with AsyncExitStack() as stack:
        vpc = VpcWorld(world.aws, subnet=SUBNET)
        with network_permitted():
            await stack.enter_async_context(vpc)
        kubeconfig = world.folder / "kubeconfig-of-cni"
        url = await api.listen(vpc.fabric.router.inside.listener(str(SERVICES), 0))
        kubeconfig.write_text(api.kubeconfig(url=url))
        made = []
        for name in NAMES:
            _put_node(api.store, name)
            at = await vpc.add_node()
            folder = world.folder / name
            daemon = _daemon(world, at, name, (*_flags(name, folder, kubeconfig, vpc), *flags))
            stack.push_async_callback(daemon.stop)
            conflist = folder / "net.d" / CONFLIST
            kubelet = Kubelet(api.store, node=name, namespace=NAMESPACE, conflist=conflist)
            await stack.enter_async_context(_beside(kubelet.run()))
            made.append(Node(name, at, daemon, kubelet))
        await stack.enter_async_context(_beside(Scheduler(api.store, NAMESPACE).run()))
        yield Nodes(vpc, tuple(made), api.store)


def _put_node(store: Store, name: str) -> None:
    status = {"capacity": {"pods": "110"}, "allocatable": {"pods": "110"}}
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": _ZONE}
    store.create("v1", "nodes", {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": status})


def _daemon(world: World, at: WorldNode, name: str, flags: Sequence[str]) -> Daemon:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(world.folder),
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
    }
    return Daemon(world, "cni", flags, PORT, environment=environment, inside=at.inside, node=name)


def _flags(name: str, folder: Path, kubeconfig: Path, vpc: VpcWorld) -> Sequence[str]:
    """Give the flags of a daemon; the paths are a node's own, as they would be on machines of their own."""
    return (
        f"--node={name}",
        f"--kubeconfig={kubeconfig}",
        f"--aws-endpoint-url={vpc.url}",
        f"--socket={folder}/cni.sock",
        f"--state-dir={folder}/state",
        f"--backing-store={folder}/ipam.json",
        f"--cni-bin-dir={folder}/bin",
        f"--cni-conf-dir={folder}/net.d",
        "--chained-plugins=none",
        "--cluster-name=demo",
    )


@asynccontextmanager
async def _beside(running: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(running)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
