"""Count what interfaces hold."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from addons.cni.model.enis import Eni
from addons.cni.model.pool import Addresses


class Stock(Struct, frozen=True, kw_only=True):
    """Addresses of some interfaces: `assigned`, `cooling`, `quarantined` and `free` are all there are.

    `free_prefixes` are those of `prefixes` of which every address is free.
    """

    assigned: int = 0
    cooling: int = 0
    quarantined: int = 0
    free: int = 0
    prefixes: int = 0
    free_prefixes: int = 0

    @property
    def usable(self) -> int:
        """The addresses that pods have, or may have now."""
        return self.assigned + self.free


def stock_of(enis: Iterable[Eni], addresses: Addresses, now: datetime) -> Stock:
    """Count the addresses of these interfaces."""
    enis = tuple(enis)
    held = frozenset().union(*(eni.all_addresses() for eni in enis))
    assigned = held & addresses.assigned
    resting = (held & addresses.resting(now)) - assigned
    quarantined = (held & addresses.quarantined) - assigned - resting
    taken = assigned | resting | quarantined
    prefixes = [frozenset(prefix) for eni in enis for prefix in eni.prefixes]
    return Stock(
        assigned=len(assigned),
        cooling=len(resting),
        quarantined=len(quarantined),
        free=len(held) - len(taken),
        prefixes=len(prefixes),
        free_prefixes=sum(taken.isdisjoint(prefix) for prefix in prefixes),
    )
