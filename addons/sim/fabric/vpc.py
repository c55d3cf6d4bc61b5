"""The VPC: subnets with a router, nodes whose links come and go with their interfaces, and what is beyond.

    node 10.0.1.4 eth0 ---- eni0 \\                      / igw ---- 198.51.100.10  the internet
                  eth1 ---- eni1 -- subnet 10.0.1.0/24 --- nat ----      "
    node 10.0.1.5 eth0 ---- eni2 /  router 10.0.1.1      \\ peering - 172.31.0.10   a peered network

Subnets are bridges of one namespace, `router`; what is beyond is another one, `outside`. EC2's feed tells of
interfaces: `ec2.feed.listen(fabric.change)`; when a call of EC2 is answered, the network is as it says.

Packets are filtered as `filters` says; broadcasts go nowhere. Not simulated: security groups, network ACLs,
IPv6. `SERVICES` is an address of the router where tests put what listens for nodes, e.g. the endpoint of AWS.
"""

import itertools
import json
import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from addons.sim.aws.ec2.model import Change, Interface
from addons.sim.fabric.echo import Echo
from addons.sim.fabric.filters import COUNTERS, PORTS, first_rules, owners, public_addresses, targets
from addons.sim.fabric.subnets import PEERED_NETWORK, Subnet, Target
from addons.sim.net import METADATA, Namespace, run_tool

INTERNET = IPv4Address("198.51.100.10")
PEERED = PEERED_NETWORK[10]
NAT_GATEWAY = IPv4Address("203.0.113.254")
"""What the internet sees of what leaves by the NAT gateway."""
SERVICES = IPv4Address("198.18.0.1")

_LINKS: dict[Target, str] = {"internet-gateway": "igw", "nat-gateway": "nat", "peering": "peering"}
_MTU = {"igw": 1500, "nat": 1500, "peering": 9001}
_FIRST_INDEX = 10_000
"""Index of the first link here. The kernel passes a carrier on at once when both ends' indexes differ; else
within a second."""
_BRIDGED_TO_IPTABLES = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
"""Where the kernel has it, frames between nodes pass the rules of IP as well, which are for routed ones."""
_PUBLIC_RANGE = "203.0.113.0/25"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Node:
    """An instance's network namespace; `public` is the public address of its primary one, None for none."""

    instance_id: str
    inside: Namespace
    public: IPv4Address | None


class VpcFabric:
    """The network; a context manager that removes everything it made. Needs root.

    `internet` and `peered` tell who asks them (`Echo`), and know who has asked.
    """

    def __init__(self, subnets: Iterable[Subnet]) -> None:
        self._prefix = f"addons-vpc-{os.getpid()}-{next(_numbers)}"
        self.router = Namespace(f"{self._prefix}-router")
        self.outside = Namespace(f"{self._prefix}-outside")
        self.internet = Echo(self.outside, str(INTERNET))
        self.peered = Echo(self.outside, str(PEERED))
        self._subnets: dict[str, Subnet] = {}
        self._first_subnets = tuple(subnets)
        self._bridges: dict[str, str] = {}
        self._nodes: dict[str, Node] = {}
        self._interfaces: dict[str, Interface] = {}
        self._ports: dict[str, str] = {}
        self._port_numbers = itertools.count()
        self._indexes = itertools.count()
        self._public = (IPv4Address("203.0.113.0") + number for number in itertools.count(1))
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add_subnet(self, subnet: Subnet) -> None:
        """Add a subnet, or give one that is there other routes."""
        if subnet.id not in self._subnets:
            self._make_bridge(subnet)
        self._subnets[subnet.id] = subnet
        table = self._table(subnet.id)
        lines = [
            f"route add {route.destination} via {_far(_LINKS[route.target])} table {table}"
            for route in subnet.routes
        ]
        self.router.ip(f"route flush table {table}", *lines)

    def add_node(self, instance_id: str, *, name: str = "", has_public_address: bool = True) -> Node:
        """Make the namespace of an instance, whose interfaces are plugged in as EC2 tells.

        The metadata address is its own: whoever plays the metadata service listens there, inside.
        """
        inside = Namespace(name or f"{self._prefix}-node{len(self._nodes) + 1}")
        self._add_namespace(inside)
        inside.ip("link set lo up", f"addr add {METADATA}/32 dev lo")
        inside.set_kernel("ipv4/ip_forward", "1")
        node = Node(instance_id, inside, next(self._public) if has_public_address else None)
        self._nodes[instance_id] = node
        for interface in list(self._interfaces.values()):
            if interface.plugged_into == instance_id:
                self._replace(None, interface)
        return node

    def join(
        self,
        other: Namespace,
        *,
        near: IPv4Address,
        far: IPv4Address,
        behind: Iterable[IPv4Network] = (),
        link: str = "vpc",
    ) -> None:
        """Let another namespace be a peered network: both ends of a new link are addressed (a /30).

        Every node and pod then reaches the address `far` and the networks `behind` it.
        """
        port = f"peer{next(self._port_numbers)}"
        self.router.ip(
            f"link add {port} index {self._next_index()} type veth peer name {link} netns {other.name}",
            f"addr add {near}/30 dev {port}",
            f"link set {port} up",
        )
        other.ip(
            f"addr add {far}/30 dev {link}",
            f"link set {link} up",
            *(f"route add {subnet.network} via {near}" for subnet in self._subnets.values()),
        )
        self.router.ip(*(f"route add {network} via {far}" for network in behind))

    def change(self, change: Change) -> None:
        """Carry out what EC2 tells of an interface."""
        old = self._interfaces.pop(change.before.id, None) if change.before else None
        if change.after:
            self._interfaces[change.after.id] = change.after
        if not (old and change.after and _wiring(old) == _wiring(change.after)):
            self._replace(old, change.after)

    def port(self, interface_id: str) -> str:
        """Give the network's end of an interface, for `tcpdump` say; KeyError when it is not plugged in."""
        return self._ports[interface_id]

    def dropped(self) -> dict[str, int]:
        """Give how many packets were dropped, by reason (`filters.COUNTERS`)."""
        listed: dict[str, Any] = json.loads(run_tool(*self.router.command("nft", "-j", "list", "counters")))
        counters = [entry["counter"] for entry in listed["nftables"] if "counter" in entry]
        return {each["name"]: each["packets"] for each in counters if each["name"] in COUNTERS}

    def _make(self) -> None:
        for namespace in (self.router, self.outside):
            self._add_namespace(namespace)
            namespace.ip("link set lo up")
            namespace.set_kernel("ipv4/ip_forward", "1")
        if self.router.call(_BRIDGED_TO_IPTABLES.exists):
            self.router.set_kernel("bridge/bridge-nf-call-iptables", "0")
        self.router.ip(f"addr add {SERVICES}/32 dev lo", "rule add pref 100 lookup main")
        for link in _LINKS.values():
            self._make_way_out(link)
        self.outside.ip(
            *(f"addr add {address}/32 dev lo" for address in (INTERNET, PEERED)),
            f"route add {_PUBLIC_RANGE} via {_near('igw')}",
            f"route add {NAT_GATEWAY} via {_near('nat')}",
        )
        self._nft(first_rules(internet="igw", nat="nat", nat_address=NAT_GATEWAY))
        for subnet in self._first_subnets:
            self.add_subnet(subnet)
        for echo in (self.internet, self.peered):
            self._stack.enter_context(echo)

    def _make_way_out(self, link: str) -> None:
        mtu = _MTU[link]
        peer = f"name {link} mtu {mtu} netns {self.outside.name}"
        self.router.ip(
            f"link add {link} index {self._next_index()} mtu {mtu} type veth peer {peer}",
            f"addr add {_near(link)}/30 dev {link}",
            f"link set {link} up",
        )
        self.outside.ip(f"addr add {_far(link)}/30 dev {link}", f"link set {link} up")

    def _make_bridge(self, subnet: Subnet) -> None:
        number = len(self._bridges)
        bridge, mac = f"subnet{number}", f"02:00:0a:00:00:{number:02x}"
        self._bridges[subnet.id] = bridge
        self.router.ip(
            f"link add {bridge} address {mac} mtu 9001 type bridge",
            f"addr add {subnet.router}/{subnet.network.prefixlen} dev {bridge}",
            f"link set {bridge} up",
            f"rule add pref 200 iif {bridge} lookup {self._table(subnet.id)}",
        )
        self.outside.ip(f"route add {subnet.network} via {_near('peering')}")

    def _table(self, subnet_id: str) -> int:
        return 1000 + list(self._bridges).index(subnet_id)

    def _replace(self, old: Interface | None, new: Interface | None) -> None:
        """Let the network be as one interface is now, which was another one before."""
        if old and old.id in self._ports and not (new and self._is_here(new)):
            self.router.ip(f"link del {self._ports.pop(old.id)}")
        if new and self._is_here(new) and new.id not in self._ports:
            self._plug(new)
        self._map(old, new)
        plugged = {port: self._interfaces[id_] for id_, port in self._ports.items()}
        self._nft(owners(plugged) + "\n" + public_addresses(self._public_addresses(plugged.values())))

    def _next_index(self) -> int:
        return _FIRST_INDEX + next(self._indexes)

    def _is_here(self, interface: Interface) -> bool:
        return interface.plugged_into in self._nodes

    def _plug(self, interface: Interface) -> None:
        """Plug it in: its link appears on the node, down and without address but for the primary one's."""
        assert interface.attachment
        node, bridge = self._nodes[interface.plugged_into], self._bridges[interface.subnet_id]
        port, index = f"{PORTS}{next(self._port_numbers)}", interface.attachment.device_index
        peer = f"name eth{index} address {interface.mac} mtu 9001 netns {node.inside.name}"
        self.router.ip(
            f"link add {port} index {self._next_index()} mtu 9001 type veth peer {peer}",
            f"link set {port} alias {interface.id} master {bridge}",
            f"link set {port} type bridge_slave proxy_arp on learning off flood off mcast_flood off",
            f"link set {port} up",
        )
        run_tool(
            "bridge", "-netns", self.router.name, *f"fdb add {interface.mac} dev {port} master static".split()
        )
        self._ports[interface.id] = port
        if index == 0:
            self._address(node, interface)

    def _address(self, node: Node, interface: Interface) -> None:
        """Set up the primary interface as an instance does with DHCP."""
        subnet = self._subnets[interface.subnet_id]
        node.inside.ip(
            f"addr add {interface.addresses[0]}/{subnet.network.prefixlen} dev eth0",
            "link set eth0 up",
            f"route add default via {subnet.router}",
        )

    def _map(self, old: Interface | None, new: Interface | None) -> None:
        """Let the subnet know which addresses are behind the MAC of an interface, and which no more."""
        now = _hosts(new) if new and self._is_here(new) else {}
        gone = _hosts(old) if old and self._is_here(old) else {}
        lines = [
            f"neigh del {ip} dev {self._bridges[subnet]}" for ip, (subnet, _) in gone.items() if ip not in now
        ]
        lines += [
            f"neigh replace {ip} lladdr {mac} dev {self._bridges[subnet]} nud permanent"
            for ip, (subnet, mac) in now.items()
            if gone.get(ip) != (subnet, mac)
        ]
        if lines:
            self.router.ip(*lines)

    def _public_addresses(self, plugged: Iterable[Interface]) -> dict[IPv4Address, IPv4Address]:
        found = {}
        for interface in plugged:
            node = self._nodes[interface.plugged_into]
            if node.public and interface.attachment and interface.attachment.device_index == 0:
                found[interface.addresses[0]] = node.public
        return found

    def _nft(self, commands: str) -> None:
        run_tool(*self.router.command("nft", "-f", "-"), stdin=commands)

    def _add_namespace(self, namespace: Namespace) -> None:
        namespace.make()
        self._stack.callback(namespace.remove)


def _wiring(interface: Interface) -> tuple[object, ...]:
    """Give what of an interface concerns the network: tags, for one, do not."""
    return interface.plugged_into, interface.mac, interface.addresses, interface.prefixes


def _hosts(interface: Interface) -> dict[IPv4Address, tuple[str, str]]:
    """Give every single address that an interface owns, with its subnet and its MAC."""
    where = (interface.subnet_id, interface.mac)
    blocks = (target if not isinstance(target, IPv4Address) else (target,) for target in targets(interface))
    return dict.fromkeys((address for block in blocks for address in block), where)


def _near(link: str) -> str:
    """Give the router's address on a link that leads outside."""
    return f"100.64.{list(_MTU).index(link)}.1"


def _far(link: str) -> str:
    return f"100.64.{list(_MTU).index(link)}.2"
