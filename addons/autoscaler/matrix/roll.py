"""How a group gets new instances: which of them differ, and the next step, by what is there and was begun."""

from collections.abc import Mapping
from dataclasses import replace

from addons.autoscaler.model.matrix import RollBatch, RollGroup, RollInstance, RollPlan, RollStep


def plan_roll(group: RollGroup, begun: RollBatch | None, *, batch: int = 1) -> RollPlan:
    """What differs, and the next step; asked again after each, it leads to a group in which nothing differs.

    New instances come first, so that pods have a place to go: `batch` of them, as far as the group may grow.
    A group at its maximum ends one old instance at a time, and AWS replaces it. What came in place of old
    ones counts for nothing where it differs itself by now and never became a ready node: it goes first.
    """
    outdated = outdated_of(group)
    return RollPlan(group=group.name, outdated=outdated, step=_step(group, outdated, begun, max(1, batch)))


def outdated_of(group: RollGroup) -> dict[str, str]:
    """Which instances differ from what the group launches now, by id, each with why."""
    reasons = {each.id: _difference(each, group) for each in group.instances if each.instance.is_counted}
    return {instance: why for instance, why in sorted(reasons.items()) if why}


def _difference(found: RollInstance, group: RollGroup) -> str:
    """Why an instance is not what the next one will be; "" where it is."""
    if found.launch and group.launch:
        if found.launch != group.launch:
            return "it was launched from an older launch template"
    elif (old := found.instance.launch_template) and group.launch_template and old != group.launch_template:
        return f"it was launched from {old}, and new ones from {group.launch_template}"
    if found.image and group.image and found.image != group.image:
        return f"it runs {found.image}, and new ones {group.image}"
    return ""


def _step(group: RollGroup, outdated: Mapping[str, str], begun: RollBatch | None, batch: int) -> RollStep:
    free = {each.id: each.is_ready for each in _free(group, outdated)}
    left = [each for each in begun.instances if each in free] if begun else []
    if begun and not outdated and (why := _waits_for(group, outdated)):
        return RollStep(kind="wait", why=why)
    if begun is None or not left:
        return _begin(group, outdated, batch)
    target = min(begun.base + len(left), group.max_size)
    if group.desired < target:
        more = target - group.desired
        come = "comes" if more == 1 else "come"
        why = f"{more} new {_instances(more)} {come} before {len(left)} old {_go(len(left))}"
        return RollStep(kind="surge", why=why, target=target)
    if broken := [each for each in free if each not in left and not free[each]]:
        return _drain(group, begun, broken[0], f"{outdated[broken[0]]}, and its node is not ready")
    if why := _waits_for(group, outdated):
        return RollStep(kind="wait", why=why)
    return _drain(group, begun, left[0], outdated[left[0]])


def _begin(group: RollGroup, outdated: Mapping[str, str], batch: int) -> RollStep:
    """Begin with the next old instances: those whose nodes are not ready first."""
    if not outdated:
        return RollStep(kind="done", why="no instance differs")
    free = _free(group, outdated)
    if not free:
        protected = ", ".join(outdated)
        return RollStep(
            kind="paused", why=f"{protected}: protected from scale-in, which somebody has to take back"
        )
    if group.cannot_launch:
        return RollStep(kind="paused", why=_suspended(group))
    if why := _waits_for(group, outdated):
        return RollStep(kind="wait", why=why)
    room = max(1, min(batch, group.max_size - group.desired))
    chosen = sorted(free, key=lambda each: (each.is_ready, each.id))[:room]
    ids = tuple(each.id for each in chosen)
    why = f"{len(ids)} of {len(outdated)} old {_instances(len(outdated))}: {', '.join(ids)}"
    return RollStep(kind="begin", why=why, batch=RollBatch(base=group.desired, instances=ids))


def _free(group: RollGroup, outdated: Mapping[str, str]) -> list[RollInstance]:
    """The old instances that may be ended."""
    return [each for each in group.instances if each.id in outdated and not each.instance.is_protected]


def _waits_for(group: RollGroup, outdated: Mapping[str, str]) -> str:
    """What has to be there before anything goes; "" where all is."""
    counted = [each for each in group.instances if each.instance.is_counted]
    if (missing := group.desired - len(counted)) > 0:
        why = f" ({_suspended(group)})" if group.cannot_launch else ""
        return f"{missing} new {_instances(missing)} of AWS{why}"
    starting = sorted(each.id for each in counted if each.id not in outdated and not each.is_ready)
    if starting:
        return f"the nodes of {', '.join(starting)} to be ready"
    return ""


def _suspended(group: RollGroup) -> str:
    resume = "aws autoscaling resume-processes --scaling-processes Launch --auto-scaling-group-name"
    return f"its process Launch is suspended: `{resume} {group.name}`"


def _drain(group: RollGroup, begun: RollBatch, instance: str, why: str) -> RollStep:
    """With what has come in its place already the group shrinks by it, else AWS replaces it."""
    shrinks = group.desired > max(begun.base, group.min_size)
    step = RollStep(kind="drain", why=why, instance=instance, decrement=shrinks)
    if shrinks or group.desired < group.max_size:
        return step
    return replace(step, why=f"{why}; the group is at its maximum of {group.max_size}")


def _instances(count: int) -> str:
    return "instance" if count == 1 else "instances"


def _go(count: int) -> str:
    return "goes" if count == 1 else "go"
