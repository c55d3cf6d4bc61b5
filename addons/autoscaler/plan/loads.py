"""What the pods of a node use of it, counted once for as long as the node and its pods are the same."""

from collections.abc import Sequence

from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.fit import offer_of, requests_of, site_of


class Load:
    """The pods of a node by class (`leaving`: those of them that are being deleted), and what they use.

    `fullness` is the share of cpu or memory in use, whichever is greater.
    """

    __slots__ = (
        "_columns",
        "_row",
        "fullness",
        "held",
        "leaving",
        "node",
        "pods",
        "port_takers",
        "site",
        "used",
    )

    def __init__(self, node: Node, pods: Sequence[Pod]) -> None:
        self.node = node
        self.pods = pods
        self.held: dict[PodClass, int] = {}
        self.leaving: dict[PodClass, int] = {}
        for pod in pods:
            self.held[pod.cls] = self.held.get(pod.cls, 0) + 1
            if pod.delete_at is not None:
                self.leaving[pod.cls] = self.leaving.get(pod.cls, 0) + 1
        self.port_takers = tuple(cls for cls in self.held if cls.ports)
        self.site = site_of(node)
        self.used = _sum(self.held)
        self._columns: tuple[str, ...] = ()
        self._row: list[int] = []
        self.fullness = max(_share(self.used.get(each, 0), node, each) for each in (CPU, MEMORY))

    def row(self, columns: tuple[str, ...]) -> list[int]:
        """Return a new list of what is free of each resource."""
        if columns != self._columns:
            self._columns = columns
            self._row = [offer_of(name, self.node) - self.used.get(name, 0) for name in columns]
        return list(self._row)


class Loads:
    """The loads of the last snapshot, which those of the next are taken from where nothing changed."""

    def __init__(self) -> None:
        self._by_node: dict[str, Load] = {}

    def of(self, snapshot: Snapshot) -> list[Load]:
        """Return the loads of all nodes, the fullest first, then by name."""
        before, self._by_node = self._by_node, {}
        for name, node in snapshot.nodes.items():
            pods = snapshot.pods_of.get(name, ())
            load = before.get(name)
            if load is None or load.node is not node or load.pods is not pods:
                load = Load(node, pods)
            self._by_node[name] = load
        return sorted(self._by_node.values(), key=lambda load: (-load.fullness, load.node.name))


def _sum(held: dict[PodClass, int]) -> dict[str, int]:
    used: dict[str, int] = {}
    for cls, count in held.items():
        for name, amount in cls.requests.items():
            used[name] = used.get(name, 0) + amount * count
        if cls.volumes:
            for name, amount in requests_of(cls).items():
                if name not in cls.requests:
                    used[name] = used.get(name, 0) + amount * count
    return used


def _share(used: int, node: Node, name: str) -> float:
    return used / there if (there := node.allocatable.get(name, 0)) else 0.0
