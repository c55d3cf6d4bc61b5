"""How to choose among groups that could take pods: a chain, in which each breaks ties of the one before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.patterns import is_found
from addons.runtime.regular_expressions import BadExpression

Priorities = Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Option:
    """So many new nodes of a group would take so many pods.

    `waste` is what they would leave unused, the share of CPU and that of memory added. `work` is what the
    pods request, in cores (8 GiB count as one more).
    """

    group: Group
    nodes: int
    pods: int
    waste: float = 0.0
    work: float = 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and why, in words; `against` says why others were not, by group."""

    option: Option
    why: str
    against: Mapping[str, str]


_Filter = Callable[[Sequence[Option], Priorities], tuple[Sequence[Option], str]]


def choose(
    options: Sequence[Option], expanders: Sequence[str], *, priorities: Priorities | None, seed: int
) -> Choice:
    """Choose one of several options, of which there must be one.

    What the chain leaves equal is chosen by the seed: the same groups and seed give the same choice.
    """
    against: dict[str, str] = {}
    left, why = sorted(options, key=lambda each: each.group.name), "it is the only choice"
    for name in expanders:
        if len(left) == 1:
            break
        if name == "random":
            left = [_by_seed(left, seed)]
            why = "random"
            continue
        kept, told = _FILTERS[name](left, priorities or {})
        if len(kept) < len(left):
            why = told
            lost = set(map(id, left)) - set(map(id, kept))
            against |= {each.group.name: _against(name, each, told) for each in left if id(each) in lost}
        left = list(kept)
    best = _by_seed(left, seed)
    against |= {each.group.name: f"group {best.group.name} is as good" for each in left if each is not best}
    return Choice(best, why, against)


def _against(expander: str, option: Option, told: str) -> str:
    if expander == "price" and option.group.options.price is None:
        return "it has no price: tag it with node-template/autoscaling-options/price"
    return f"another group is better by {told}"


def _by_seed(options: Sequence[Option], seed: int) -> Option:
    return min(options, key=lambda each: sha256(f"{seed} {each.group.name}".encode()).digest())


def _most_pods(options: Sequence[Option], _: Priorities) -> tuple[Sequence[Option], str]:
    most = max(each.pods for each in options)
    return [each for each in options if each.pods == most], f"most-pods: {most}"


def _least_waste(options: Sequence[Option], _: Priorities) -> tuple[Sequence[Option], str]:
    least = min(each.waste for each in options)
    told = f"least-waste: {least * 50:.0f} % of CPU and memory"
    return [each for each in options if each.waste <= least + 1e-9], told


def _least_nodes(options: Sequence[Option], _: Priorities) -> tuple[Sequence[Option], str]:
    least = min(each.nodes for each in options)
    return [each for each in options if each.nodes == least], f"least-nodes: {least}"


def _price(options: Sequence[Option], _: Priorities) -> tuple[Sequence[Option], str]:
    """Those that take pods for the least money by the core; groups without a price lose to those with one."""
    costs = [
        (each.group.options.price * each.nodes / max(each.work, 1e-9), each)
        for each in options
        if each.group.options.price is not None
    ]
    if not costs:
        return options, "price: no group has one"
    least = min(cost for cost, _ in costs)
    return [
        each for cost, each in costs if cost <= least * (1 + 1e-9)
    ], f"price: ${least:.4f} a core and hour"


def _priority(options: Sequence[Option], priorities: Priorities) -> tuple[Sequence[Option], str]:
    """Those of the highest priority; when nothing says a priority of any, all of them."""
    found = [(priority_of(each.group, priorities), each) for each in options]
    told = [priority for priority, _ in found if priority is not None]
    if not told:
        return options, "priority: no group has one"
    return [each for priority, each in found if priority == max(told)], f"priority: {max(told)}"


def priority_of(group: Group, priorities: Priorities) -> int | None:
    """The priority that the group's own tag says, else the highest with a pattern for its name."""
    if group.options.priority is not None:
        return group.options.priority
    return max(
        (
            priority
            for priority, patterns in priorities.items()
            if any(_matches(pattern, group.name) for pattern in patterns)
        ),
        default=None,
    )


def _matches(pattern: str, name: str) -> bool:
    try:
        return is_found(pattern, name)
    except BadExpression:
        return False


_FILTERS: dict[str, _Filter] = {
    "most-pods": _most_pods,
    "least-waste": _least_waste,
    "least-nodes": _least_nodes,
    "price": _price,
    "priority": _priority,
}
