"""The router of a VPC: a namespace with a bridge for each subnet and a link to each gateway.

Every gateway is one link to the namespace `outside`. Which one packets take says the routing table of the
subnet that they come from; packets within the VPC, and to networks that were joined, never ask it.
"""

import itertools
import json
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from addons.sim.aws.ec2.model import Interface
from addons.sim.fabric.filters import COUNTERS, PORTS, first_rules, owners, public_addresses
from addons.sim.fabric.subnets import PEERED_NETWORK, Subnet, Target
from addons.sim.net import Namespace, run_tool

INTERNET = IPv4Address("198.51.100.10")
PEERED = PEERED_NETWORK[10]
NAT_GATEWAY = IPv4Address("203.0.113.254")
"""What the internet sees of what leaves by the NAT gateway."""
PUBLIC_ADDRESSES = IPv4Network("203.0.113.0/25")
SERVICES = IPv4Address("198.18.0.1")
"""The router's own address, where tests put what listens for nodes, e.g. the endpoint of AWS."""
JUMBO = 9001

_LINKS: dict[Target, str] = {"internet-gateway": "igw", "nat-gateway": "nat", "peering": "peering"}
_MTU = {"igw": 1500, "nat": 1500, "peering": JUMBO}
_BRIDGED_TO_IPTABLES = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
"""Where the kernel has it, frames between nodes pass the rules of IP as well, which are for routed ones."""


class Router:
    """The router in `inside`; `make` needs both namespaces."""

    def __init__(self, inside: Namespace, outside: Namespace) -> None:
        self.inside, self.outside = inside, outside
        self.subnets: dict[str, Subnet] = {}
        self._bridges: dict[str, str] = {}
        self._joined: list[tuple[Namespace, str]] = [(outside, _near("peering"))]
        self._port_numbers = itertools.count()

    def make(self) -> None:
        """Make all but subnets and interfaces."""
        for namespace in (self.inside, self.outside):
            namespace.ip("link set lo up")
            namespace.set_kernel("ipv4/ip_forward", "1")
        if self.inside.call(_BRIDGED_TO_IPTABLES.exists):
            self.inside.set_kernel("bridge/bridge-nf-call-iptables", "0")
        self.inside.ip(f"addr add {SERVICES}/32 dev lo", "rule add pref 100 lookup main")
        for link in _LINKS.values():
            ends = (f"{_near(link)}/30", f"{_far(link)}/30")
            self._connect(self.outside, link, link, ends=ends, mtu=_MTU[link])
        self.outside.ip(
            *(f"addr add {address}/32 dev lo" for address in (INTERNET, PEERED)),
            f"route add {PUBLIC_ADDRESSES} via {_near('igw')}",
            f"route add {NAT_GATEWAY} via {_near('nat')}",
        )
        self._nft(first_rules(internet="igw", nat="nat", nat_address=NAT_GATEWAY))

    def add_subnet(self, subnet: Subnet) -> None:
        """Add a subnet, or give one that is there other routes."""
        if subnet.id not in self._bridges:
            self._make_bridge(subnet)
        self.subnets[subnet.id] = subnet
        table = self._table(subnet.id)
        lines = [
            f"route add {route.destination} via {_far(_LINKS[route.target])} table {table}"
            for route in subnet.routes
        ]
        self.inside.ip(f"route flush table {table}", *lines)

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
        port = f"joined{len(self._joined)}"
        self._connect(other, port, link, ends=(f"{near}/30", f"{far}/30"))
        other.ip(*(f"route add {subnet.network} via {near}" for subnet in self.subnets.values()))
        self.inside.ip(*(f"route add {network} via {far}" for network in behind))
        self._joined.append((other, str(near)))

    def plug_in(self, interface: Interface, node: Namespace, link: str) -> str:
        """Make the link of an interface on a node, which is down there, and its port here; give the port."""
        port = f"{PORTS}{next(self._port_numbers)}"
        peer = f"name {link} address {interface.mac} mtu {JUMBO} netns {node.name}"
        self.inside.ip(
            f"link add {port} mtu {JUMBO} type veth peer {peer}",
            f"link set {port} alias {interface.id} master {self._bridges[interface.subnet_id]}",
            f"link set {port} type bridge_slave proxy_arp on learning off flood off mcast_flood off",
            f"link set {port} up",
        )
        known = f"fdb add {interface.mac} dev {port} master static"
        run_tool("bridge", "-netns", self.inside.name, *known.split())
        return port

    def unplug(self, port: str) -> None:
        """Remove a port, and with it the node's link."""
        self.inside.ip(f"link del {port}")

    def locate(
        self, gone: Iterable[tuple[str, IPv4Address]], now: Mapping[tuple[str, IPv4Address], str]
    ) -> None:
        """Let addresses be behind a MAC from now on, or behind none; each comes with its subnet's id."""
        lines = [f"neigh del {address} dev {self._bridges[subnet]}" for subnet, address in gone]
        lines += [
            f"neigh replace {address} lladdr {mac} dev {self._bridges[subnet]} nud permanent"
            for (subnet, address), mac in now.items()
        ]
        if lines:
            self.inside.ip(*lines)

    def admit(self, plugged: Mapping[str, Interface], public: Mapping[IPv4Address, IPv4Address]) -> None:
        """Let exactly these interfaces, by port, own addresses; `public`: public addresses by private."""
        self._nft(owners(plugged) + "\n" + public_addresses(public))

    def dropped(self) -> dict[str, int]:
        """Give how many packets were dropped, by reason (`filters.COUNTERS`)."""
        listed: dict[str, Any] = json.loads(run_tool(*self.inside.command("nft", "-j", "list", "counters")))
        counters = [entry["counter"] for entry in listed["nftables"] if "counter" in entry]
        return {each["name"]: each["packets"] for each in counters if each["name"] in COUNTERS}

    def _connect(
        self, other: Namespace, port: str, link: str, *, ends: tuple[str, str], mtu: int = 1500
    ) -> None:
        peer = f"name {link} mtu {mtu} netns {other.name}"
        self.inside.ip(
            f"link add {port} mtu {mtu} type veth peer {peer}",
            f"addr add {ends[0]} dev {port}",
            f"link set {port} up",
        )
        other.ip(f"addr add {ends[1]} dev {link}", f"link set {link} up")

    def _make_bridge(self, subnet: Subnet) -> None:
        """Make the bridge of a subnet; its MAC is given, since it would be that of one port or another."""
        number = len(self._bridges)
        bridge, mac = f"subnet{number}", f"02:00:0a:00:00:{number:02x}"
        self._bridges[subnet.id] = bridge
        self.inside.ip(
            f"link add {bridge} address {mac} mtu {JUMBO} type bridge",
            f"addr add {subnet.router}/{subnet.network.prefixlen} dev {bridge}",
            f"link set {bridge} up",
            f"rule add pref 200 iif {bridge} lookup {self._table(subnet.id)}",
        )
        for other, near in self._joined:
            other.ip(f"route add {subnet.network} via {near}")

    def _table(self, subnet_id: str) -> int:
        return 1000 + list(self._bridges).index(subnet_id)

    def _nft(self, commands: str) -> None:
        run_tool(*self.inside.command("nft", "-f", "-"), stdin=commands)


def _near(link: str) -> str:
    """Give the router's address on the link to a gateway."""
    return f"100.64.{list(_MTU).index(link)}.1"


def _far(link: str) -> str:
    return f"100.64.{list(_MTU).index(link)}.2"
