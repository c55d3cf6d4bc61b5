"""The node that we run on: it never goes by our own doing, and it should be none that may be taken away."""

from collections.abc import Callable, Mapping

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.nodes import Node
from addons.runtime.errors import Withheld
from addons.runtime.outcomes import Fault

_SPOT = frozenset({"spot", "ec2spot"})


class OwnNode:
    """Knows our node, where we run as a pod. `node_of_pod` gives its name, "" where it is not known.

    `allows_spot` lets us act from a node that may be taken away.
    """

    def __init__(
        self,
        *,
        node_of_pod: Callable[[], str],
        node: Callable[[str], Node | None],
        groups: Callable[[], Mapping[str, Group]],
        allows_spot: bool,
    ) -> None:
        self._node_of_pod = node_of_pod
        self._node = node
        self._groups = groups
        self._allows_spot = allows_spot

    @property
    def name(self) -> str:
        """Its name; empty outside of a cluster."""
        return self._node_of_pod()

    def in_the_way(self) -> str:
        """Why nothing may be changed from here, in words; empty when all may."""
        if self._allows_spot or not (why := self._why_spot()):
            return ""
        fix = "have it scheduled on on-demand nodes, or set --allow-spot"
        return f"we run on the spot node {self.name} ({why}), which may be taken away at any time: {fix}"

    def _why_spot(self) -> str:
        node = self._node(self.name) if self.name else None
        if node is None:
            return ""
        for label in names.CAPACITY_TYPE_LABELS:
            if node.labels.get(label, "").lower() in _SPOT:
                return f"label {label}={node.labels[label]}"
        for group in self._groups().values():
            if group.capacity_type == "spot" and any(each.id == node.instance for each in group.instances):
                return f"group {group.name} has spot instances"
        return ""

    def refusal(self) -> Withheld | None:
        """The same as what a permit says."""
        why = self.in_the_way()
        return Withheld(f"not begun: {why}", code=names.ON_SPOT) if why else None

    def fault(self) -> Fault | None:
        """The same as what keeps the daemon from its work."""
        why = self.in_the_way()
        return Fault("kubernetes", f"node {self.name}", names.ON_SPOT, why) if why else None
