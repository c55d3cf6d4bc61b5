"""Where the pods of nodes that go would run next: tried on a copy of the cluster, node after node."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from addons.autoscaler import names
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.plan.cluster import Cluster

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

    def leave(self, node: str, pods: Iterable[Pod]) -> None:
        """Empty a node whose removal is under way; its pods take room elsewhere, where they find some."""
        self.cluster.ghost(node)
        self.reserve(pods, f"of node {node}, which goes, is to move to it")

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


def _largest_first(pod: Pod) -> tuple[int, int, tuple[str, str]]:
    requests = pod.cls.requests
    return -requests.get(CPU, 0), -requests.get(MEMORY, 0), pod.key
