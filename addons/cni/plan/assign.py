"""Choose the address of the next pod."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from addons.cni.model.enis import Eni
from addons.cni.model.pool import Addresses

_NOT_YET = datetime.max.replace(tzinfo=UTC)


def pick_address(
    enis: Iterable[Eni],
    addresses: Addresses,
    now: datetime,
    *,
    cooldown: timedelta = timedelta(),
    minimum_cooldown: timedelta | None = None,
) -> tuple[IPv4Address, str] | None:
    """The address for the next pod and its interface's id, or None while there is none.

    The interface with the most pods comes first, so that others empty out and can be given back; on it the
    address that has been free for the longest. `enis` are those that serve pods (`view.serving`).

    With `minimum_cooldown`, which is for a pool that cannot grow, an address that cools down since so long
    is better than none: the one that has rested longest. Addresses rest for `cooldown`.
    """
    enis = sorted(enis, key=lambda eni: (-len(eni.all_addresses() & addresses.assigned), eni.eni_id))
    taken = addresses.unavailable(now)
    for eni in enis:
        if free := eni.all_addresses() - taken:
            return min(free, key=lambda ip: (addresses.free_since.get(ip, _NOT_YET), ip)), eni.eni_id
    if minimum_cooldown is None:
        return None
    return _longest_cooled(enis, addresses, now + cooldown - minimum_cooldown)


def _longest_cooled(
    enis: Iterable[Eni], addresses: Addresses, until: datetime
) -> tuple[IPv4Address, str] | None:
    barred = addresses.assigned | addresses.quarantined
    rested = (
        (addresses.cooling[ip], ip, eni.eni_id)
        for eni in enis
        for ip in eni.all_addresses() & addresses.cooling.keys()
        if ip not in barred and addresses.cooling[ip] <= until
    )
    found = min(rested, default=None)
    return found and found[1:]


def free_since(enis: Iterable[Eni], addresses: Addresses, now: datetime) -> dict[IPv4Address, datetime]:
    """When each free address became free: as known so far, or `now`. To be kept for the next time.

    One that rests will be free when it has rested: nobody looks again just for that.
    """
    held = frozenset[IPv4Address]().union(*(eni.all_addresses() for eni in enis))
    free = held - addresses.assigned - addresses.quarantined
    return {ip: addresses.cooling.get(ip) or addresses.free_since.get(ip, now) for ip in free}
