"""Which endpoints, of whatever source, may become records at all. Pure."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from msgspec import Struct
from msgspec.structs import replace

from addons.dns.model.endpoint import Desired, Endpoint
from addons.dns.model.records import MANAGED_TYPES

Network = IPv4Network | IPv6Network


class TargetFilter(Struct, frozen=True):
    """The settings `--target-net-filter` and `--exclude-target-net`, and the types of records.

    A host name is in no network, so with networks to be in it is left out.
    """

    include: tuple[Network, ...] = ()
    exclude: tuple[Network, ...] = ()
    types: frozenset[str] = frozenset(MANAGED_TYPES)

    def permit(self, found: Desired) -> Desired:
        """`found` without unmanaged types and unwanted targets; an endpoint without any is gone."""
        if all(endpoint.type in self.types for endpoint in found.endpoints) and not (
            self.include or self.exclude
        ):
            return found
        return replace(found, endpoints=tuple(self._permitted(found.endpoints)))

    def _permitted(self, endpoints: Iterable[Endpoint]) -> Iterator[Endpoint]:
        for endpoint in endpoints:
            if endpoint.type and endpoint.type not in self.types:
                continue
            if endpoint.type in ("A", "AAAA") and endpoint.targets:
                if values := tuple(value for value in endpoint.targets if self._accepts(value)):
                    yield replace(endpoint, targets=values)
            elif endpoint.is_pending or endpoint.type not in MANAGED_TYPES or not self.include:
                yield endpoint

    def _accepts(self, address: str) -> bool:
        found = ip_address(address)
        wanted = not self.include or any(found in network for network in self.include)
        return wanted and not any(found in network for network in self.exclude)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of texts like "10.0.0.0/8"; bits of a host do not matter. Raises ValueError."""
    return tuple(ip_network(text.strip(), strict=False) for text in texts)
