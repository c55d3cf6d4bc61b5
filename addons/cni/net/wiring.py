"""How one sandbox is wired: names, addresses and tables of its pair of links. Pure.

The pod's end has the address as a /32 and sends everything to `GATEWAY`, which is the host's end by a
permanent neighbour. The host's end carries an alias that says whose link it is: names are made of the pod's
name, which another pod may have had before.
"""

import hashlib
from ipaddress import IPv4Address
from typing import Literal

from msgspec import Struct

from addons.cni.model.assignments import PodId, SandboxKey

GATEWAY = IPv4Address("169.254.1.1")
"""Where pods send everything, as in the original. No link has this address."""

MAIN_TABLE, POD_TABLE = 254, 200
"""`POD_TABLE` has one route for each pod of the layout `table`."""

PROTOCOL = 83
"""Who made a rule or a route: as daemons of routing have their numbers (rtnetlink(7)), this one is ours."""

TO_POD, MARKED, FROM_POD, FROM_ENI = 512, 1024, 1536, 32765
"""Priorities of rules, as in the original: to pods, of marked packets, from pods, from interfaces."""

DOOMED_GROUP = 0x0C011D83
"""The group of links that are about to be removed; a number that nobody else has."""

RuleLayout = Literal["table", "compat"]

_ALIAS = "aws-addons-cni "
_HOST_MAC = b"\xce\x00"
_FIRST = "eth0"


class Wiring(Struct, frozen=True, kw_only=True):
    """What a sandbox's pair of links is to be.

    `netns` is the path of the pod's namespace. `host_if` names the host's end (`veth_name`). `table` is that
    of the network interface which has the address: `Eni.table`; it counts in the layout `compat` only.
    """

    key: SandboxKey
    netns: str
    host_if: str
    ip: IPv4Address
    table: int = MAIN_TABLE
    mtu: int = 9001
    layout: RuleLayout = "table"

    @property
    def if_name(self) -> str:
        """The name of the pod's end."""
        return self.key.if_name

    @property
    def alias(self) -> str:
        """The alias of the host's end: whose it is."""
        return alias_of(self.key)

    @property
    def table_of_route(self) -> int:
        """The table in which the route to the pod is."""
        return POD_TABLE if self.layout == "table" else MAIN_TABLE

    @property
    def pod_mac(self) -> bytes:
        """The hardware address of the pod's end: made of its address, so that none need be searched for."""
        return b"\xca\x00" + self.ip.packed

    @property
    def host_mac(self) -> bytes:
        """The hardware address of the host's end."""
        return _HOST_MAC + self.ip.packed


class Wired(Struct, frozen=True):
    """The hardware addresses of both ends, as `aa:bb:cc:dd:ee:ff`."""

    host_mac: str
    pod_mac: str


def veth_name(prefix: str, pod: PodId, if_name: str = _FIRST) -> str:
    """Name the host's end as the original does; of a pod's further interfaces each has its own name."""
    of_interface = "" if if_name == _FIRST else f".{if_name}"
    digest = hashlib.sha1(f"{pod.namespace}.{pod.name}{of_interface}".encode(), usedforsecurity=False)
    return f"{prefix}{digest.hexdigest()[:11]}"


def alias_of(key: SandboxKey) -> str:
    """Give the alias that says whose link it is."""
    return f"{_ALIAS}{key.container_id} {key.if_name}"


def owner_of(alias: str) -> tuple[str, str] | None:
    """Give (container id, name inside) of an alias of ours; None when it is not ours."""
    container_id, _, if_name = alias.removeprefix(_ALIAS).partition(" ")
    return (container_id, if_name) if alias.startswith(_ALIAS) and if_name else None


def is_host_mac(mac: str) -> bool:
    """Whether a hardware address is one that the host's end of a pair of ours has."""
    return mac.startswith(f"{written_mac(_HOST_MAC)}:")


def written_mac(octets: bytes) -> str:
    """Write a hardware address as people do."""
    return octets.hex(":")
