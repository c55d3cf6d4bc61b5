"""containerd on a node of the simulated VPC, with our plugin and configuration: what it asks, and its end."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from addons.sim.aws.ec2.interfaces import Wish
from addons.sim.net import Namespace
from tests.support.cluster import SCRIPTS
from tests.support.cni_sandbox import Sandbox
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.cri import Cri
from tests.support.fabric_nodes import runtime
from tests.support.nodes import missing
from tests.support.processes import output_of
from tests.support.until import until

FLAGS = ("--chained-plugins=portmap",)


class Runtime:
    """A node's containerd. It is asked from threads: what serves EC2 and Kubernetes is in this process."""

    def __init__(self, world: CniWorld, node: CniNode, home: Path) -> None:
        self.world, self.node, self._home = world, node, home
        self._cri = Cri(home / "containerd.sock", home / "logs")

    def sandbox(self, name: str = "web", *, host_port: int = 0) -> Sandbox:
        """A pod that Kubernetes has bound to the node; with `host_port` that one leads to its port 80."""
        mappings = [{"hostPort": host_port, "containerPort": 80}] if host_port else []
        uid = self.world.put_pod(self.node, name)
        return Sandbox(None, name=name, uid=uid, capabilities={"portMappings": mappings})

    async def run(self, pod: Sandbox) -> str:
        """Run a pod's sandbox; the id of its container. Raises CriError."""
        return await asyncio.to_thread(self._cri.run, pod)

    async def stop(self, container: str) -> None:
        """Stop a sandbox. Raises CriError."""
        await asyncio.to_thread(self._cri.stop, container)

    async def remove(self, container: str) -> None:
        """Remove a sandbox. Raises CriError."""
        await asyncio.to_thread(self._cri.remove, container)

    async def address(self, container: str) -> str:
        """The address of a sandbox, as the kubelet would report it."""
        return await asyncio.to_thread(self._cri.address, container)

    async def sandboxes(self) -> list[str]:
        """The containers of all sandboxes."""
        return await asyncio.to_thread(self._cri.sandboxes)

    async def is_network_ready(self) -> bool:
        """Whether it would run a pod."""
        return await asyncio.to_thread(self._cri.is_network_ready)

    async def await_network(self) -> None:
        """Wait until it would run a pod."""
        await until(self.is_network_ready, "the runtime has its configuration")

    def networks(self) -> list[Namespace]:
        """The networks of its sandboxes."""
        return [Namespace(str(path)) for path in self._home.glob("run/*/netns/*")]

    def kill(self) -> None:
        """End it as the kernel would; its shims and the plugins that run live on."""
        os.kill(int((self._home / "containerd.pid").read_text()), signal.SIGKILL)

    async def start(self) -> None:
        """Start it again."""
        await asyncio.to_thread(output_of, SCRIPTS / "runtime", self.world.folder, self.node.inside.name)

    async def plugin(self) -> int | None:
        """The process of a plugin of ours that runs at this moment."""
        name = str(self.node.plugins / "aws-addons-cni").encode()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if path.read_bytes().rstrip(b"\0") == name:
                    return int(path.parent.name)
            except OSError:
                continue
        return None


@asynccontextmanager
async def runtime_world(subnet: str = "10.0.1.0/24") -> AsyncIterator[Runtime]:
    """A node with containerd, before the daemon is there."""
    if lack := missing():
        pytest.skip(lack)
    async with cni_world(subnet) as world:
        node = await world.add_node()
        with runtime(world.folder, node.inside) as home:
            node.plugins, node.configurations = home / "cni.bin", home / "cni.d"
            node.install()
            yield Runtime(world, node, home)


def take_all(world: CniWorld) -> None:
    """Let somebody else have every address that the subnet has left."""
    space = world.vpc.ec2.account.spaces[world.vpc.subnet.id]
    world.vpc.ec2.interfaces.create(world.vpc.subnet.id, Wish(count=space.free - 1))
