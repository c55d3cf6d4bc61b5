"""What subnets have left: an instance takes an address, and groups may share subnets."""

from collections.abc import Iterable

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.plans import GroupState, WhyNot

_WITHOUT_LIMIT = 1 << 30


class Addresses:
    """Counts the addresses that are left for instances; those that AWS still owes are taken already."""

    def __init__(self, states: Iterable[GroupState]) -> None:
        self._spent: dict[tuple[str, ...], int] = {}
        for state in states:
            self.take(state.group, state.upcoming - state.starting - state.unregistered)

    def left(self, group: Group) -> tuple[int, WhyNot]:
        """Say how many instances of a group find an address. What another group takes of one of its subnets
        is counted whole: which of several subnets AWS will choose is not known.
        """
        free = group.free_addresses
        count = _WITHOUT_LIMIT if free is None else sum(free.values()) - self._spent_near(group)
        told = f"its subnets {', '.join(sorted(group.subnets))} have {max(0, count)} addresses left"
        return count, WhyNot(names.SUBNET_FULL, told)

    def take(self, group: Group, count: int) -> None:
        """Count so many addresses as taken."""
        if count:
            key = tuple(sorted(group.subnets))
            self._spent[key] = self._spent.get(key, 0) + count

    def _spent_near(self, group: Group) -> int:
        mine = set(group.subnets)
        return sum(count for key, count in self._spent.items() if not mine.isdisjoint(key))
