"""Get more addresses: as few calls as possible, on several interfaces at once."""

from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from addons.cni.model.actions import Action, AssignAddresses, AssignPrefixes, CreateEni
from addons.cni.plan.room import Room, SubnetRests, new_enis, rooms, slots_of_busy
from addons.cni.plan.targets import Targets
from addons.cni.plan.view import SOON, SOON_FOR_INTERFACE, View, gain

PARALLEL_CREATIONS = 4
"""Interfaces that are being made at the same time: each is three calls out of the account's budget."""


def grow(view: View, targets: Targets, *, creations: int = PARALLEL_CREATIONS) -> Iterator[Action]:
    """Spread the units that are to come over interfaces, and over new ones where these are full.

    What pods wait for may empty a subnet; what is nice to have leaves it more than its reserve. A subnet that
    has less is asked for what it has: EC2 gives all or nothing. No interface is made for what one can take
    that is only busy: it takes an address of its own, and three calls.
    """
    supply = _Supply(SubnetRests(view), targets)
    for room in _in_order(rooms(view), targets.must + targets.nice):
        if count := supply.take(room.eni.subnet_id, room.slots):
            yield _assign(view, room.eni.eni_id, count)
    supply.must -= min(supply.must, _soon_enough(view))
    supply.leave(slots_of_busy(view))
    for _ in range(min(new_enis(view), creations - view.creations)):
        if not supply.must and targets.nice - supply.nice >= targets.urgent:
            break
        for subnet_id in (subnet_ids := tuple(supply.rests.emptiest())):
            if count := supply.take(subnet_id, view.limits.slots_per_eni, primaries=1):
                others = (key for key in subnet_ids if key != subnet_id)
                yield _create(view, (subnet_id, *others), count)
                break


class _Supply:
    """What is still to come, and what subnets have left for it."""

    def __init__(self, rests: SubnetRests, targets: Targets) -> None:
        self.rests = rests
        self.must, self.nice, self._fill = targets.must, targets.nice, targets.fill

    def take(self, subnet_id: str, slots: int, primaries: int = 0) -> int:
        """Units that an interface with so many slots gets, 0 when it need not or cannot have any."""
        least = self.rests.units(subnet_id, above_reserve=False, primaries=primaries)
        roomy = self.rests.units(subnet_id, above_reserve=True, primaries=primaries)
        needed = min(self.must, slots, least)
        wished = min(self.nice, slots - needed, max(0, roomy - needed))
        count = needed + wished
        if not count:
            return 0
        more = min(self._fill, slots - count, max(0, roomy - count))
        self.must, self.nice, self._fill = self.must - needed, self.nice - wished, self._fill - more
        self.rests.take(subnet_id, count + more, primaries)
        return count + more

    def leave(self, units: int) -> None:
        """Leave so many to interfaces that cannot be asked at the moment."""
        needed = min(self.must, units)
        self.must, self.nice = self.must - needed, max(0, self.nice - (units - needed))


def growable(view: View) -> int:
    """How many addresses more this node could have; what is under way counts as not begun yet."""
    everything = Targets(must=view.limits.enis * view.limits.slots_per_eni)
    settled = replace(view, under_way=())
    return sum(gain(action) for action in grow(settled, everything, creations=view.limits.enis))


def _in_order(able: tuple[Room, ...], wanted: int) -> tuple[Room, ...]:
    """One call where one interface can take all, even if it is not the fullest."""
    roomy = next((room for room in able if room.slots >= wanted), None)
    return (roomy, *(room for room in able if room is not roomy)) if roomy else able


def _soon_enough(view: View) -> int:
    """Units for which no interface need be made, as addresses will have cooled down before it is there."""
    return _cooled_between(view, SOON, SOON_FOR_INTERFACE) // view.unit if view.policy.is_demand_driven else 0


def _cooled_between(view: View, start: timedelta, end: timedelta) -> int:
    held = frozenset[object]().union(*(eni.all_addresses() for eni in view.pod_enis))
    late, early = view.addresses.resting(view.now + start), view.addresses.resting(view.now + end)
    return len(held & (late - early) - view.addresses.assigned)


def _assign(view: View, eni_id: str, count: int) -> Action:
    because = _because(view)
    if view.policy.has_prefixes:
        return AssignPrefixes(eni_id=eni_id, count=count, because=because)
    return AssignAddresses(eni_id=eni_id, count=count, because=because)


def _create(view: View, subnet_ids: tuple[str, ...], count: int) -> CreateEni:
    return CreateEni(
        subnet_ids=subnet_ids,
        security_groups=view.placement.security_groups,
        addresses=0 if view.policy.has_prefixes else count,
        prefixes=count if view.policy.has_prefixes else 0,
        because=_because(view),
    )


def _because(view: View) -> str:
    free = view.stock.free
    return f"{view.waiting} pods wait, {free} addresses are free, {view.stock.cooling} cool down"
