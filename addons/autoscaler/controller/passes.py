"""What one pass has seen and decided: what the page, the explanations and the status are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from addons.autoscaler.model.intents import Memory
from addons.autoscaler.model.plans import GroupState, GrowPlan, News, ShrinkPlan
from addons.autoscaler.model.snapshot import Snapshot

_SHORTEST = 0.05


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass. `memory` is what is remembered after it, `news` what became of earlier orders."""

    snapshot: Snapshot
    states: Mapping[str, GroupState] = field(default_factory=dict)
    grow: GrowPlan = field(default_factory=GrowPlan)
    shrink: ShrinkPlan = field(default_factory=ShrinkPlan)
    memory: Memory = field(default_factory=Memory)
    news: tuple[News, ...] = ()

    def groups_of_nodes(self) -> dict[str, str]:
        """Node -> the name of its group; nodes of no group are left out."""
        by_instance = {
            each.id: name for name, group in self.snapshot.groups.items() for each in group.instances
        }
        nodes = self.snapshot.nodes.items()
        return {name: by_instance[node.instance] for name, node in nodes if node.instance in by_instance}


def next_due(done: Pass, pod_delay: float = 0.0) -> float:
    """Seconds after a pass in which something becomes due by time alone; infinity where nothing does.

    A pod counts when it is `pod_delay` seconds old, or as old as it says.
    """
    snapshot = done.snapshot
    group_of = done.groups_of_nodes() if done.shrink.unneeded else {}
    dues = [record.rests_until for record in done.memory.groups.values()]
    for node, since in done.shrink.unneeded.items():
        if group := snapshot.groups.get(group_of.get(node, "")):
            dues.append(since + group.options.unneeded_seconds)
    dues += [each.pod.created + max(pod_delay, each.pod.scale_up_delay) for each in done.grow.waits]
    later = [due - snapshot.now for due in dues if due > snapshot.now]
    return max(_SHORTEST, min(later, default=inf))
