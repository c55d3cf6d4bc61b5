"""Which targets are registered and deregistered: first all that is new, then what is over. Pure."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final, TypeVar

from msgspec import Struct

from addons.albingress.model.targets import (
    DeregisterTargets,
    RegisterTargets,
    Target,
    TargetAction,
    TargetPlan,
)
from addons.runtime.outcomes import ObjectRef

A = TypeVar("A", bound=TargetAction)

BATCH: Final = 200
"""Targets of one call that AWS takes."""


class TargetView(Struct, frozen=True, kw_only=True):
    """What is known of a target group.

    `wanted` is what its bindings ask for; `why_kept` says in words why that is not all of it, so that nothing
    is given up. `registered` is what AWS has. `refused` are targets that AWS does not take now. Of a group
    that is `shared` with others only `ours` are deregistered. `limit`: at most so many targets, 0 for all.
    """

    group: str
    ref: ObjectRef | None
    wanted: Collection[Target]
    registered: Collection[Target]
    why_kept: str = ""
    refused: Collection[Target] = ()
    shared: bool = False
    ours: Collection[Target] = ()
    limit: int = 0


def plan_targets(view: TargetView) -> TargetPlan:
    """Have a group's targets be the wanted ones.

    Nothing is deregistered unless all wishes are known, nor where it would leave no target although some are
    wanted: those that AWS refuses do not serve.
    """
    registered = {target.key for target in view.registered}
    chosen, left_out = _chosen(view, registered)
    wanted = {target.key for target in chosen}
    refused = {target.key for target in view.refused}
    new = sorted(target for target in chosen if target.key not in registered and target.key not in refused)
    own = {target.key for target in view.ours}
    over = sorted(
        target
        for target in view.registered
        if target.key not in wanted and (not view.shared or target.key in own)
    )
    why_kept = view.why_kept if over else ""
    if over and not why_kept and wanted and wanted <= refused:
        why_kept = "AWS refuses all targets that are to follow"
    return TargetPlan(
        register=tuple(_calls(RegisterTargets, view, new, "ready to serve")),
        deregister=() if why_kept else tuple(_calls(DeregisterTargets, view, over, "serves no more")),
        kept=tuple(over) if why_kept else (),
        why_kept=why_kept,
        left_out=left_out,
    )


def _chosen(
    view: TargetView, registered: Collection[tuple[str, int]]
) -> tuple[tuple[Target, ...], tuple[Target, ...]]:
    """The wanted targets within the limit, those first that are registered, and the others."""
    once = {target.key: target for target in sorted(view.wanted)}.values()
    if not view.limit or len(once) <= view.limit:
        return tuple(once), ()
    ranked = sorted(once, key=lambda target: (target.key not in registered, target))
    return tuple(ranked[: view.limit]), tuple(ranked[view.limit :])


def _calls(action: type[A], view: TargetView, targets: list[Target], because: str) -> Iterator[A]:
    for batch in batches(targets):
        yield action(key=view.group, ref=view.ref, because=because, targets=batch)


def batches(targets: Iterable[Target]) -> Iterator[tuple[Target, ...]]:
    """Targets in groups that one call takes."""
    left = tuple(targets)
    while left:
        yield left[:BATCH]
        left = left[BATCH:]


def halves(targets: tuple[Target, ...]) -> tuple[tuple[Target, ...], tuple[Target, ...]]:
    """A batch that was refused in two: so the one that is to blame is found."""
    middle = len(targets) // 2
    return targets[:middle], targets[middle:]


def room(plan: TargetPlan, registered: int) -> tuple[Target, ...]:
    """What may go first where a group is full: of what is over as much as leaves half of the targets."""
    over = [target for action in plan.deregister for target in action.targets]
    return tuple(over[: min(BATCH, max(1, registered // 2))])
