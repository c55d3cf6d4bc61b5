"""What each stack needs, by the file and by what the stacks' own tags say of them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from addons.autoscaler import names
from addons.autoscaler.matrix.expansion import Matrix
from addons.autoscaler.matrix.spec import IN_WORDS, parts_in, spec_of
from addons.autoscaler.matrix.tags import stack_tags
from addons.autoscaler.matrix.template import MOST_BYTES, body_of, template_of
from addons.autoscaler.model.matrix import Cell, PlanKind, Spec, Stack, StackPlan

CHANGED, FAILED = 2, 3
"""Exit codes: there is something to do; something cannot be done."""

_UNROLLED: Final = "its instances are of an older launch template until they are rolled"
_IN_FULL: Final = ("image",)
"""Parts whose values are told."""


def plan(matrix: Matrix, stacks: Iterable[Stack], version: str) -> tuple[StackPlan, ...]:
    """What each stack needs, by name. Of the stacks only those of the matrix count, and those that have a
    name of its cells.

    `version` is that of the tool, for the tags. Raises ValueError while images are still to be looked up.
    """
    if matrix.parameters:
        raise ValueError(
            f"images by parameters of SSM are to be looked up first: {', '.join(matrix.parameters)}"
        )
    there = {each.name: each for each in stacks if each.status != "DELETE_COMPLETE"}
    owner = matrix.cluster, matrix.name
    plans = [_of_cell(cell, there.get(cell.name), version) for cell in matrix.cells]
    wanted = {cell.name for cell in matrix.cells}
    plans += [
        _of_leftover(stack, matrix.keep)
        for name, stack in there.items()
        if name not in wanted and stack.owner == owner
    ]
    return tuple(sorted(plans, key=lambda each: each.name))


def exit_code(plans: Iterable[StackPlan]) -> int:
    """0 when there is nothing to do, 2 when there is, 3 when something cannot be done."""
    found = list(plans)
    if any(each.blocked for each in found):
        return FAILED
    return CHANGED if any(each.is_change for each in found) else 0


def _of_cell(cell: Cell, stack: Stack | None, version: str) -> StackPlan:
    spec = spec_of(cell)
    template = template_of(cell, spec.launch)
    made = StackPlan(
        name=cell.name,
        kind="create",
        reasons=("there is no stack",),
        cell=cell,
        stack=stack,
        spec=spec,
        template=template,
        tags=stack_tags(cell, spec, version),
        blocked=_too_long(template),
    )
    if stack is None:
        return made
    if stack.owner != (cell.cluster, cell.matrix):
        whose = (
            "no matrix" if not any(stack.owner) else f"matrix {stack.owner[1]} of cluster {stack.owner[0]}"
        )
        blocked = (
            f"a stack of this name is there already, and is of {whose}: remove it, or rename the service"
        )
        return replace(made, reasons=(), blocked=blocked)
    return _of_both(made, cell, stack, spec)


def _too_long(template: dict[str, Any]) -> str:
    size = len(body_of(template).encode())
    return f"a template of {size} bytes: CloudFormation takes {MOST_BYTES}" if size > MOST_BYTES else ""


def _of_both(made: StackPlan, cell: Cell, stack: Stack, spec: Spec) -> StackPlan:
    """The plan for a cell that has a stack already."""
    why = f": {stack.reason}" if stack.reason else ""
    match stack.state:
        case "empty":
            return replace(made, reasons=("a change set for the stack was never carried out",))
        case "going":
            return replace(
                made,
                reasons=("its stack is being deleted: apply waits until it is gone",),
                is_busy=True,
                is_remade=True,
            )
        case "failed":
            told = (f"its stack is in {stack.status}{why}", "what is left of it is removed first")
            blocked = _protected(stack) if stack.is_protected else made.blocked
            return replace(made, reasons=told, is_remade=True, blocked=blocked)
    return _of_made(made, cell, stack, spec)


def _of_made(made: StackPlan, cell: Cell, stack: Stack, spec: Spec) -> StackPlan:
    """The plan for a cell whose stack was made once."""
    reasons = tuple(_differences(cell, stack, spec))
    found = replace(made, kind=_kind(stack, spec, reasons), blocked=made.blocked if reasons else "")
    if stack.state == "busy":
        told = f"its stack is in {stack.status}: apply waits until that has ended"
        return replace(found, reasons=(*reasons, told), is_busy=True)
    if stack.status == "UPDATE_ROLLBACK_COMPLETE":
        reasons += (f"its last update was undone{f': {stack.reason}' if stack.reason else ''}",)
    return replace(found, reasons=reasons, blocked=_stuck(stack) if stack.state == "stuck" else found.blocked)


def _kind(stack: Stack, spec: Spec, reasons: tuple[str, ...]) -> PlanKind:
    if not reasons:
        return "nothing"
    return "update" if stack.spec.launch == spec.launch else "roll"


def _differences(cell: Cell, stack: Stack, spec: Spec) -> Iterator[str]:
    """In which parts a stack is not what its cell asks for."""
    if stack.is_protected != cell.is_protected:
        yield "termination protection off -> on" if cell.is_protected else "termination protection on -> off"
    if stack.spec.digest == spec.digest:
        return
    before, after = parts_in(stack.spec.parts), parts_in(spec.parts)
    changed = [name for name in after if before.get(name) != after[name]]
    if (other := stack.tags.get(names.CELL_TAG, "")) != cell.id:
        yield f"it was cell {other or 'unknown'}"
    for name in changed:
        yield from _told(name, before.get(name, ""), after[name])
    if not changed:
        version = stack.tags.get(names.TOOL_TAG, "unknown")
        yield f"version {version} of the tool made its template, and this one makes another"
    if stack.spec.launch != spec.launch:
        yield _UNROLLED


def _told(name: str, before: str, after: str) -> Iterator[str]:
    if name == "limits":
        for limit, old, new in zip(("min", "max"), before.split("-"), after.split("-"), strict=False):
            if old != new:
                yield f"{limit} {old or 'unknown'} -> {new}"
    elif name in _IN_FULL and before.startswith("ami-") and after.startswith("ami-"):
        yield f"{name} {before} -> {after}"
    else:
        yield f"{IN_WORDS.get(name, name)} changed"


def _stuck(stack: Stack) -> str:
    why = f": {stack.reason}" if stack.reason else ""
    return (
        f"its stack is in {stack.status}{why}: its last update could not be undone:"
        " mend what its events tell of,"
        f" then `aws cloudformation continue-update-rollback --stack-name {stack.name}`"
    )


def _protected(stack: Stack) -> str:
    return (
        "termination protection keeps it: `aws cloudformation update-termination-protection"
        f" --no-enable-termination-protection --stack-name {stack.name}`"
    )


def without_group(stack: str) -> str:
    """What to tell of a stack whose group is not there, and what helps."""
    return (
        f"its stack is there, and its group is not: whoever deleted that is to delete the stack too, by"
        f" `aws cloudformation delete-stack --stack-name {stack}`"
    )


def _of_leftover(stack: Stack, keep: Iterable[str]) -> StackPlan:
    """The plan for a stack that no cell asks for."""
    cell = stack.tags.get(names.CELL_TAG, "") or stack.name
    gone = f"the file has no cell {cell}"
    found = StackPlan(name=stack.name, kind="nothing", stack=stack, spec=stack.spec)
    if pattern := next((each for each in keep if fnmatchcase(stack.name, each)), ""):
        return replace(found, reasons=(gone, f"keep in the file has {pattern}"))
    if stack.keeps:
        return replace(found, reasons=(gone, f"its tag {names.KEEP_TAG} says that it stays"))
    found = replace(found, kind="delete", reasons=(gone,))
    if stack.state in ("busy", "going"):
        told = f"its stack is in {stack.status}: prune leaves it until that has ended"
        return replace(found, reasons=(gone, told), is_busy=True)
    return replace(found, blocked=_protected(stack) if stack.is_protected else "")
