"""Which claims, of whatever source, may become records at all. Pure."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from msgspec import Struct
from msgspec.structs import replace

from addons.dns.model.claims import Claim, Claims
from addons.dns.model.records import MANAGED_TYPES

Network = IPv4Network | IPv6Network


class TargetFilter(Struct, frozen=True):
    """The settings `--target-net-filter` and `--exclude-target-net`, and the types of records.

    A host name is in no network, so with networks to be in it is left out.
    """

    include: tuple[Network, ...] = ()
    exclude: tuple[Network, ...] = ()
    types: frozenset[str] = frozenset(MANAGED_TYPES)

    def permit(self, found: Claims) -> Claims:
        """`found` without unmanaged types and unwanted targets; a claim that loses all of them is gone."""
        if all(claim.type in self.types for claim in found.claims) and not (self.include or self.exclude):
            return found
        return replace(found, claims=tuple(self._permitted(found.claims)))

    def _permitted(self, claims: Iterable[Claim]) -> Iterator[Claim]:
        for claim in claims:
            if claim.type and claim.type not in self.types:
                continue
            if claim.type in ("A", "AAAA") and claim.values:
                if values := tuple(value for value in claim.values if self._accepts(value)):
                    yield replace(claim, values=values)
            elif claim.is_pending or claim.type not in MANAGED_TYPES or not self.include:
                yield claim

    def _accepts(self, address: str) -> bool:
        found = ip_address(address)
        wanted = not self.include or any(found in network for network in self.include)
        return wanted and not any(found in network for network in self.exclude)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of texts like "10.0.0.0/8"; bits of a host do not matter. Raises ValueError."""
    return tuple(ip_network(text.strip(), strict=False) for text in texts)
