"""Everything that one pass looks at, put together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from addons.autoscaler.desired.daemons import Daemon, runs_on
from addons.autoscaler.desired.group_templates import TemplateBook
from addons.autoscaler.model.groups import Group, InstanceType
from addons.autoscaler.model.intents import Memory
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import Budget, Labels, Pod
from addons.autoscaler.model.rolls import RollNote
from addons.autoscaler.model.snapshot import Snapshot, Totals

_PATIENCE_SECONDS = 120.0
"""For so long a ready node is waited for until it has its DaemonSet pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What Kubernetes shows. For the fields of the same names see Snapshot."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    pods_of: Mapping[str, tuple[Pod, ...]] = field(default_factory=dict)
    waiting: tuple[Pod, ...] = ()
    daemons: tuple[Daemon, ...] = ()
    budgets: tuple[Budget, ...] = ()
    namespaces: Mapping[str, Labels] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What else counts in a pass. For the fields see Snapshot."""

    now: float
    memory: Memory = field(default_factory=Memory)
    totals: Totals = field(default_factory=Totals)
    own_node: str = ""
    priorities: Mapping[int, tuple[str, ...]] | None = None
    removing: frozenset[str] = frozenset()
    rolls: Mapping[str, RollNote] = field(default_factory=dict)
    is_stale: str = ""
    seed: int = 0


def snapshot_of(
    cluster: Cluster,
    groups: Mapping[str, Group],
    types: Mapping[str, InstanceType],
    book: TemplateBook,
    situation: Situation,
) -> Snapshot:
    """The cluster and its groups at one moment, each group with its options and its template."""
    nodes = settled(cluster, situation.now)
    found = book.read(
        groups,
        types,
        nodes=nodes,
        pods_of=cluster.pods_of,
        daemons=cluster.daemons,
        now=situation.now,
    )
    return Snapshot(
        now=situation.now,
        nodes=nodes,
        pods_of=cluster.pods_of,
        waiting=cluster.waiting,
        groups=found.groups,
        templates=found.templates,
        untemplated=found.untemplated,
        budgets=cluster.budgets,
        namespaces=cluster.namespaces,
        memory=situation.memory,
        totals=situation.totals,
        own_node=situation.own_node,
        priorities=situation.priorities,
        removing=situation.removing,
        rolls=situation.rolls,
        is_stale=situation.is_stale,
        seed=situation.seed,
    )


def settled(cluster: Cluster, now: float) -> dict[str, Node]:
    """The nodes; one that is ready and waits for DaemonSet pods yet is starting, for some time."""
    nodes = dict(cluster.nodes)
    for name, node in cluster.nodes.items():
        is_young = node.is_ready and now - node.ready_changed < _PATIENCE_SECONDS
        if is_young and not node.starting_why and (missing := _missing_daemons(node, cluster)):
            nodes[name] = replace(node, starting_why=f"the pod of DaemonSet {missing} is not there yet")
    return nodes


def _missing_daemons(node: Node, cluster: Cluster) -> str:
    """The first DaemonSet that has no pod on the node and will have one."""
    there = {pod.owner.uid for pod in cluster.pods_of.get(node.name, ()) if pod.owner is not None}
    for each in cluster.daemons:
        if each.uid not in there and runs_on(each.cls, node.labels, node.taints, node.name):
            return f"{each.namespace}/{each.name}"
    return ""
