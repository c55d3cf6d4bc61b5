"""Which pods need no new node: there is room for them where nodes are, or will be."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from addons.autoscaler import names
from addons.autoscaler.model.plans import GroupState, Waits, WhyNot
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.absorption import is_refuted
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.groups import starting_nodes
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.pending import Pending, in_serving_order
from addons.autoscaler.plan.proof import is_movable


@dataclass(frozen=True, slots=True)
class Served:
    """`left` are the pods that no node there is, or will be, has room for, by class and in the order in which
    they are served; `waits` says of the others where they are expected.
    """

    left: Mapping[PodClass, list[Pod]]
    waits: tuple[Waits, ...]


def add_upcoming(
    cluster: Cluster, snapshot: Snapshot, states: Mapping[str, GroupState], options: GrowOptions
) -> dict[str, str]:
    """Add a node for each that is on its way, as its group's template has it; gives their groups by name.

    One that has joined and is not usable yet counts as such a node too, with the pods that it has already.
    """
    upcoming = {}
    for name, state in states.items():
        template = snapshot.templates.get(name)
        if template is None or not state.upcoming:
            continue
        starting = starting_nodes(state.group, snapshot, options)
        for number in range(state.upcoming):
            node = f"upcoming {number + 1} of {name}"
            cluster.add_node(node, template)
            upcoming[node] = name
            if number < len(starting):
                _move_pods(cluster, snapshot, starting[number].name, node)
    return upcoming


def _move_pods(cluster: Cluster, snapshot: Snapshot, node: str, to: str) -> None:
    cluster.ghost(node, "node is starting")
    for pod in snapshot.pods_of.get(node, ()):
        if is_movable(pod.is_daemon, pod.is_mirror):
            cluster.place(pod.cls, to)


def empty_drained(cluster: Cluster, snapshot: Snapshot) -> None:
    """Take the pods off nodes that are being drained: they are planned as those that will be made anew."""
    for name, node in snapshot.nodes.items():
        if node.to_be_deleted_since is not None or name in snapshot.removing:
            cluster.ghost(name)


def serve(pending: Pending, cluster: Cluster, snapshot: Snapshot, upcoming: Mapping[str, str]) -> Served:
    """Give pods the room that is there or on its way, the important ones first.

    A pod with a nominated node has its place there. Nodes of a group that does not take pods of a class,
    for all that is known, are none for it.
    """
    waits = []
    for pod in pending.nominated:
        cluster.place(pod.cls, pod.nominated_node)
        why = WhyNot(names.FITS_EXISTING, f"node {pod.nominated_node} is nominated for it")
        waits.append(Waits(pod, why))
    moving = frozenset(map(id, pending.moving))
    left: dict[PodClass, list[Pod]] = {}
    where = _Where(snapshot, upcoming, cluster)
    for cls, members in groupby(in_serving_order((*pending.counted, *pending.moving)), lambda pod: pod.cls):
        pods = list(members)
        taken = 0
        for node, count in cluster.fill(cls, len(pods), among=where.trusted(cls)).items():
            why = _expected(node, upcoming)
            some = pods[taken : taken + count]
            waits += [Waits(pod, why) for pod in some if id(pod) not in moving]
            taken += count
        if taken < len(pods):
            left.setdefault(cls, []).extend(pods[taken:])
    return Served(left, tuple(waits))


def _expected(node: str, upcoming: Mapping[str, str]) -> WhyNot:
    if (group := upcoming.get(node)) is not None:
        return WhyNot(names.FITS_UPCOMING, f"a node that group {group} is getting has room for it")
    return WhyNot(names.FITS_EXISTING, f"node {node} has room for it")


class _Where:
    """Which nodes may take pods of a class, as far as it is not known that they do not."""

    def __init__(self, snapshot: Snapshot, upcoming: Mapping[str, str], cluster: Cluster) -> None:
        self._snapshot = snapshot
        self._order = cluster.order
        groups = snapshot.groups.values()
        of_instance = {each.id: group.name for group in groups for each in group.instances}
        self._group_of = {
            **{node.name: of_instance.get(node.instance, "") for node in snapshot.nodes.values()},
            **upcoming,
        }
        self._doubted = {
            name
            for name, record in snapshot.memory.groups.items()
            if record.refuted and name in snapshot.groups
        }
        self._trusted: dict[frozenset[str], frozenset[str]] = {}

    def trusted(self, cls: PodClass) -> frozenset[str] | None:
        """Give the nodes, None for all."""
        refuted = frozenset(name for name in self._doubted if self._is_refuted(cls, name))
        if not refuted:
            return None
        if refuted not in self._trusted:
            self._trusted[refuted] = frozenset(
                node for node in self._order if self._group_of.get(node, "") not in refuted
            )
        return self._trusted[refuted]

    def _is_refuted(self, cls: PodClass, group: str) -> bool:
        template = self._snapshot.templates.get(group)
        record = self._snapshot.memory.groups[group]
        if template is None:
            return False
        return is_refuted(cls, self._snapshot.groups[group], template, record) is not None
