"""A real Kubernetes whose nodes are instances of the simulated EC2: any CNI plugin may be theirs.

The hub with the control plane is a network peered with the VPC: nodes and pods reach the API server, and it
reaches the kubelets. What listens in the test at `Site.outside` is reached as well, as one that comes from
the hub. A node is ready once somebody has written a CNI configuration into its folder.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from tempfile import TemporaryDirectory

from addons.sim.fabric.vpc import Node as Instance
from addons.sim.fabric.vpc import VpcFabric
from addons.sim.net import Namespace
from tests.support.cluster import SCRIPTS, Cluster, running
from tests.support.nodes import (
    Node,
    await_ready,
    forget_results,
    hub,
    hub_address,
    hub_name,
    start_node,
)
from tests.support.processes import output_of

DEBIANS_PLUGINS = Path("/usr/lib/cni")
APART = {"OWN": "/etc /opt /run /var", "CNI_BIN": "/opt/cni/bin", "CNI_CONF": "/etc/cni/net.d"}
"""Facts of a node that has those folders to itself in which daemons keep what is the node's."""

_NEAR, FAR = IPv4Address("100.65.0.1"), IPv4Address("100.65.0.2")
"""The link between VPC and hub: nodes and pods see the API server as FAR."""

_TO_THE_TEST = """
table ip to_the_test {{
  chain out {{ type nat hook postrouting priority 100; ip daddr {test} ip saddr != {hub}/24 masquerade; }}
}}
"""


@dataclass(frozen=True)
class FabricSite:
    """The cluster; `outside` is the address of the test's own network, `inside` that of the `hub`."""

    cluster: Cluster
    nodes: tuple[Node, ...]
    fabric: VpcFabric
    outside: str
    assets: Path
    hub: Namespace
    inside: str

    def configurations(self, node: Node) -> Path:
        """The folder where the node's runtime looks for CNI configurations."""
        return self.cluster.folder / "nodes" / node.name / "cni.d"

    def plugins(self, node: Node) -> Path:
        """The folder of the node's CNI plugins; Debian's are there."""
        return plugins_of(self.cluster.folder, node.name)

    def await_ready(self) -> None:
        """Wait until every node is ready for pods."""
        for node in self.nodes:
            await_ready(self.cluster, node, self.assets)


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for those of sockets, which have 107 characters at most."""
    with TemporaryDirectory(prefix="k-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def running_in_fabric(
    folder: Path,
    assets: Path,
    fabric: VpcFabric,
    instances: Sequence[tuple[Instance, str]],
    *,
    facts: Sequence[Mapping[str, str]] = (),
) -> Iterator[FabricSite]:
    """Run a control plane, and nodes on instances that have their primary address (beside each).

    Each may have `facts` of its own, as `start_node` takes them; those of `APART` leave the machine its
    folders. Pods ask `outside` for names. No process or mount is left afterwards. The path of `folder` is at
    most 50 characters long.
    """
    nodes = tuple(Node(instance.inside.name, address, pods="") for instance, address in instances)
    with ExitStack() as stack:
        number = stack.enter_context(hub())
        name, address, outside = hub_name(number), hub_address(number, 1), hub_address(number, 254)
        _join(fabric, Namespace(name), hub_address(number, 0), outside)
        stack.callback(forget_results, folder)
        cluster = stack.enter_context(running(folder, assets, netns=name, address=address))
        for node, known in zip(nodes, facts or [{} for _ in nodes], strict=True):
            if "OWN" in known:
                plugins_apart(folder, node.name)
            start_node(
                cluster,
                node,
                assets,
                plugins=plugins_of(folder, node.name),
                facts={"CLUSTER_DNS": outside, **known},
            )
        yield FabricSite(cluster, nodes, fabric, outside, assets, Namespace(name), address)


@contextmanager
def runtime(folder: Path, inside: Namespace) -> Iterator[Path]:
    """Run containerd alone on a node; gives the folder with its `containerd.sock`, `cni.d` and `cni.bin`.

    The path of `folder` is at most 50 characters long.
    """
    plugins_of(folder, inside.name)
    try:
        output_of(SCRIPTS / "runtime", folder, inside.name, env=os.environ)
        yield folder / "nodes" / inside.name
    finally:
        output_of(SCRIPTS / "stop", folder)
        forget_results(folder)


def plugins_apart(folder: Path, node: str) -> None:
    """Put Debian's plugins where a node that has its folders to itself looks for them."""
    shutil.copytree(DEBIANS_PLUGINS, folder / "nodes" / node / "own/opt/changes/cni/bin")


def plugins_of(folder: Path, node: str) -> Path:
    """The folder of a node's CNI plugins, which it has from its beginning, with Debian's in it."""
    place = folder / "nodes" / node / "cni.bin"
    if not place.exists():
        shutil.copytree(DEBIANS_PLUGINS, place)
    return place


def _join(fabric: VpcFabric, hub: Namespace, network: str, test: str) -> None:
    behind = [IPv4Network(f"{network}/24")]
    fabric.router.join(hub, near=_NEAR, far=FAR, behind=behind)
    hub.set_kernel("ipv4/ip_forward", "1")
    output_of(*hub.command("nft", "-f", "-"), stdin=_TO_THE_TEST.format(test=test, hub=network))
