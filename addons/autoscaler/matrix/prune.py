"""Whether the groups that no cell asks for may go: never without a word for it, and never most of a matrix by
a slip."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from addons.autoscaler.matrix.plan import without_group
from addons.autoscaler.model.matrix import StackPlan

MOST_PERCENT: Final = 30.0
"""Of the capacity of a matrix, so much may go at once where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Prune:
    """The stacks that go, by name, and how much of the matrix they are: `instances` of those `in_all`.

    `refused` says why none of them may go, and what helps; "" where they may. `waits` are stacks that have to
    wait, or be seen to by a person, each with why.
    """

    going: tuple[StackPlan, ...]
    instances: int
    in_all: int
    waits: Mapping[str, str]
    refused: str = ""

    @property
    def percent(self) -> float:
        """How much of the capacity of the matrix goes."""
        return 100.0 * self.instances / self.in_all if self.in_all else 0.0


def prune_of(
    plans: Iterable[StackPlan], sizes: Mapping[str, int], *, is_said: bool, most: float = MOST_PERCENT
) -> Prune:
    """Which stacks go. `sizes` has the desired capacity of each group of the matrix by name, as far as it can
    be read; `is_said`: somebody said --yes; `most` is in percent.
    """
    found = list(plans)
    leaving = [each for each in found if each.kind == "delete"]
    waits = {each.name: each.blocked or each.reasons[-1] for each in leaving if each.blocked or each.is_busy}
    going = tuple(each for each in leaving if each.name not in waits)
    instances = sum(sizes.get(each.name, 0) for each in going)
    in_all = sum(sizes.get(each.name, 0) for each in found)
    prune = Prune(going, instances, in_all, waits)
    if not going:
        return prune
    return Prune(going, instances, in_all, waits, _refusal(prune, found, sizes, is_said=is_said, most=most))


def _refusal(
    prune: Prune, plans: list[StackPlan], sizes: Mapping[str, int], *, is_said: bool, most: float
) -> str:
    unknown = sorted(each.name for each in plans if _has_group(each) and each.name not in sizes)
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        return f"{unknown[0]}{more}: {without_group(unknown[0])}; nothing goes before all groups can be read"
    if most < 100 and not any(each.cell for each in plans):
        return "no cell of the file is left: a matrix that is to go as a whole needs --most 100"
    if prune.percent > most:
        return (
            f"{prune.instances} of {prune.in_all} instances of the matrix would go, {prune.percent:.0f} %:"
            f" more than {most:g} % needs --most {ceil(prune.percent)}"
        )
    if not is_said:
        stacks = "1 stack" if len(prune.going) == 1 else f"{len(prune.going)} stacks"
        return f"{stacks} with {prune.instances} instances would go: that needs --yes"
    return ""


def _has_group(plan: StackPlan) -> bool:
    """Whether the stack has a group whose size counts."""
    return (
        plan.stack is not None and plan.stack.state in ("settled", "busy", "stuck") and plan.kind != "create"
    )
