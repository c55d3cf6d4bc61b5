"""Pack change groups into as few calls as the limits of Route 53 allow."""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from addons.dns import names as reasons
from addons.dns.model.actions import Batch, ChangeGroup, Plan
from addons.runtime.outcomes import Skip


class Size(Struct, frozen=True):
    """What Route 53 counts: changes, their values, and the characters of these."""

    changes: int = 0
    values: int = 0
    characters: int = 0

    def plus(self, group: ChangeGroup) -> "Size":
        """The size with one more group."""
        return Size(
            self.changes + len(group.changes),
            self.values + group.elements,
            self.characters + group.characters,
        )

    def fits(self, limits: "Size") -> bool:
        """True when no count is above its limit."""
        return (
            self.changes <= limits.changes
            and self.values <= limits.values
            and self.characters <= limits.characters
        )

    def __str__(self) -> str:
        return f"{self.changes} changes, {self.values} values, {self.characters} characters"


API_LIMITS = Size(changes=1000, values=1000, characters=32_000)
"""What one ChangeResourceRecordSets call may carry."""


def refuse_oversized(plan: Plan, limits: Size) -> Plan:
    """Take out the groups that no call could carry, since a group cannot be divided."""
    sizes = [(group, Size().plus(group)) for group in plan.groups]
    fitting = tuple(group for group, size in sizes if size.fits(limits))
    refused = tuple(_refusal(group, size, limits) for group, size in sizes if not size.fits(limits))
    return replace(plan, groups=fitting, skips=plan.skips + refused)


def _refusal(group: ChangeGroup, size: Size, limits: Size) -> Skip:
    message = f"{group.name} needs {size} in one call, which can carry {limits}"
    return Skip(group.key, group.ref, reasons.TOO_LARGE, message)


def pack(zone_id: str, groups: Iterable[ChangeGroup], limits: Size) -> Iterator[Batch]:
    """Fill batches one after the other, in the order of the groups, dividing none."""
    filling: list[ChangeGroup] = []
    size = Size()
    for group in groups:
        if filling and not size.plus(group).fits(limits):
            yield Batch(zone_id, tuple(filling))
            filling, size = [], Size()
        filling.append(group)
        size = size.plus(group)
    if filling:
        yield Batch(zone_id, tuple(filling))
