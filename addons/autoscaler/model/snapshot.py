"""Everything that one pass looks at, frozen: the same snapshot gives the same plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import Memory
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import Budget, Labels, Pod
from addons.autoscaler.model.rolls import RollNote


@dataclass(frozen=True, slots=True)
class Totals:
    """Limits of the whole cluster; cores, and memory in bytes. A `max_nodes` of 0 is none."""

    max_nodes: int = 0
    min_cores: int = 0
    max_cores: int = 320_000
    min_memory: int = 0
    max_memory: int = 6_400_000 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The cluster at `now` (Unix seconds). `untemplated` says, for a group without a template, why.

    `own_node` is the node that we run on. `zones` are those of all subnets of the groups. `priorities` are
    the patterns of the priority expander, by priority. `is_stale` says in words why nothing may be removed
    now.
    """

    now: float
    nodes: Mapping[str, Node]
    pods_of: Mapping[str, tuple[Pod, ...]]
    waiting: tuple[Pod, ...]
    """Pods on no node, oldest first."""
    groups: Mapping[str, Group]
    templates: Mapping[str, Template]
    untemplated: Mapping[str, str] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()
    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    totals: Totals = Totals()
    own_node: str = ""
    priorities: Mapping[int, tuple[str, ...]] | None = None
    removing: frozenset[str] = frozenset()
    """Nodes whose removal is under way, by us."""
    rolls: Mapping[str, RollNote] = field(default_factory=dict)
    """Groups that somebody is rolling now."""
    is_stale: str = ""
    seed: int = 0
