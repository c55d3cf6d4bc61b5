"""Where the pods of nodes that go would run next: tried on a copy of the cluster, one node after the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from addons.autoscaler import names
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.drainability import Evictions

Moves = tuple[tuple[Pod, str], ...]


@dataclass(slots=True)
class Places:
    """The nodes that may take pods, in the order in which they are tried, and what was planned onto them.

    A node that goes is a ghost from then on: it takes nothing, but topology spread still sees it. What no
    pod of a plain class fits on now, none fits on later in the pass, as room only gets less: `_cursor` has,
    by class, how far that is known.
    """

    cluster: Cluster
    order: Sequence[str]
    expected: dict[str, str] = field(default_factory=dict)
    """Node -> in words, what is to move to it."""
    _gone: set[str] = field(default_factory=set)
    _cursor: dict[PodClass, int] = field(default_factory=dict)
    _position: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Know where each node stands in the order."""
        self._position = {name: number for number, name in enumerate(self.order)}

    def reserve(self, pods: Iterable[Pod], why: str) -> None:
        """Give pods that will need a place soon theirs, where they find one."""
        for pod in pods:
            if target := self._find(pod.cls):
                self.cluster.place(pod.cls, target)
                self.expected.setdefault(target, f"pod {pod} {why}")

    def leave(self, node: str, pods: Iterable[Pod]) -> None:
        """Make a node a ghost without these pods: its removal is under way."""
        for pod in pods:
            self.cluster.remove(pod, node)
        self.cluster.ghost(node)
        self._gone.add(node)

    def try_to_empty(self, node: str, evicted: Evictions) -> Moves | WhyNot:
        """Make the node a ghost, with a place for each pod that moves; or leave all as it was, and say which
        pod has none.
        """
        found: list[tuple[Pod, str]] = []
        before = {pod.cls: self._cursor.get(pod.cls, 0) for pod in evicted.moving}
        with self.cluster.trial() as trial:
            self.leave(node, evicted.all)
            homeless = self._place_all(evicted.moving, found)
            if homeless is None:
                trial.keep()
        if homeless is not None:
            self._gone.discard(node)
            self._turn_back(before, {node, *(target for _, target in found)})
            return WhyNot(names.NO_PLACE_TO_MOVE, f"pod {homeless} fits on no other node", str(homeless))
        for pod, target in found:
            self.expected.setdefault(target, f"pod {pod} of node {node} is to move to it")
        return tuple(found)

    def _place_all(self, pods: Iterable[Pod], found: list[tuple[Pod, str]]) -> Pod | None:
        """Give each pod the first place that it fits; answers the first that has none."""
        for pod in sorted(pods, key=_largest_first):
            target = self._find(pod.cls)
            if target is None:
                return pod
            self.cluster.place(pod.cls, target)
            found.append((pod, target))
        return None

    def _find(self, cls: PodClass) -> str | None:
        number = self._cursor.get(cls, 0) if cls.is_plain else 0
        while number < len(self.order) and not self._fits(cls, self.order[number]):
            number += 1
        if cls.is_plain:
            self._cursor[cls] = number
        return self.order[number] if number < len(self.order) else None

    def _fits(self, cls: PodClass, name: str) -> bool:
        return name not in self._gone and self.cluster.why_not(cls, name) is None

    def _turn_back(self, before: Mapping[PodClass, int], changed: Iterable[str]) -> None:
        """After a trial that was rolled back: what it found out about nodes that it left alone still holds,
        the others are looked at again.
        """
        places = sorted(self._position[name] for name in changed if name in self._position)
        for cls, start in before.items():
            end = self._cursor.get(cls, 0)
            again = (each for each in places if start <= each < end)
            self._cursor[cls] = next((each for each in again if self._fits(cls, self.order[each])), end)


def _largest_first(pod: Pod) -> tuple[int, int, tuple[str, str]]:
    requests = pod.cls.requests
    return -requests.get(CPU, 0), -requests.get(MEMORY, 0), pod.key
