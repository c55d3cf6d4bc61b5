"""The nodes of the cluster, each read once when it, or what its drivers of volumes say, changes."""

from collections.abc import Callable, Mapping

from addons.autoscaler.desired.nodes import node_of
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.model import objects
from addons.autoscaler.model.nodes import Node


class NodeRecords:
    """Follows nodes. `find` and `find_csi` look objects up by name, as they are now."""

    def __init__(
        self,
        rules: TaintRules,
        find: Callable[[str], objects.Node | None],
        find_csi: Callable[[str], objects.CSINode | None],
    ) -> None:
        self._rules = rules
        self._find = find
        self._find_csi = find_csi
        self._nodes: dict[str, Node] = {}

    def changed(self, name: str) -> None:
        """A node of that name, or its CSINode, came, changed or went."""
        obj = self._find(name)
        if obj is None:
            self._nodes.pop(name, None)
        else:
            self._nodes[name] = node_of(obj, self._find_csi(name), self._rules)

    def all(self) -> Mapping[str, Node]:
        """The nodes by name, as they are now."""
        return dict(self._nodes)
