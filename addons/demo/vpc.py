"""A node and its pods as network namespaces of this machine, and what they reach from there."""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from addons.demo.daemon import output_of
from addons.demo.reach import Answer, get
from addons.demo.script import LeftOut
from addons.demo.world import World
from addons.sim.imds import Imds, Instance, NodeCredentials
from addons.sim.kubeapi.server import KubeApi
from addons.sim.net import EC2, METADATA, METADATA_V6, Fabric, Namespace, Pod

NODE = "node-1"
NODE_ROLE = "node-admin"

_APP = Path(__file__).with_name("app.py")


@dataclass(frozen=True)
class Vpc:
    """The network, the node's metadata service, and where Kubernetes and AWS are for those inside."""

    fabric: Fabric
    imds: Imds
    kubeconfig: Path
    aws_url: str

    async def who_am_i(self, pod: Pod) -> str:
        """Let boto3 in a pod ask AWS who it is, from an empty environment: an ARN, or "no credentials"."""
        return await output_of(*self.app(pod))

    def app(self, pod: Pod) -> list[str]:
        """Give the command that asks."""
        return application(pod.inside, self.aws_url, self.kubeconfig.parent)

    async def metadata(self, pod: Pod, path: str, *, source: str = "") -> Answer:
        """Ask the metadata address from a pod; `source`: the address that it pretends to have."""
        return await get(pod.inside, f"http://{METADATA}/latest/{path}", source=source)


@asynccontextmanager
async def vpc(world: World) -> AsyncIterator[Vpc]:
    """Make it, with a role of the node that STS knows; raises LeftOut where that is not possible."""
    async with AsyncExitStack() as stack:
        api = require_emulator(world)
        with network_permitted():
            fabric = stack.enter_context(Fabric())
        kubeconfig = world.folder / "kubeconfig-of-the-node"
        kubeconfig.write_text(api.kubeconfig(url=await api.listen(fabric.ec2.listener(EC2, 6443))))
        aws_url = await world.aws.listen(fabric.ec2.listener(EC2, 4566))
        imds = Imds(Instance(role=NODE_ROLE, credentials=_credentials_of_the_node(world)))
        addresses = (METADATA, METADATA_V6) if fabric.has_ipv6 else (METADATA,)
        await imds.start(*(fabric.ec2.listener(address, 80) for address in addresses))
        stack.push_async_callback(imds.stop)
        yield Vpc(fabric, imds, kubeconfig, aws_url)


def application(inside: Namespace, aws_url: str, home: Path) -> list[str]:
    """Give the command by which boto3 in a pod asks AWS who it is: an ARN, or "no credentials".

    `home` is another than that of who runs the demo, with keys maybe.
    """
    return inside.command("env", "-i", f"HOME={home}", sys.executable, "-I", str(_APP), aws_url)


def require_emulator(world: World) -> KubeApi:
    """Give the emulator. Raises LeftOut where a real cluster takes its place."""
    if world.api is None:
        raise LeftOut("its pods are network namespaces of this machine, and a real cluster has none")
    return world.api


@contextmanager
def network_permitted() -> Iterator[None]:
    """Raise LeftOut where networks cannot be made here, of which `OSError` in the block is the sign."""
    if sys.platform != "linux":
        raise LeftOut("it needs Linux: its pods are network namespaces")
    if shutil.which("nft") is None:
        raise LeftOut("it needs the command nft, of the package nftables")
    try:
        yield
    except OSError as error:
        needed = "it needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN"
        raise LeftOut(f"{needed}: its pods are network namespaces ({error})") from error


def _credentials_of_the_node(world: World) -> NodeCredentials:
    session = world.aws.sts.open_session(world.aws.sts.create_role(NODE_ROLE), "i-0123456789abcdef0")
    return NodeCredentials(session.access_key_id, session.secret_access_key, session.token)
