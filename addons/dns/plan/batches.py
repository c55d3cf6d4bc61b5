"""Pack change groups into as few calls as the limits of Route 53 allow."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from addons.dns import names as reasons
from addons.dns.model.actions import Batch, ChangeGroup, Plan
from addons.runtime.outcomes import Skip


class BatchLimits(Struct, frozen=True):
    """What one ChangeResourceRecordSets call may carry; the defaults are the limits of the API itself."""

    elements: int = 1000
    characters: int = 32_000

    def take(self, group: ChangeGroup) -> bool:
        """True when the group fits into a call of its own."""
        return group.elements <= self.elements and group.characters <= self.characters


def refuse_oversized(plan: Plan, limits: BatchLimits) -> Plan:
    """Take out the groups that no call could carry, since a group cannot be divided."""
    fitting = tuple(group for group in plan.groups if limits.take(group))
    refused = tuple(_refusal(group, limits) for group in plan.groups if not limits.take(group))
    return Plan(fitting, plan.skips + refused)


def _refusal(group: ChangeGroup, limits: BatchLimits) -> Skip:
    message = (
        f"{group.name} needs {group.elements} values of {group.characters} characters in one change,"
        f" at most {limits.elements} and {limits.characters} are possible"
    )
    return Skip(group.key, group.ref, reasons.TOO_LARGE, message)


def pack(zone_id: str, groups: Iterable[ChangeGroup], limits: BatchLimits) -> Iterator[Batch]:
    """Fill batches one after the other, in the order of the groups, dividing none."""
    filling: list[ChangeGroup] = []
    elements = characters = 0
    for group in groups:
        full = (
            elements + group.elements > limits.elements or characters + group.characters > limits.characters
        )
        if filling and full:
            yield Batch(zone_id, tuple(filling))
            filling, elements, characters = [], 0, 0
        filling.append(group)
        elements += group.elements
        characters += group.characters
    if filling:
        yield Batch(zone_id, tuple(filling))
