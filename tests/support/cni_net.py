"""A node of the simulated VPC whose networks our parts set up, and pods that are wired to it."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from addons.cni.model.assignments import PodId, SandboxKey
from addons.cni.model.enis import Eni
from addons.cni.net.node import Ensured, NodeNetwork, settings_of_node
from addons.cni.net.pods import Pods
from addons.cni.net.snat import Snat
from addons.cni.net.table import Translation
from addons.cni.net.wanted import DataPath, Wanted, wanted_network
from addons.cni.net.wiring import RuleLayout, Wired, Wiring, veth_name
from addons.sim.fabric.vpc import Node
from addons.sim.net import Namespace
from tests.support.cni_sandbox import Sandbox, pod_network
from tests.support.fabric import SUBNET, Site, interface
from tests.support.processes import output_of

VPC = IPv4Network("10.0.0.0/16")
_numbers = itertools.count(1)


def eni(number: int, index: int, *addresses: str, prefix: str = "") -> Eni:
    """An interface of SUBNET as EC2 describes it; the first address is the primary one."""
    primary, *others = map(IPv4Address, addresses)
    return Eni(
        eni_id=f"eni-{number:017x}",
        mac=f"02:00:00:00:00:{number:02x}",
        device_index=index,
        subnet_id=SUBNET.id,
        subnet_cidr=SUBNET.network,
        primary_ip=primary,
        addresses=frozenset(others),
        prefixes=frozenset([IPv4Network(prefix)] if prefix else []),
    )


@dataclass
class Host:
    """A node, its parts of our network, and the addresses of its pods with the tables of their interfaces."""

    node: Node
    layout: RuleLayout
    pods: Pods
    network: NodeNetwork
    snat: Snat
    enis: list[Eni]
    assigned: dict[IPv4Address, int]
    amiss: tuple[str, ...] = ()
    """What was not as wanted when it began."""

    @property
    def inside(self) -> Namespace:
        return self.node.inside

    def wanted(self) -> Wanted:
        return wanted_network(self.enis, self.assigned, DataPath(layout=self.layout))

    async def ensure(self) -> Ensured:
        return await self.network.ensure(self.wanted, [each.mac for each in self.enis])

    def wiring(self, sandbox: Sandbox, ip: str, *, if_name: str = "eth0") -> Wiring:
        """How a sandbox is to be wired that has this address."""
        address = IPv4Address(ip)
        pod = PodId(sandbox.namespace, sandbox.name, sandbox.uid)
        return Wiring(
            key=SandboxKey("aws-cni", sandbox.container, if_name),
            netns=sandbox.netns,
            host_if=veth_name("eni", pod, if_name),
            ip=address,
            table=next((each.table for each in self.enis if address in each.all_addresses()), 254),
            layout=self.layout,
        )

    async def connect(self, wiring: Wiring) -> Wired:
        self.assigned[wiring.ip] = wiring.table
        return await self.pods.connect(wiring)

    async def disconnect(self, wiring: Wiring) -> None:
        await self.pods.disconnect(wiring)
        self.assigned.pop(wiring.ip, None)

    def translate(self, *exempt: str, has_node_ports: bool = True) -> None:
        self.snat.ensure(self.translation(*exempt, has_node_ports=has_node_ports))

    def translation(self, *exempt: str, has_node_ports: bool = True) -> Translation:
        return Translation(
            primary_link="eth0",
            primary_ip=self.enis[0].primary_ip,
            exempt=(VPC, *map(IPv4Network, exempt)),
            has_node_ports=has_node_ports,
        )

    def ip(self, *arguments: str) -> str:
        """What `ip` says on the node."""
        return output_of(*self.inside.command("ip", *arguments))


@asynccontextmanager
async def host(
    site: Site,
    node: Node,
    *enis: Eni,
    layout: RuleLayout = "table",
    assigned: dict[IPv4Address, int] | None = None,
) -> AsyncIterator[Host]:
    """The parts of a node that has these interfaces, of which EC2 tells the network; set up."""
    for each in enis:
        addresses = (each.primary_ip, *sorted(each.addresses))
        site.put(
            interface(
                int(each.eni_id.removeprefix("eni-"), 16),
                *map(str, addresses),
                instance=node.instance_id,
                index=each.device_index,
                prefix=str(next(iter(each.prefixes), "")),
            )
        )
    async with AsyncExitStack() as stack:
        pods = await stack.enter_async_context(node.inside.call(Pods))
        network = await stack.enter_async_context(node.inside.call(NodeNetwork))
        snat = node.inside.call(Snat)
        stack.callback(snat.close)
        made = Host(node, layout, pods, network, snat, list(enis), dict(assigned or {}))
        made.amiss = (await made.ensure()).amiss
        await network.set_kernel(settings_of_node("eth0", is_marking=True))
        yield made


@asynccontextmanager
async def pod(on: Host, ip: str, name: str = "") -> AsyncIterator[tuple[Sandbox, Wiring]]:
    """A pod that is wired; whatever a test does with it, nothing is left of it."""
    with pod_network(name or f"pod-{next(_numbers)}") as sandbox:
        wiring = on.wiring(sandbox, ip)
        await on.connect(wiring)
        try:
            yield sandbox, wiring
        finally:
            await on.disconnect(wiring)


@contextmanager
def lone_namespace(name: str) -> Iterator[Namespace]:
    """A namespace that nothing leads to."""
    made = Namespace(f"addons-{name}-{os.getpid()}-{next(_numbers)}")
    made.make()
    try:
        yield made
    finally:
        made.remove()
