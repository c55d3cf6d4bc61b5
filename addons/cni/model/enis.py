"""Network interfaces of the node as EC2 describes them, the limits of its type, and its subnets."""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network

from msgspec import Struct

PREFIX_SIZE = 16
"""Addresses of a prefix: EC2 gives blocks of /28."""


class InstanceLimits(Struct, frozen=True):
    """What a type of instance can hold on its default network card, the primary addresses counted."""

    enis: int
    addresses_per_eni: int
    can_have_prefixes: bool = True

    @property
    def slots_per_eni(self) -> int:
        """Secondary addresses, or prefixes, of one interface."""
        return self.addresses_per_eni - 1

    @property
    def max_pods(self) -> int:
        """What the original tells kubelets: every secondary address, and two pods of the host's network."""
        return self.enis * self.slots_per_eni + 2


class Eni(Struct, frozen=True, kw_only=True):
    """A network interface that is attached to the node, or about to be.

    `addresses` are its secondary ones, without those of `prefixes`. `is_managed` is false for those that are
    none of our business: tagged so, of another network card, or made for EFA or as a trunk.
    """

    eni_id: str
    mac: str
    device_index: int
    subnet_id: str
    subnet_cidr: IPv4Network
    primary_ip: IPv4Address
    addresses: frozenset[IPv4Address] = frozenset()
    prefixes: frozenset[IPv4Network] = frozenset()
    attachment_id: str = ""
    security_groups: tuple[str, ...] = ()
    deletes_on_termination: bool = True
    network_card: int = 0
    is_managed: bool = True
    created_at: datetime | None = None
    tags: Mapping[str, str] = {}

    @property
    def is_primary(self) -> bool:
        """Whether it is the one that the instance was started with."""
        return self.device_index == 0

    @property
    def used_slots(self) -> int:
        """How many of the slots of its limit are taken."""
        return len(self.addresses) + len(self.prefixes)

    def all_addresses(self) -> frozenset[IPv4Address]:
        """Every address that a pod may have on it."""
        return self.addresses.union(*(map(frozenset, self.prefixes)))

    @property
    def table(self) -> int:
        """The number of its table of routes, as the original numbers them; 254 is the main table."""
        if self.network_card:
            return 10_000 + 100 * self.network_card + self.device_index
        return self.device_index + 1 if self.device_index else 254


class Subnet(Struct, frozen=True, kw_only=True):
    """A subnet in which interfaces may be made; `free` is what is left in it.

    EC2 said so, less what this node has `taken` since then (less than 0: has given back).
    """

    subnet_id: str
    cidr: IPv4Network
    free: int
    taken: int = 0
    vpc_id: str = ""
    availability_zone: str = ""
    tags: Mapping[str, str] = {}


class NodeIdentity(Struct, frozen=True, kw_only=True):
    """The instance that this node is, by its metadata."""

    instance_id: str
    instance_type: str
    region: str
    availability_zone: str
    vpc_id: str
    primary_mac: str
    primary_eni_id: str
    primary_ip: IPv4Address
    subnet_id: str
    security_groups: tuple[str, ...] = ()
