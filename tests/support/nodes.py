"""A real Kubernetes with real nodes: each a network namespace that holds containerd, a kubelet and pods.

The hub, one more namespace, holds the control plane and the bridge that joins all of them. One link leads
from there to the network of the test, so that its daemons reach the API server, and nodes reach what it
serves on the address `outside`.

The metadata address of EC2 is the hub's as well: nobody answers there until a test listens. The address of
the Service `kubernetes` leads to the API server, as kube-proxy, which does not run here, has it.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from addons.sim.net import METADATA, Namespace
from tests.support.cluster import SCRIPTS, Cluster, running
from tests.support.namespaces import claim, ip, privileged
from tests.support.priority import ahead_of_others
from tests.support.processes import output_of

PLUGINS = Path("/usr/lib/cni")
_RESULTS = Path("/var/lib/cni/results")
_HUB = "02:00:00:00:00:01"
_SERVICES = """
table ip services {{
  chain of_pods {{ type nat hook prerouting priority -100; {rule}; }}
  chain of_node {{ type nat hook output priority -100; {rule}; }}
}}
"""


@dataclass(frozen=True)
class Node:
    """One node: its name is that of its network namespace too; `pods` is the range that its pods get."""

    name: str
    address: str
    pods: str

    @property
    def inside(self) -> Namespace:
        """The node's network."""
        return Namespace(self.name)


@dataclass(frozen=True)
class Site:
    """A cluster whose nodes run pods from `local/busybox:1` (imagePullPolicy: Never).

    Nodes reach what listens in the test at `outside`, pods and nodes what listens in the hub at `inside`.
    """

    cluster: Cluster
    nodes: tuple[Node, ...]
    outside: str
    inside: str
    hub: Namespace
    number: int
    assets: Path

    def holds(self, node: Node, address: str) -> bool:
        """Whether a pod of a node has this address: its network gives it back before the API server hears."""
        return (self._addresses(node) / address).exists()

    def next_address(self, node: Node, address: str) -> None:
        """Let the next pod of a node get this address, if it is free by then."""
        (self._addresses(node) / "last_reserved_ip.0").write_text(str(ip_address(address) - 1))

    def _addresses(self, node: Node) -> Path:
        """Where the plugin host-local keeps who has which address."""
        return self.cluster.folder / "nodes" / node.name / "addresses" / node.name


def missing() -> str:
    """What this machine lacks for real nodes, in words; "" when it has all of it."""
    if not privileged():
        return "real nodes need root, for network namespaces"
    check = subprocess.run([SCRIPTS / "packages", "--check"], capture_output=True, text=True)
    return check.stderr.strip()


@contextmanager
def running_with_nodes(folder: Path, assets: Path, count: int = 2) -> Iterator[Site]:
    """Run a control plane and nodes, which are ready; no process, namespace or mount is left afterwards.

    The path of `folder` is at most 50 characters long, since sockets below it can have 107.
    """
    with ExitStack() as stack:
        number = stack.enter_context(hub())
        nodes = tuple(stack.enter_context(node_network(number, index)) for index in range(1, count + 1))
        _route(number, nodes)
        stack.callback(forget_results, folder)
        name, address = hub_name(number), hub_address(number, 1)
        cluster = stack.enter_context(running(folder, assets, netns=name, address=address))
        for node in nodes:
            configure_network(cluster, node)
            start_node(cluster, node, assets, plugins=PLUGINS)
        for node in nodes:
            await_ready(cluster, node, assets)
        yield Site(cluster, nodes, hub_address(number, 254), address, Namespace(name), number, assets)


@contextmanager
def hub() -> Iterator[int]:
    """Make the hub, whose number nobody else on this machine has, and its link to this network."""
    number = claim(hub_name)
    name, link = hub_name(number), f"adhub{number}"
    try:
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "addr", "add", f"{METADATA}/32", "dev", "lo")
        # Else a bridge has the least address of its ports, a new one with every node, and nobody is told.
        ip("-n", name, "link", "add", "hub", "address", _HUB, "type", "bridge")
        ip("-n", name, "addr", "add", f"{hub_address(number, 1)}/24", "dev", "hub")
        ip("-n", name, "link", "set", "hub", "up")
        ip("link", "add", link, "type", "veth", "peer", "name", "outside", "netns", name)
        ip("addr", "add", f"{hub_address(number, 254)}/24", "dev", link)
        ip("link", "set", link, "up")
        ip("-n", name, "link", "set", "outside", "master", "hub", "up")
        yield number
    finally:
        ip("netns", "del", name)
        subprocess.run(["ip", "link", "del", link], check=False, capture_output=True)


@contextmanager
def node_network(number: int, index: int) -> Iterator[Node]:
    """Make the namespace of a node, joined to the hub, with a default route to this network."""
    name = f"addons-{number}-node{index}"
    node = Node(name, hub_address(number, 10 + index), f"10.{214 + index}.{number}.0/24")
    ip("netns", "add", name)
    try:
        here, link = hub_name(number), f"node{index}"
        ip("-n", here, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", here, "link", "set", link, "master", "hub", "up")
        ip("-n", name, "addr", "add", f"{node.address}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "route", "add", "default", "via", hub_address(number, 254))
        yield node
    finally:
        ip("netns", "del", name)


def _route(number: int, nodes: tuple[Node, ...]) -> None:
    """Let the hub and every node reach the pods of the others, and all of them the metadata address."""
    for node in nodes:
        ip("-n", hub_name(number), "route", "add", node.pods, "via", node.address)
        ip("-n", node.name, "route", "add", METADATA, "via", hub_address(number, 1))
        for other in nodes:
            if other != node:
                ip("-n", node.name, "route", "add", other.pods, "via", other.address)


def configure_network(cluster: Cluster, node: Node) -> None:
    """Let each pod of a node get a link of its own and an address of the node's range."""
    home = cluster.folder / "nodes" / node.name
    (home / "cni.d").mkdir(parents=True)
    addresses = {
        "type": "host-local",
        "dataDir": str(home / "addresses"),
        "ranges": [[{"subnet": node.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    network = {"cniVersion": "0.4.0", "name": node.name, "plugins": [{"type": "ptp", "ipam": addresses}]}
    (home / "cni.d" / "pods.conflist").write_text(json.dumps(network))


def start_node(
    cluster: Cluster, node: Node, assets: Path, *, plugins: Path, facts: Mapping[str, str] = {}
) -> None:
    """Start a node, whose CNI plugins are in a folder; it is ready once it has a CNI configuration.

    `facts` are the variables of tests/kube/node: what an instance of a cloud knows of itself.
    """
    found = re.search(r'server: "https://([\d.:]+)"', cluster.kubeconfig.read_text())
    assert found
    rules = _SERVICES.format(rule=f"ip daddr 10.96.0.1 tcp dport 443 dnat to {found[1]}")
    output_of(*node.inside.command("nft", "-f", "-"), stdin=rules)
    environment = os.environ | {"KUBEBUILDER_ASSETS": str(assets), "CNI_BIN": str(plugins), **facts}
    with ahead_of_others():
        output_of(SCRIPTS / "node", cluster.folder, node.name, env=environment)


def await_ready(cluster: Cluster, node: Node, assets: Path) -> None:
    """Wait until a node is ready for pods."""
    kubectl = (assets / "kubectl", "--kubeconfig", cluster.kubeconfig)
    for condition in ("create", "condition=Ready"):
        output_of(*kubectl, "wait", f"--for={condition}", "--timeout=60s", f"node/{node.name}")


def forget_results(folder: Path) -> None:
    """Remove what libcni keeps elsewhere about pods of the runtimes below a folder, which have ended."""
    for loopback in _RESULTS.glob("cni-loopback-*-lo"):
        with suppress(FileNotFoundError):
            if f'"{folder}/' in loopback.read_text():
                sandbox = loopback.name.removeprefix("cni-loopback-").removesuffix("-lo")
                for file in _RESULTS.glob(f"*-{sandbox}-*"):
                    file.unlink(missing_ok=True)


def hub_name(number: int) -> str:
    """The name of a hub's namespace."""
    return f"addons-{number}-hub"


def hub_address(number: int, host: int) -> str:
    """An address of a hub's network: 1 is its own, 254 that of the test."""
    return f"10.214.{number}.{host}"
