"""Get more addresses: as few calls as possible, on several interfaces at once."""

from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from addons.cni.model.actions import Action, AssignAddresses, AssignPrefixes, CreateEni
from addons.cni.plan.room import Room, SubnetRests, new_enis, rooms
from addons.cni.plan.targets import Targets
from addons.cni.plan.view import SOON, SOON_FOR_INTERFACE, View, gain

PARALLEL_CREATIONS = 4
"""Interfaces that are being made at the same time: each is three calls out of the account's budget."""


def grow(view: View, targets: Targets, *, creations: int = PARALLEL_CREATIONS) -> Iterator[Action]:
    """Spread the units that are to come over interfaces, and over new ones where these are full.

    What pods wait for may empty a subnet; what is nice to have leaves it more than its reserve. A subnet that
    has less is asked for what it has: EC2 gives all or nothing.
    """
    must, nice = targets.must, targets.nice
    rests = SubnetRests(view)
    for room in _in_order(rooms(view), must + nice):
        count, must, nice = _share(rests, room.eni.subnet_id, room.slots, must, nice)
        if count:
            rests.take(room.eni.subnet_id, count)
            yield _assign(view, room.eni.eni_id, count)
    must -= min(must, _soon_enough(view))
    for _ in range(min(new_enis(view), creations - view.creations)):
        for subnet_id in rests.emptiest():
            count, must, nice = _share(rests, subnet_id, view.limits.slots_per_eni, must, nice, primaries=1)
            if count:
                subnets = tuple(rests.emptiest())
                rests.take(subnet_id, count, primaries=1)
                yield _create(view, (subnet_id, *(key for key in subnets if key != subnet_id)), count)
                break


def growable(view: View) -> int:
    """How many addresses more this node could have; what is under way counts as not begun yet."""
    everything = Targets(must=view.limits.enis * view.limits.slots_per_eni)
    settled = replace(view, under_way=())
    return sum(gain(action) for action in grow(settled, everything, creations=view.limits.enis))


def _in_order(able: tuple[Room, ...], wanted: int) -> tuple[Room, ...]:
    """One call where one interface can take all, even if it is not the fullest."""
    roomy = next((room for room in able if room.slots >= wanted), None)
    return (roomy, *(room for room in able if room is not roomy)) if roomy else able


def _share(
    rests: SubnetRests, subnet_id: str, slots: int, must: int, nice: int, primaries: int = 0
) -> tuple[int, int, int]:
    """How many go there, and what is left of both."""
    needed = min(must, slots, rests.units(subnet_id, above_reserve=False, primaries=primaries))
    roomy = rests.units(subnet_id, above_reserve=True, primaries=primaries)
    wished = min(nice, slots - needed, max(0, roomy - needed))
    return needed + wished, must - needed, nice - wished


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
