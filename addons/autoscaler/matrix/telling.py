"""Plans as lines for people and for programs."""

from collections import Counter
from collections.abc import Iterable, Mapping

from addons.autoscaler.matrix.prune import Prune
from addons.autoscaler.model.matrix import RollGroup, RollPlan, StackPlan
from addons.runtime.outcomes import PlanLine


def plan_lines(plans: Iterable[StackPlan], *, all_of_them: bool = False) -> list[PlanLine]:
    """A line for each stack that needs something, or of which there is something to tell; or for each."""
    return [_line(each) for each in plans if all_of_them or each.is_change or each.reasons or each.blocked]


def _line(plan: StackPlan) -> PlanLine:
    because = "; ".join(plan.reasons) or ("it is as the file says" if plan.kind == "nothing" else "")
    if plan.blocked:
        because = f"cannot be done: {plan.blocked}" + (f" ({because})" if because else "")
    details = {
        "cell": plan.cell.id if plan.cell else "",
        "reasons": list(plan.reasons),
        "status": plan.stack.status if plan.stack else "",
        "spec": plan.spec.digest if plan.spec else "",
        "busy": plan.is_busy,
        "blocked": plan.blocked,
    }
    return PlanLine(key=plan.name, action=plan.kind, object="stack", because=because, details=details)


def summary(plans: Iterable[StackPlan]) -> str:
    """All of it in one line: how many stacks need what."""
    found = list(plans)
    counts = Counter(each.kind for each in found)
    told = [
        f"{counts[kind]} {kind}" for kind in ("create", "update", "roll", "delete", "nothing") if counts[kind]
    ]
    if blocked := sum(bool(each.blocked) for each in found):
        told.append(f"{blocked} cannot be done")
    cells = sum(each.cell is not None for each in found)
    return f"{cells} {'cell' if cells == 1 else 'cells'}: {', '.join(told) or 'nothing'}"


def roll_lines(found: Iterable[tuple[RollGroup, RollPlan]]) -> list[PlanLine]:
    """A line for each group in which instances differ, or in which a roll waits for somebody."""
    return [_roll_line(group, plan) for group, plan in found if plan.outdated]


def _roll_line(group: RollGroup, plan: RollPlan) -> PlanLine:
    count = sum(each.instance.is_counted for each in group.instances)
    why = "; ".join(dict.fromkeys(plan.outdated.values()))
    because = f"{len(plan.outdated)} of {count} instances differ: {why}"
    if plan.step.kind == "paused":
        because += f"; paused: {plan.step.why}"
    return PlanLine(
        key=plan.group,
        action="roll",
        object="group",
        because=because,
        details={"outdated": dict(plan.outdated), "step": plan.step.kind, "why": plan.step.why},
    )


def prune_lines(prune: Prune, sizes: Mapping[str, int]) -> list[PlanLine]:
    """A line for each stack that goes, with how many instances, and for each that has to wait, with why."""
    lines = [
        PlanLine(
            key=each.name,
            action="delete",
            object="stack",
            because="; ".join(each.reasons),
            details={"instances": sizes.get(each.name, 0)},
        )
        for each in prune.going
    ]
    lines += [
        PlanLine(key=name, action="wait", object="stack", because=why) for name, why in prune.waits.items()
    ]
    return sorted(lines, key=lambda line: line.key)
