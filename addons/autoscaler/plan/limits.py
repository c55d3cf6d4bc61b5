"""How many nodes may still be added: every limit, counted down while a plan grows."""

from collections.abc import Iterator, Mapping

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import GroupRecord
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.plans import GroupState, WhyNot
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.resting import is_breaker_open
from addons.autoscaler.plan.subnets import Addresses


class Limits:
    """What is left of each limit, in nodes. `take` uses it up."""

    def __init__(self, snapshot: Snapshot, states: Mapping[str, GroupState], options: GrowOptions) -> None:
        self._options = options
        self._totals = snapshot.totals
        self._records = snapshot.memory.groups
        self._is_breaker_open = is_breaker_open(snapshot.memory, snapshot.now)
        self._taken = dict.fromkeys(states, 0)
        self._new = 0
        self._outstanding = sum(state.upcoming for state in states.values())
        self._unproven = sum(self._unproven_of(state) for state in states.values() if not state.is_proven)
        not_joined = {name: state.upcoming - state.starting for name, state in states.items()}
        self._nodes = len(snapshot.nodes) + sum(not_joined.values())
        self._sizes = _sizes(snapshot, states)
        used = [_size_of_node(node) for node in snapshot.nodes.values()]
        coming = [(self._sizes[name], count) for name, count in not_joined.items() if name in self._sizes]
        self._millicores = sum(each[0] for each in used) + sum(size[0] * n for size, n in coming)
        self._memory = sum(each[1] for each in used) + sum(size[1] * n for size, n in coming)
        self._addresses = Addresses(states.values())

    def left(self, state: GroupState, *, probes: bool) -> tuple[int, WhyNot]:
        """Say how many nodes a group may add, and what keeps it from more. `probes`: it has still to show
        that its nodes are what they are said to be.
        """
        count, why = min(self._each(state, probes=probes), key=lambda each: each[0])
        return max(0, count), why

    def take(self, state: GroupState, count: int, *, probes: bool) -> None:
        """Use up what so many nodes of a group need."""
        name = state.group.name
        self._taken[name] += count
        self._new += count
        self._outstanding += count
        self._unproven += count if probes else 0
        self._nodes += count
        millicores, memory = self._sizes.get(name, (0, 0))
        self._millicores += count * millicores
        self._memory += count * memory
        self._addresses.take(state.group, count)

    def taken(self, group: str) -> int:
        """Say how many nodes the plan adds to a group so far."""
        return self._taken[group]

    def _each(self, state: GroupState, *, probes: bool) -> Iterator[tuple[int, WhyNot]]:
        yield self._of_group(state)
        if self._is_breaker_open:
            told = "orders of several groups failed of late: one node at a time is tried in the whole cluster"
            yield 1 - self._outstanding, WhyNot(names.BREAKER_OPEN, told)
        if probes:
            yield from self._of_probes(state)
        yield from self._of_cluster(state.group)
        yield self._addresses.left(state.group)

    def _of_group(self, state: GroupState) -> tuple[int, WhyNot]:
        group, left = state.group, state.step - self._taken[state.group.name]
        if state.step >= group.max_size - state.target + state.given_up:
            return left, WhyNot(names.AT_MAX, f"it grows to its maximum of {group.max_size} nodes")
        if state.is_proven:
            most = group.options.max_step
            return left, WhyNot(names.STEP_LIMIT, f"it grows by {most} nodes at most before they have come")
        return left, WhyNot(names.PROBING, "its first nodes have to show that they join and take pods")

    def _of_probes(self, state: GroupState) -> Iterator[tuple[int, WhyNot]]:
        record = self._records.get(state.group.name) or GroupRecord()
        step, on_trial = self._trial(state, record)
        told = f"{on_trial} of its new nodes have to show first that they are what is expected"
        yield step - on_trial, WhyNot(names.PROBING, told)
        most = self._options.max_unproven
        yield (
            most - self._unproven,
            WhyNot(
                names.PROBING,
                f"{self._unproven} nodes of unproven groups are on their way (--max-unproven-nodes {most})",
            ),
        )

    def _unproven_of(self, state: GroupState) -> int:
        """Count nodes of an unproven group that are on their way; what somebody else asked for beyond a step
        is not our trial.
        """
        record = self._records.get(state.group.name) or GroupRecord()
        return min(state.upcoming, max(record.step, sum(each.count for each in record.intents)))

    def _trial(self, state: GroupState, record: GroupRecord) -> tuple[int, int]:
        """Say how many nodes of a group may be on trial, and how many are."""
        taken = self._taken[state.group.name]
        if not state.is_proven:
            return record.step, state.upcoming + taken
        tried = (each.count for each in record.intents if each.is_probe and not each.absorbed)
        return 1, sum(tried) + taken

    def _of_cluster(self, group: Group) -> Iterator[tuple[int, WhyNot]]:
        totals, options = self._totals, self._options
        if totals.max_nodes:
            told = f"the cluster has {self._nodes} nodes (--max-nodes-total {totals.max_nodes})"
            yield totals.max_nodes - self._nodes, WhyNot(names.TOTAL_LIMIT, told)
        told = f"{self._outstanding} nodes are on their way (--max-step-total {options.max_step_total})"
        yield options.max_step_total - self._outstanding, WhyNot(names.STEP_LIMIT, told)
        told = f"{self._new} nodes are ordered at once (--max-nodes-per-scaleup {options.max_per_pass})"
        yield options.max_per_pass - self._new, WhyNot(names.STEP_LIMIT, told)
        millicores, memory = self._sizes.get(group.name, (0, 0))
        if millicores:
            told = f"the cluster has {self._millicores / 1000:g} cores (--cores-total {totals.max_cores})"
            yield (
                (1000 * totals.max_cores - self._millicores) // millicores,
                WhyNot(names.TOTAL_LIMIT, told),
            )
        if memory:
            told = (
                f"the cluster has {self._memory / (1 << 30):.0f} GiB"
                f" (--memory-total {totals.max_memory >> 30})"
            )
            yield (totals.max_memory - self._memory) // memory, WhyNot(names.TOTAL_LIMIT, told)


def _sizes(snapshot: Snapshot, states: Mapping[str, GroupState]) -> dict[str, tuple[int, int]]:
    """Say what a node of each group adds to the cluster: thousandths of cores, bytes of memory."""
    group_of = {each.id: name for name, state in states.items() for each in state.group.instances}
    sizes = {
        name: _size_of_template(snapshot.templates[name]) for name in states if name in snapshot.templates
    }
    for node in snapshot.nodes.values():
        if (name := group_of.get(node.instance, "")) and node.capacity:
            sizes[name] = _size_of_node(node)
    return sizes


def _size_of_node(node: Node) -> tuple[int, int]:
    amounts = node.capacity or node.allocatable
    return amounts.get(CPU, 0), amounts.get(MEMORY, 0)


def _size_of_template(template: Template) -> tuple[int, int]:
    """What is kept for the system is part of the cluster's cores too: those of a node are whole."""
    return -(-template.allocatable.get(CPU, 0) // 1000) * 1000, template.allocatable.get(MEMORY, 0)
