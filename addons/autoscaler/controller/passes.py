"""What one pass has seen and decided: what the page, the explanations and the status are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from addons.autoscaler.model.intents import Memory
from addons.autoscaler.model.plans import GroupState, GrowPlan, ShrinkPlan
from addons.autoscaler.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass. `memory` is what is remembered after it."""

    snapshot: Snapshot
    states: Mapping[str, GroupState] = field(default_factory=dict)
    grow: GrowPlan = field(default_factory=GrowPlan)
    shrink: ShrinkPlan = field(default_factory=ShrinkPlan)
    memory: Memory = field(default_factory=Memory)

    def groups_of_nodes(self) -> dict[str, str]:
        """Node -> the name of its group; nodes of no group are left out."""
        by_instance = {
            each.id: name for name, group in self.snapshot.groups.items() for each in group.instances
        }
        nodes = self.snapshot.nodes.items()
        return {name: by_instance[node.instance] for name, node in nodes if node.instance in by_instance}
