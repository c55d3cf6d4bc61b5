"""What limits removals although a node could go: sizes of groups and of the cluster, times, and how many at
once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import GroupRecord, NodeRecord
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GrowPlan, WhyNot
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.unready import unready_wait

_GIB: Final = 1 << 30
_LONGEST_DOUBLINGS: Final = 5
"""A node whose removal fails again and again rests for 32 times the delay at most."""


def nodes_going(snapshot: Snapshot) -> frozenset[str]:
    """Nodes whose removal is under way, whoever has begun it."""
    tainted = [name for name, node in snapshot.nodes.items() if node.to_be_deleted_since is not None]
    return snapshot.removing.union(tainted)


def rolled_nodes(snapshot: Snapshot) -> frozenset[str]:
    """Nodes that a roll is about to replace: no place for pods that are to stay where they are put."""
    old = {instance for note in snapshot.rolls.values() for instance in (*note.instances, *note.old)}
    return (
        frozenset(name for name, node in snapshot.nodes.items() if node.instance in old)
        if old
        else frozenset()
    )


def group_sizes(snapshot: Snapshot, going: frozenset[str]) -> dict[str, int]:
    """How many instances of each group stay when all that is under way is done."""
    ending = {snapshot.nodes[name].instance for name in going if name in snapshot.nodes}
    return {
        name: min(
            group.desired, sum(not each.is_leaving and each.id not in ending for each in group.instances)
        )
        for name, group in snapshot.groups.items()
    }


@dataclass(slots=True)
class Minimums:
    """What must be left: `sizes` by group, and cores (in thousandths) and bytes of the cluster's ready nodes,
    all of it after the removals that are under way or taken.
    """

    snapshot: Snapshot
    sizes: dict[str, int]
    cores: int = 0
    memory: int = 0

    @classmethod
    def of(cls, snapshot: Snapshot, sizes: dict[str, int], going: frozenset[str]) -> "Minimums":
        """Count what is there and stays."""
        staying = [node for name, node in snapshot.nodes.items() if node.is_ready and name not in going]
        cores = sum([node.capacity.get(CPU, 0) for node in staying])
        memory = sum([node.capacity.get(MEMORY, 0) for node in staying])
        return cls(snapshot, sizes, cores, memory)

    def why_not(self, node: Node, group: Group) -> WhyNot | None:
        """Why the group, or the cluster, cannot do without one more node."""
        size = self.sizes[group.name]
        if size <= group.min_size:
            message = (
                f"group {group.name} has its minimum of {group.min_size}, counted with what goes already"
            )
            return WhyNot(names.MIN_SIZE, message)
        if not node.is_ready:
            return None
        least, cores = self.snapshot.totals.min_cores, self.cores - node.capacity.get(CPU, 0)
        if cores < least * 1000:
            message = f"the cluster would have {cores / 1000:g} cores, less than its minimum of {least}"
            return WhyNot(names.CLUSTER_MINIMUM, message)
        least, memory = self.snapshot.totals.min_memory, self.memory - node.capacity.get(MEMORY, 0)
        if memory < least:
            message = (
                f"the cluster would have {memory / _GIB:.1f} GiB of memory, less than its minimum of"
                f" {least / _GIB:.1f}"
            )
            return WhyNot(names.CLUSTER_MINIMUM, message)
        return None

    def take(self, node: Node, group: Group) -> None:
        """Count a node as gone."""
        self.sizes[group.name] -= 1
        if node.is_ready:
            self.cores -= node.capacity.get(CPU, 0)
            self.memory -= node.capacity.get(MEMORY, 0)


def why_rests(record: NodeRecord | None, *, options: ShrinkOptions, now: float) -> WhyNot | None:
    """Why a node is not tried again yet: its removal failed, and the rest is longer after each failure."""
    if record is None or not record.failures:
        return None
    rest = options.delay_after_failure * 2 ** min(record.failures - 1, _LONGEST_DOUBLINGS)
    left = record.last_failure + rest - now
    if left <= 0:
        return None
    message = (
        f"its removal failed {record.failures} times, last: {record.failure}; tried again in {left:.0f} s"
    )
    return WhyNot(names.RECENTLY_FAILED, message)


def why_not_long_enough(node: Node, group: Group, since: float, now: float) -> WhyNot | None:
    """Why a node that could go has to wait: it was not so for long enough."""
    options = group.options
    if node.is_ready:
        left, needed, what = since + options.unneeded_seconds - now, options.unneeded_seconds, "not needed"
    else:
        left, needed = unready_wait(node, group, now), options.unready_seconds
        what = f"not ready ({node.not_ready_why})"
    if left <= 0:
        return None
    return WhyNot(
        names.NOT_UNNEEDED_LONG, f"it could go in {left:.0f} s: {what} for less than {needed:.0f} s"
    )


@dataclass(slots=True)
class Cooldowns:
    """Why nothing of a group goes for now: it grew, or shrank, not long ago."""

    snapshot: Snapshot
    options: ShrinkOptions
    grow: GrowPlan
    _known: dict[str, WhyNot | None] = field(default_factory=dict)

    def why_not(self, group: str) -> WhyNot | None:
        """Look at the group, or at all of them where the settings say so."""
        if group not in self._known:
            looked_at = [group] if self.options.delays_are_local else sorted(self.snapshot.groups)
            whys = (self._of(each) for each in looked_at)
            self._known[group] = next((why for why in whys if why), None)
        return self._known[group]

    def _of(self, group: str) -> WhyNot | None:
        if any(order.group == group for order in self.grow.orders):
            return WhyNot(names.COOLDOWN, f"group {group} grows now")
        record, now = self.snapshot.memory.groups.get(group, GroupRecord()), self.snapshot.now
        for at, delay, what in (
            (record.grown_at, self.options.delay_after_add, "grew"),
            (record.shrunk_at, self.options.delay_after_delete, "shrank"),
        ):
            if at and (left := at + delay - now) > 0:
                message = (
                    f"group {group} {what} {now - at:.0f} s ago: nothing of it goes for {left:.0f} s more"
                )
                return WhyNot(names.COOLDOWN, message)
        return None


@dataclass(slots=True)
class AtOnce:
    """How many removals, and how many of them with pods, are under way or begin now."""

    options: ShrinkOptions
    removals: int = 0
    drains: int = 0

    @classmethod
    def of(cls, snapshot: Snapshot, options: ShrinkOptions, going: Iterable[str]) -> "AtOnce":
        """Count what is under way; what AWS ends already is over, though its node is still to be seen."""
        staying = {
            instance.id
            for group in snapshot.groups.values()
            for instance in group.instances
            if not instance.is_leaving
        }
        under_way = [
            name
            for name in going
            if (node := snapshot.nodes.get(name)) and (name in snapshot.removing or node.instance in staying)
        ]
        drains = [name for name in under_way if _has_pods(snapshot, name)]
        return cls(options, len(under_way), len(drains))

    def why_not(self, *, is_empty: bool) -> WhyNot | None:
        """Why one more cannot begin."""
        if self.removals >= self.options.max_removals:
            return WhyNot(
                names.PARALLELISM, f"{self.removals} nodes are being removed (--max-scale-down-parallelism)"
            )
        if not is_empty and self.drains >= self.options.max_drains:
            return WhyNot(
                names.PARALLELISM, f"{self.drains} nodes are being drained (--max-drain-parallelism)"
            )
        return None

    def take(self, *, is_empty: bool) -> None:
        """Count one more."""
        self.removals += 1
        self.drains += not is_empty


def _has_pods(snapshot: Snapshot, node: str) -> bool:
    return any(not (pod.is_daemon or pod.is_mirror) for pod in snapshot.pods_of.get(node, ()))


def timers(snapshot: Snapshot) -> Mapping[str, float]:
    """Since when each node was not needed, as far as it is remembered: the soft taint's time where the memory
    was lost as a whole.
    """
    memory = snapshot.memory
    known = {name: each.unneeded_since for name, each in memory.nodes.items() if each.unneeded_since}
    if memory.nodes or memory.groups:
        return known
    return {
        name: node.candidate_since
        for name, node in snapshot.nodes.items()
        if node.candidate_since is not None and node.candidate_since <= snapshot.now
    }
