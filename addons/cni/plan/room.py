"""Where more addresses could go: places on interfaces, interfaces still to be made, and subnets' rest."""

from collections.abc import Iterator

from msgspec import Struct

from addons.cni.model.actions import DeleteEni, OfEni
from addons.cni.model.enis import Eni
from addons.cni.plan.view import NEW_INTERFACE, View, gain

UNKNOWN_REST = 1_000_000
"""What is taken to be left in a subnet of which nothing is known: EC2 will say."""


class Room(Struct, frozen=True):
    """An interface that can take `slots` more units."""

    eni: Eni
    slots: int


def rooms(view: View) -> tuple[Room, ...]:
    """The interfaces that can take more now, the one with the most pods first.

    Not those on which something is under way, or on which EC2 refused something lately, or whose subnet is
    not where pods' addresses are to come from.
    """
    able = [
        Room(eni, slots)
        for eni in view.pod_enis
        if (slots := view.limits.slots_per_eni - eni.used_slots) > 0
        and eni.eni_id not in view.busy
        and not view.rests_now(eni.eni_id)
        and not view.rests_now(eni.subnet_id)
        and _is_placed(view, eni)
    ]
    assigned = view.addresses.assigned
    return tuple(sorted(able, key=lambda room: (-len(room.eni.all_addresses() & assigned), room.eni.eni_id)))


def slots_of_busy(view: View) -> int:
    """Units that fit into interfaces on which something is under way: they are asked in a moment."""
    leaving = {one.action.eni_id for one in view.under_way if isinstance(one.action, DeleteEni)}
    return sum(
        max(0, view.limits.slots_per_eni - eni.used_slots - _coming(view, eni))
        for eni in view.pod_enis
        if eni.eni_id in view.busy - leaving and not view.rests_now(eni.subnet_id) and _is_placed(view, eni)
    )


def _coming(view: View, eni: Eni) -> int:
    """Units that come to an interface when what is under way succeeds."""
    actions = (one.action for one in view.under_way if isinstance(one.action, OfEni))
    return sum(gain(action) for action in actions if action.eni_id == eni.eni_id) // view.unit


def _is_placed(view: View, eni: Eni) -> bool:
    return not view.placement.is_custom or eni.subnet_id in view.placement.subnet_ids


def new_enis(view: View) -> int:
    """How many interfaces could be made now.

    None while EC2 throttles the growth of those that are there: three calls are no way around one.
    """
    if not view.makes_enis or view.rests_now(NEW_INTERFACE) or _is_throttled(view):
        return 0
    return view.free_eni_slots


def _is_throttled(view: View) -> bool:
    resting = (view.rests[eni.eni_id] for eni in view.pod_enis if view.rests_now(eni.eni_id))
    return any(rest.is_throttling for rest in resting)


def slots_of_rooms(view: View) -> tuple[int, ...]:
    """Units that fit into each interface that can take more, and into each that can be made."""
    return (*(room.slots for room in rooms(view)), *[view.limits.slots_per_eni] * new_enis(view))


class SubnetRests:
    """What is left in each subnet while a plan takes out of it."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._left = {key: subnet.free for key, subnet in view.subnets.items()}

    def units(self, subnet_id: str, *, above_reserve: bool, primaries: int = 0) -> int:
        """Units that can be taken, besides the primary addresses of so many new interfaces.

        `above_reserve` is for addresses that nobody waits for: enough stays that this node does not at once
        give back what it took.
        """
        left = self._left.get(subnet_id, UNKNOWN_REST) - primaries
        if above_reserve and (subnet := self._view.subnets.get(subnet_id)):
            left -= self._view.policy.reserve(subnet.cidr) + self._view.policy.headroom
        return max(0, left // self._view.unit)

    def take(self, subnet_id: str, count: int, primaries: int = 0) -> None:
        """Write down that so many units are taken."""
        if subnet_id in self._left:
            self._left[subnet_id] -= count * self._view.unit + primaries

    def emptiest(self) -> Iterator[str]:
        """The subnets for new interfaces that can be tried now, those with the most left first."""
        ids = [key for key in self._view.placement.subnet_ids if not self._view.rests_now(key)]
        yield from sorted(ids, key=lambda key: -self._left.get(key, UNKNOWN_REST))


def by_pods(enis: tuple[Eni, ...], view: View) -> list[Eni]:
    """The interfaces with the fewest pods first, so that they become free to be detached."""
    assigned = view.addresses.assigned
    return sorted(enis, key=lambda eni: (len(eni.all_addresses() & assigned), -eni.device_index, eni.eni_id))
