"""A snapshot, looked up in the ways that the ledger of orders needs."""

from collections.abc import Iterable
from functools import cached_property

from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import Pod
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.groups import nodes_by_instance, stage_of
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.proof import is_movable


class Sight:
    """What can be seen now. `waiting` has, by the digest of their class, the pods that the scheduler could
    not place."""

    def __init__(self, snapshot: Snapshot, options: GrowOptions) -> None:
        self.snapshot = snapshot
        self.options = options
        self.by_instance = nodes_by_instance(snapshot)
        self.waiting: dict[str, list[Pod]] = {}
        for pod in snapshot.waiting:
            if pod.unschedulable_since is not None and pod.delete_at is None and not pod.is_daemon:
                self.waiting.setdefault(pod.cls.digest, []).append(pod)

    @cached_property
    def cluster(self) -> Cluster:
        """All nodes with their pods; made when it is first asked for, which is seldom."""
        return Cluster.of(self.snapshot)

    @property
    def now(self) -> float:
        """The time of the snapshot, in Unix seconds."""
        return self.snapshot.now

    def nodes(self, instances: Iterable[str], *, only_ready: bool = False) -> list[Node]:
        """Give the nodes of those instances that have one, or of these only the usable."""
        found = [self.by_instance[each] for each in instances if each in self.by_instance]
        return [node for node in found if self.is_ready(node)] if only_ready else found

    def is_ready(self, node: Node) -> bool:
        """Whether a node is usable."""
        return stage_of(node, self.snapshot, self.options) == "ready"

    def is_unready(self, node: Node) -> bool:
        """Whether a node has not become usable in the time it had, or is so no longer."""
        return stage_of(node, self.snapshot, self.options) == "unready"

    def scheduled(self, node: Node) -> list[Pod]:
        """Give the pods for which the scheduler chose this node."""
        pods = self.snapshot.pods_of.get(node.name, ())
        return [pod for pod in pods if is_movable(pod.is_daemon, pod.is_mirror)]
