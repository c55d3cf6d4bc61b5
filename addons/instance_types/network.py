"""The network limits of one type of instance, and how EC2 tells them."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

Kind = Literal["nitro", "xen", "metal"]


class TypeNetwork(Struct, frozen=True):
    """How many interfaces the default network card takes, and how many IPv4 addresses each of them.

    The primary interface and the primary addresses are counted. `cards` is how many network cards there are;
    the others have limits of their own.
    """

    name: str
    enis: int
    addresses_per_eni: int
    kind: Kind = "nitro"
    cards: int = 1

    @property
    def has_prefixes(self) -> bool:
        """Whether interfaces can have prefixes: those of the older hypervisor cannot."""
        return self.kind != "xen"


def network_from_api(item: Mapping[str, Any]) -> TypeNetwork:
    """Read an element of InstanceTypes in an answer of DescribeInstanceTypes.

    MaximumNetworkInterfaces of the type counts all cards together, but an interface is attached to one: the
    limit of the default card is what counts. Raises ValueError when the answer does not tell it.
    """
    name, network = item["InstanceType"], item.get("NetworkInfo") or {}
    cards = network.get("NetworkCards") or []
    default = network.get("DefaultNetworkCardIndex", 0)
    limits = [
        card["MaximumNetworkInterfaces"] for card in cards if card.get("NetworkCardIndex", 0) == default
    ]
    enis = limits[0] if limits else network.get("MaximumNetworkInterfaces", 0)
    addresses = network.get("Ipv4AddressesPerInterface", 0)
    if enis < 1 or addresses < 1:
        raise ValueError(f"type {name}: EC2 does not say how many interfaces and addresses it takes")
    return TypeNetwork(name, enis, addresses, _kind(item), max(1, len(cards)))


def _kind(item: Mapping[str, Any]) -> Kind:
    if item.get("BareMetal"):
        return "metal"
    return "xen" if item.get("Hypervisor") == "xen" else "nitro"
