"""The VPC: subnets with a router, nodes whose links come and go with their interfaces, and what is beyond.

    node 10.0.1.4 eth0 ---- eni0 \\                      / igw ---- 198.51.100.10  the internet
                  eth1 ---- eni1 -- subnet 10.0.1.0/24 --- nat ----      "
    node 10.0.1.5 eth0 ---- eni2 /  router 10.0.1.1      \\ peering - 172.31.0.10   a peered network

EC2's feed tells of interfaces: `ec2.feed.listen(fabric.change)`; when a call of EC2 is answered, the network
is as it says. Packets are filtered as `filters` says; broadcasts go nowhere. Not simulated: security groups,
network ACLs, IPv6.
"""

import itertools
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address
from types import TracebackType
from typing import Self

from addons.sim.aws.ec2.model import Change, Interface
from addons.sim.fabric.echo import Echo
from addons.sim.fabric.filters import targets
from addons.sim.fabric.router import INTERNET, NAT_GATEWAY, PEERED, PUBLIC_ADDRESSES, SERVICES, Router
from addons.sim.fabric.subnets import Subnet
from addons.sim.net import METADATA, Namespace

__all__ = ["INTERNET", "NAT_GATEWAY", "PEERED", "SERVICES", "Node", "VpcFabric"]

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Node:
    """An instance's network namespace; `public` is the public address of its primary one, None for none."""

    instance_id: str
    inside: Namespace
    public: IPv4Address | None


class VpcFabric:
    """The network; a context manager that removes everything it made. Needs root.

    `internet` and `peered` tell who asks them (`Echo`), and know who has asked. `link_name` names the link of
    an interface on its node by its device index.
    """

    def __init__(
        self, subnets: Iterable[Subnet], *, link_name: Callable[[int], str] = "eth{}".format
    ) -> None:
        self._prefix = f"addons-vpc-{os.getpid()}-{next(_numbers)}"
        self.router = Router(Namespace(f"{self._prefix}-router"), Namespace(f"{self._prefix}-outside"))
        self.outside = self.router.outside
        self.internet = Echo(self.outside, str(INTERNET))
        self.peered = Echo(self.outside, str(PEERED))
        self._link_name = link_name
        self._first_subnets = tuple(subnets)
        self._nodes: dict[str, Node] = {}
        self._interfaces: dict[str, Interface] = {}
        self._ports: dict[str, str] = {}
        self._node_numbers = itertools.count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as self._stack:
            for namespace in (self.router.inside, self.outside):
                self._add_namespace(namespace)
            self.router.make()
            for subnet in self._first_subnets:
                self.router.add_subnet(subnet)
            for echo in (self.internet, self.peered):
                self._stack.enter_context(echo)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add_node(self, instance_id: str, *, name: str = "", has_public_address: bool = True) -> Node:
        """Make the namespace of an instance, whose interfaces are plugged in as EC2 tells.

        The metadata address is its own: whoever plays the metadata service listens there, inside.
        """
        inside = Namespace(name or f"{self._prefix}-node{next(self._node_numbers)}")
        self._add_namespace(inside)
        inside.ip("link set lo up", f"addr add {METADATA}/32 dev lo scope host")
        inside.set_kernel("ipv4/ip_forward", "1")
        node = Node(instance_id, inside, self._free_public_address() if has_public_address else None)
        self._nodes[instance_id] = node
        for interface in list(self._interfaces.values()):
            if interface.plugged_into == instance_id:
                self._replace(None, interface)
        return node

    def remove_node(self, instance_id: str) -> None:
        """Remove the namespace of an instance that has ended."""
        for interface in list(self._interfaces.values()):
            if interface.plugged_into == instance_id and interface.id in self._ports:
                self.router.unplug(self._ports.pop(interface.id))
        self._nodes.pop(instance_id).inside.remove()

    def change(self, change: Change) -> None:
        """Carry out what EC2 tells of an interface."""
        old = self._interfaces.pop(change.before.id, None) if change.before else None
        if change.after:
            self._interfaces[change.after.id] = change.after
        if not (old and change.after and _wiring(old) == _wiring(change.after)):
            self._replace(old, change.after)

    def dropped(self) -> dict[str, int]:
        """Give how many packets were dropped, by reason (`filters.COUNTERS`)."""
        return self.router.dropped()

    def port(self, interface_id: str) -> str:
        """Give the router's port of an interface, for `tcpdump` say; KeyError when it is not plugged in."""
        return self._ports[interface_id]

    def _replace(self, old: Interface | None, new: Interface | None) -> None:
        """Let the network be as one interface is now, which was another one before."""
        before, after = self._where(old), self._where(new)
        if old and before and before is not after:
            self.router.unplug(self._ports.pop(old.id))
        if new and after and new.id not in self._ports:
            self._plug_in(new, after)
        gone, now = (_hosts(each) if each and self._where(each) else {} for each in (old, new))
        moved = {host: mac for host, mac in now.items() if gone.get(host) != mac}
        self.router.locate(gone.keys() - now.keys(), moved)
        plugged = {port: self._interfaces[id_] for id_, port in self._ports.items()}
        self.router.admit(plugged, self._public_addresses(plugged.values()))

    def _where(self, interface: Interface | None) -> Node | None:
        return self._nodes.get(interface.plugged_into) if interface else None

    def _plug_in(self, interface: Interface, node: Node) -> None:
        """Plug it in: its link appears on the node, down and without address but for the primary one's."""
        assert interface.attachment
        index = interface.attachment.device_index
        link = self._link_name(index)
        self._ports[interface.id] = self.router.plug_in(interface, node.inside, link)
        if index == 0:  # which an instance sets up by DHCP
            subnet = self.router.subnets[interface.subnet_id]
            node.inside.ip(
                f"addr add {interface.addresses[0]}/{subnet.network.prefixlen} dev {link}",
                f"link set {link} up",
                f"route add default via {subnet.router}",
            )

    def _public_addresses(self, plugged: Iterable[Interface]) -> dict[IPv4Address, IPv4Address]:
        found = {}
        for interface in plugged:
            node = self._nodes[interface.plugged_into]
            if node.public and interface.attachment and interface.attachment.device_index == 0:
                found[interface.addresses[0]] = node.public
        return found

    def _free_public_address(self) -> IPv4Address:
        taken = {node.public for node in self._nodes.values()}
        return next(address for address in PUBLIC_ADDRESSES.hosts() if address not in taken)

    def _add_namespace(self, namespace: Namespace) -> None:
        namespace.make()
        self._stack.callback(namespace.remove)


def _wiring(interface: Interface) -> tuple[object, ...]:
    """Give what of an interface concerns the network: tags, for one, do not."""
    return interface.plugged_into, interface.mac, interface.addresses, interface.prefixes


def _hosts(interface: Interface) -> dict[tuple[str, IPv4Address], str]:
    """Give the MAC for every single address that an interface owns, with the id of its subnet."""
    blocks = (target if not isinstance(target, IPv4Address) else (target,) for target in targets(interface))
    return {(interface.subnet_id, address): interface.mac for block in blocks for address in block}
