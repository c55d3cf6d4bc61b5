"""Which nodes are open to a class whatever is on them, found once for all nodes that are alike in it."""

from collections.abc import Hashable

from addons.autoscaler.model.matching import NODE_NAME
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.plan.fit import Site, label_keys, why_not_site

Keys = tuple[str, ...]


class Placing:
    """Where pods that ask for the same of a node may go: `allowed` has 1 for each node that has it."""

    __slots__ = ("allowed", "cls", "keys", "verdicts")

    def __init__(self, cls: PodClass, keys: Keys) -> None:
        self.cls = cls
        self.keys = keys
        self.allowed = bytearray()
        self.verdicts: dict[int, WhyNot | None] = {}


class Sites:
    """The nodes of a cluster in their order. Nodes with equal taints, and equal labels of those that a class
    asks for, are of one shape for it: one look serves all of them.
    """

    def __init__(self) -> None:
        self.all: list[Site] = []
        self.index: dict[str, int] = {}
        self._placings: dict[Hashable, Placing] = {}
        self._shapes: dict[Keys, list[int]] = {}
        self._numbers: dict[Hashable, int] = {}
        self._states: list[int] = []

    def add(self, site: Site) -> int:
        """Add a node at the end, and return its number; a name that is there already is an error."""
        if site.name in self.index:
            raise ValueError(f"node {site.name} is there already")
        self.index[site.name] = len(self.all)
        self.all.append(site)
        self._states.append(self._number((site.taints, site.is_unschedulable)))
        return len(self.all) - 1

    def drop_last(self) -> None:
        """Remove the node that was added last."""
        del self.index[self.all.pop().name]
        self._states.pop()
        size = len(self.all)
        for shapes in self._shapes.values():
            del shapes[size:]
        for placing in self._placings.values():
            del placing.allowed[size:]

    def placing(self, cls: PodClass) -> Placing:
        """Return where pods of the class may go."""
        selector = tuple(sorted(cls.node_selector.items()))
        key = (selector, cls.node_affinity, cls.tolerations, cls.volume_terms, cls.missing_volume)
        placing = self._placings.get(key)
        if placing is None:
            placing = self._placings[key] = Placing(cls, tuple(sorted(label_keys(cls))))
        return placing

    def allowed(self, placing: Placing) -> bytearray:
        """Return, for each node, whether it is allowed."""
        allowed = placing.allowed
        if (known := len(allowed)) < len(self.all):
            shapes = self._shapes_of(placing.keys)
            for node in range(known, len(self.all)):
                if shapes[node] not in placing.verdicts:
                    placing.verdicts[shapes[node]] = why_not_site(placing.cls, self.all[node])
            allowed.extend(placing.verdicts[shape] is None for shape in shapes[known:])
        return allowed

    def _shapes_of(self, keys: Keys) -> list[int]:
        shapes = self._shapes.setdefault(keys, [])
        for node in range(len(shapes), len(self.all)):
            name, labels, *_ = self.all[node]
            values = tuple(name if key == NODE_NAME else labels.get(key) for key in keys)
            shapes.append(self._number((self._states[node], values)))
        return shapes

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))
