"""Where the pods of nodes that go would run next: tried on a copy of the cluster, node after node."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from addons.autoscaler import names
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.drainability import END, LEAVE, Rules, verdict
from addons.autoscaler.plan.loads import Loads

Moves = tuple[tuple[Pod, str], ...]


@dataclass(slots=True)
class Places:
    """A cluster in which nodes are emptied, and what was planned onto its other nodes.

    `tiers` are the nodes that may take pods, those first that stay for sure. A node that goes is a ghost from
    then on: it takes nothing, but topology spread still sees it.
    """

    cluster: Cluster
    tiers: Sequence[frozenset[str]]
    expected: dict[str, str] = field(default_factory=dict)
    """Node -> in words, what is to move to it."""

    def reserve(self, pods: Iterable[Pod], why: str) -> None:
        """Give pods that need a place anyway theirs, where they find one."""
        for pod in pods:
            if target := self._find(pod.cls):
                self.cluster.place(pod.cls, target)
                self.expected.setdefault(target, f"pod {pod} {why}")

    def try_to_empty(self, node: str, moving: Iterable[Pod]) -> Moves | WhyNot:
        """Make the node a ghost, with a place for each pod that moves; or leave all as it was, and say which
        pod has none.
        """
        found: list[tuple[Pod, str]] = []
        with self.cluster.trial() as trial:
            self.cluster.ghost(node)
            for pod in sorted(moving, key=_largest_first):
                target = self._find(pod.cls)
                if target is None:
                    return WhyNot(names.NO_PLACE_TO_MOVE, f"pod {pod} fits on no other node", str(pod))
                self.cluster.place(pod.cls, target)
                found.append((pod, target))
            trial.keep()
        for pod, target in found:
            self.expected.setdefault(target, f"pod {pod} of node {node} is to move to it")
        return tuple(found)

    def _find(self, cls: PodClass) -> str | None:
        for among in self.tiers:
            if among and (target := self.cluster.first_fit(cls, among=among)):
                return target
        return None


def places_beside(
    snapshot: Snapshot,
    rules: Rules,
    going: Iterable[str],
    tiers: Sequence[Iterable[str]],
    *,
    loads: Loads | None = None,
) -> Places:
    """Where pods may move to beside what needs room anyway: pods that wait, and those of nodes whose removal
    is under way (`going`), which the budgets of `rules` are charged for too.
    """
    places = Places(Cluster.of(snapshot, loads), tuple(map(frozenset, tiers)))
    for name in sorted(set(going) & snapshot.nodes.keys()):
        found = {pod: verdict(pod, rules) for pod in snapshot.pods_of.get(name, ())}
        rules.budgets.charge(pod for pod, what in found.items() if what != LEAVE)
        places.cluster.ghost(name)
        moving = (pod for pod, what in found.items() if what not in (LEAVE, END))
        places.reserve(moving, f"of node {name}, which goes, is to move to it")
    cutoff = rules.options.priority_cutoff
    waiting = (
        pod
        for pod in snapshot.waiting
        if pod.priority >= cutoff and not (pod.is_gated or pod.is_daemon or pod.delete_at is not None)
    )
    places.reserve(waiting, "waits and fits on it")
    return places


def _largest_first(pod: Pod) -> tuple[int, int, tuple[str, str]]:
    requests = pod.cls.requests
    return -requests.get(CPU, 0), -requests.get(MEMORY, 0), pod.key
