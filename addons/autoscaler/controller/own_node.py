"""The node that we run on: it never goes by our own doing, and it should be none that may be taken away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from addons.autoscaler import names
from addons.autoscaler.aws.spot import says_capacity_type, spot_label
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.nodes import Node
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.outcomes import Fault

log = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
_AGAIN_SECONDS = 60.0


class OwnNode:
    """Knows our node, where we run as a pod. `node_of_pod` gives its name, "" where it is not known.

    `is_spot_instance` asks EC2 about an instance, where labels tell nothing. `allows_spot` lets us act from a
    node that may be taken away.
    """

    def __init__(
        self,
        *,
        node_of_pod: Callable[[], str],
        node: Callable[[str], Node | None],
        groups: Callable[[], Mapping[str, Group]],
        is_spot_instance: Callable[[str], Awaitable[bool]],
        allows_spot: bool,
    ) -> None:
        self._node_of_pod = node_of_pod
        self._node = node
        self._groups = groups
        self._is_spot_instance = is_spot_instance
        self._allows_spot = allows_spot
        self._told_by_ec2 = ""

    @property
    def name(self) -> str:
        """Its name; empty outside of a cluster."""
        return self._node_of_pod()

    async def run(self, stopping: asyncio.Event) -> None:
        """Find out what EC2 says of our instance where no label of our node tells, once it is known."""
        pause = _LOOK_SECONDS
        is_known = self._allows_spot
        while not stopping.is_set():
            if not is_known and (node := self._node(self.name) if self.name else None):
                is_known = says_capacity_type(node.labels) or not node.instance or await self._ask(node)
                pause = _AGAIN_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_known else pause):
                    await stopping.wait()

    async def _ask(self, node: Node) -> bool:
        """True when EC2 has answered."""
        try:
            is_spot = await self._is_spot_instance(node.instance)
        except OutsideError as error:
            log.warning("whether our node %s is a spot instance is not known: %s", node.name, error.message)
            return False
        self._told_by_ec2 = node.instance if is_spot else ""
        return True

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
        if label := spot_label(node.labels):
            return f"label {label}"
        if node.instance and node.instance == self._told_by_ec2:
            return "EC2 says so"
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
