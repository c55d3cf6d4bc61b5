"""Interfaces of EC2 as values, for tests of the network that carries them out, and what to ask in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

from addons.sim.aws.ec2.model import Attachment, Change, Interface
from addons.sim.fabric.probes import Flow, flow, pings, seen_by, seen_datagram
from addons.sim.fabric.subnets import PRIVATE, Subnet
from addons.sim.fabric.vpc import Node, VpcFabric

__all__ = [
    "Flow",
    "Site",
    "configure",
    "flow",
    "interface",
    "pings",
    "seen_by",
    "seen_datagram",
    "site",
    "with_addresses",
]

SUBNET = Subnet("subnet-one", IPv4Network("10.0.1.0/24"))
PRIVATE_SUBNET = Subnet("subnet-two", IPv4Network("10.0.2.0/24"), PRIVATE)
_SINCE = datetime(2026, 11, 1, tzinfo=UTC)


def interface(
    number: int,
    *addresses: str,
    instance: str = "",
    index: int = 0,
    subnet: Subnet = SUBNET,
    prefix: str = "",
) -> Interface:
    """An interface whose id and MAC come from a number; with `instance` it is attached."""
    attachment = Attachment(f"eni-attach-{number}", instance, index, 0, "attached", True, _SINCE)
    return Interface(
        id=f"eni-{number:017x}",
        mac=f"02:00:00:00:00:{number:02x}",
        vpc_id="vpc-one",
        subnet_id=subnet.id,
        zone="eu-central-1a",
        addresses=tuple(map(IPv4Address, addresses)),
        prefixes=(IPv4Network(prefix),) if prefix else (),
        attachment=attachment if instance else None,
    )


def with_addresses(old: Interface, *addresses: str) -> Interface:
    """The interface with other addresses."""
    return replace(old, addresses=tuple(map(IPv4Address, addresses)))


class Site:
    """A network with two nodes of one subnet, 10.0.1.4 and 10.0.1.5; `put` plays EC2's feed."""

    def __init__(self, fabric: VpcFabric) -> None:
        self.fabric = fabric
        self.one, self.two = fabric.add_node("i-1"), fabric.add_node("i-2")
        self._there: dict[str, Interface] = {}
        self.primary = self.put(interface(1, "10.0.1.4", instance="i-1"))
        self.put(interface(2, "10.0.1.5", instance="i-2"))

    def put(self, new: Interface) -> Interface:
        """Let EC2 have this interface, instead of the one of its id."""
        self.fabric.change(Change(self._there.get(new.id), new))
        self._there[new.id] = new
        return new

    def delete(self, interface_id: str) -> None:
        self.fabric.change(Change(self._there.pop(interface_id), None))


@contextmanager
def site(*subnets: Subnet) -> Iterator[Site]:
    with VpcFabric(subnets or (SUBNET, PRIVATE_SUBNET)) as fabric:
        yield Site(fabric)


def configure(node: Node, link: str, address: str, *, table: int, router: str) -> None:
    """Let a node use an address of a secondary interface: it leaves by its link."""
    node.inside.ip(
        f"link set {link} up",
        f"addr replace {address}/32 dev {link}",
        f"route add {router} dev {link} scope link table {table}",
        f"route add default via {router} dev {link} table {table}",
        f"rule add from {address} lookup {table}",
    )
