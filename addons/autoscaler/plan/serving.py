"""Which pods need no new node: there is room for them where nodes are, or will be."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from addons.autoscaler import names
from addons.autoscaler.model.plans import GroupState, Waits, WhyNot
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.absorption import is_refuted
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.estimate import share
from addons.autoscaler.plan.groups import nodes_by_instance, starting_nodes
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
    by_instance = nodes_by_instance(snapshot)
    for name, state in states.items():
        template = snapshot.templates.get(name)
        if template is None or not state.upcoming:
            continue
        starting = starting_nodes(state.group, by_instance, snapshot, options)
        for number in range(state.upcoming):
            node = f"upcoming {number + 1} of {name}"
            cluster.add_node(node, template)
            upcoming[node] = name
            if number < len(starting):
                _move_pods(cluster, snapshot, options, starting[number].name, node)
    return upcoming


def _move_pods(cluster: Cluster, snapshot: Snapshot, options: GrowOptions, node: str, to: str) -> None:
    cluster.ghost(node, "node is starting")
    for pod in snapshot.pods_of.get(node, ()):
        is_expendable = pod.priority < options.priority_cutoff
        if is_movable(pod.is_daemon, pod.is_mirror) and not is_expendable:
            cluster.place(pod.cls, to)


def empty_drained(cluster: Cluster, snapshot: Snapshot) -> None:
    """Take the pods off nodes that are being drained: they are planned as those that will be made anew."""
    for name, node in snapshot.nodes.items():
        if node.to_be_deleted_since is not None or name in snapshot.removing:
            cluster.ghost(name)


def remove_expendable(cluster: Cluster, snapshot: Snapshot, options: GrowOptions) -> None:
    """Take pods off nodes that make way for any pod that counts: the scheduler will have their room."""
    for name, pods in snapshot.pods_of.items():
        node = snapshot.nodes.get(name)
        if node is None or node.to_be_deleted_since is not None or name in snapshot.removing:
            continue
        for pod in pods:
            if pod.priority < options.priority_cutoff and is_movable(pod.is_daemon, pod.is_mirror):
                cluster.remove(pod, name)


def serve(pending: Pending, cluster: Cluster, snapshot: Snapshot, upcoming: Mapping[str, str]) -> Served:
    """Give pods the room that is there, and what no such room takes the room on its way.

    What is there is given to the important ones first; a pod with a nominated node has its place there. What
    is on its way is given to those that it was ordered for, as it was planned, so that nothing is ordered
    twice because of another packing. Nodes of a group that does not take pods of a class, for all that is
    known, are none for it.
    """
    waits = []
    for pod in pending.nominated:
        cluster.place(pod.cls, pod.nominated_node)
        why = WhyNot(names.FITS_EXISTING, f"node {pod.nominated_node} is nominated for it")
        waits.append(Waits(pod, why))
    serving = _Serving(cluster, snapshot, upcoming)
    serving.fill_existing(in_serving_order((*pending.counted, *pending.moving)))
    serving.fill_as_ordered()
    serving.fill_upcoming()
    moving = frozenset(map(id, pending.moving))
    waits += [Waits(pod, why) for pod, why in serving.served if id(pod) not in moving]
    return Served({cls: pods for cls, pods in serving.left.items() if pods}, tuple(waits))


class _Serving:
    """Places pods. `left` are those without a place yet, `served` the others and what to say of them."""

    def __init__(self, cluster: Cluster, snapshot: Snapshot, upcoming: Mapping[str, str]) -> None:
        self.left: dict[PodClass, list[Pod]] = {}
        self.served: list[tuple[Pod, WhyNot]] = []
        self._cluster = cluster
        self._snapshot = snapshot
        self._upcoming = upcoming
        self._where = _Where(snapshot, upcoming)
        self._existing = tuple(node for node in cluster.order if node not in upcoming)
        self._coming: dict[str, list[str]] = {}
        for node, group in upcoming.items():
            self._coming.setdefault(group, []).append(node)

    def fill_existing(self, pods: Iterable[Pod]) -> None:
        """Give the room of nodes that there are to these pods, in this order."""
        for cls, members in groupby(pods, lambda pod: pod.cls):
            self.left.setdefault(cls, []).extend(members)
            if self._existing:
                self._fill(cls, self._where.trusted(cls, self._existing))

    def fill_as_ordered(self) -> None:
        """Give what a group is getting to the pods that its open orders are for, the largest first."""
        for group, nodes in self._coming.items():
            planned = self._planned(group)
            template = self._snapshot.templates[group]
            classes = [cls for cls, pods in self.left.items() if pods and cls.digest in planned]
            for cls in sorted(classes, key=lambda each: -share(each, template)):
                self._fill(cls, self._where.trusted(cls, tuple(nodes)), planned[cls.digest])

    def fill_upcoming(self) -> None:
        """Give the rest of it to whatever pods it takes, the important and large ones first.

        For pods with rules about others a place on its way may open one that is there: a zone that had its
        share gets more when the other zones get theirs.
        """
        if not self._upcoming:
            return
        coming = tuple(self._upcoming)
        for cls in sorted(self.left, key=lambda each: _rank(each, self.left[each])):
            nodes = coming if cls.is_plain else (*self._existing, *coming)
            self._fill(cls, self._where.trusted(cls, nodes))

    def _planned(self, group: str) -> Counter[str]:
        record = self._snapshot.memory.groups.get(group)
        planned: Counter[str] = Counter()
        for intent in record.intents if record else ():
            planned.update(intent.classes)
        return planned

    def _fill(self, cls: PodClass, nodes: frozenset[str], most: int | None = None) -> None:
        pods = self.left[cls]
        count = len(pods) if most is None else min(most, len(pods))
        taken = 0
        for node, some in self._cluster.fill(cls, count, among=nodes).items() if count else ():
            why = _expected(node, self._upcoming)
            self.served += [(pod, why) for pod in pods[taken : taken + some]]
            taken += some
        self.left[cls] = pods[taken:]


def _rank(cls: PodClass, pods: list[Pod]) -> tuple[float, ...]:
    size = cls.requests.get(CPU, 0) / 1000 + cls.requests.get(MEMORY, 0) / (8 << 30)
    return -max((pod.priority for pod in pods), default=0), -size


def _expected(node: str, upcoming: Mapping[str, str]) -> WhyNot:
    if (group := upcoming.get(node)) is not None:
        return WhyNot(names.FITS_UPCOMING, f"a node that group {group} is getting has room for it")
    return WhyNot(names.FITS_EXISTING, f"node {node} has room for it")


class _Where:
    """Which nodes may take pods of a class, as far as it is not known that they do not."""

    def __init__(self, snapshot: Snapshot, upcoming: Mapping[str, str]) -> None:
        self._snapshot = snapshot
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
        self._trusted: dict[tuple[tuple[str, ...], frozenset[str]], frozenset[str]] = {}

    def trusted(self, cls: PodClass, nodes: tuple[str, ...]) -> frozenset[str]:
        """Give those of the nodes that may; the same set for the same groups."""
        refuted = frozenset(name for name in self._doubted if self._is_refuted(cls, name))
        if (nodes, refuted) not in self._trusted:
            self._trusted[nodes, refuted] = frozenset(
                node for node in nodes if self._group_of.get(node, "") not in refuted
            )
        return self._trusted[nodes, refuted]

    def _is_refuted(self, cls: PodClass, group: str) -> bool:
        template = self._snapshot.templates.get(group)
        record = self._snapshot.memory.groups[group]
        if template is None:
            return False
        return is_refuted(cls, self._snapshot.groups[group], template, record) is not None
