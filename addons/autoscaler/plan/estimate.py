"""How many new nodes of a group some pods need: first fit decreasing, over runs of equal new nodes.

The answer is that of taking the pods one by one: groups of equal pods in the order of what they take (cpu and
memory as shares of a node, added; the greatest first), each pod to the first new node that takes it, else to
one more. Equal pods go to equal nodes at once, so the work grows with kinds of pods, not with pods.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.fit import label_keys
from addons.autoscaler.plan.new_nodes import NewNodes

Wanted = Sequence[tuple[PodClass, int]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """So many new nodes; how many pods of each class they take; how many are left, and why."""

    nodes: int
    placed: Mapping[PodClass, int] = field(default_factory=dict)
    left: Mapping[PodClass, tuple[int, WhyNot]] = field(default_factory=dict)
    runs: tuple[tuple[int, Mapping[PodClass, int]], ...] = ()
    """What is on the new nodes, in their order: so many nodes, each with so many pods of these classes."""

    @property
    def pods(self) -> int:
        """How many pods the new nodes take."""
        return sum(self.placed.values())


def estimate(
    wanted: Wanted,
    template: Template,
    *,
    cluster: Cluster,
    most: int,
    spread_elsewhere: frozenset[PodClass] = frozenset(),
) -> Estimate:
    """Return how many nodes of the template, `most` at most, take which of the wanted pods.

    Only new nodes take pods here; those of the cluster count in the rules between pods. A class that is named
    twice counts where it is named first. For classes in `spread_elsewhere` the spread over domains that are
    greater than a node is not asked about: it was seen to (`zones`).
    """
    pods: dict[PodClass, int] = {}
    for cls, count in wanted:
        pods[cls] = pods.get(cls, 0) + count
    new = NewNodes(template, cluster, most=most, spread_elsewhere=spread_elsewhere)
    placed: dict[PodClass, int] = {}
    left: dict[PodClass, tuple[int, WhyNot]] = {}
    for cls in sorted(pods, key=lambda each: -share(each, template)):
        count, why = new.fill(cls, pods[cls])
        if count:
            placed[cls] = count
        if why is not None:
            left[cls] = pods[cls] - count, why
    return Estimate(new.count, placed, left, new.filled)


def share(cls: PodClass, template: Template) -> float:
    """Return what a pod takes of a node: the shares of cpu and memory, added."""
    there = template.allocatable
    return sum(cls.requests.get(each, 0) / there[each] for each in (CPU, MEMORY) if there.get(each, 0) > 0)


def why_not_template(cls: PodClass, template: Template, cluster: Cluster) -> WhyNot | None:
    """Return why an empty new node of the template would not take a pod of the class, or None."""
    return NewNodes(template, cluster, most=1).fill(cls, 1)[1]


class Estimator:
    """Estimates over one state of a cluster, made once for templates that are alike to the pods: groups that
    differ in what no pod asks about share their answer. Make a new one when the cluster has changed.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[tuple[object, ...], Estimate] = {}
        self._keys: dict[PodClass, frozenset[str]] = {}

    def estimate(
        self,
        wanted: Wanted,
        template: Template,
        *,
        most: int,
        spread_elsewhere: frozenset[PodClass] = frozenset(),
    ) -> Estimate:
        """Return the same as `estimate`."""
        ask = tuple(wanted)
        key = (ask, self._aspect(template, ask), most, spread_elsewhere)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = estimate(
                ask, template, cluster=self._cluster, most=most, spread_elsewhere=spread_elsewhere
            )
        return found

    def _aspect(self, template: Template, wanted: tuple[tuple[PodClass, int], ...]) -> tuple[object, ...]:
        """Return what the pods can see of a template, and what they are told of it."""
        keys: set[str] = set()
        for cls, _ in wanted:
            keys |= self._keys_of(cls)
        labels = tuple((key, template.labels[key]) for key in sorted(keys) if key in template.labels)
        amounts = (tuple(sorted(each.items())) for each in (template.allocatable, template.volume_limits))
        return labels, template.taints, template.daemons, template.smallest_type, *amounts

    def _keys_of(self, cls: PodClass) -> frozenset[str]:
        keys = self._keys.get(cls)
        if keys is None:
            ties = self._cluster.form(cls).ties
            keys = self._keys[cls] = label_keys(cls).union(each.key for each in ties.tallies)
        return keys
