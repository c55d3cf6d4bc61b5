"""The cluster as its watches tell it: each object is read once when it changes, and nothing twice."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.controller.readings import DaemonRecords, Readings
from addons.autoscaler.controller.records import PodRecords
from addons.autoscaler.desired.budgets import budget_of
from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.daemons import Daemon
from addons.autoscaler.desired.nodes import node_of
from addons.autoscaler.desired.pods import KeptPod, kept
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.kube.watches import ClusterWatches
from addons.autoscaler.model import objects
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import Budget, Labels, Pod
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, Resource, key
from addons.runtime.outcomes import ObjectRef
from addons.runtime.store import Change
from addons.runtime.watches import Cache

_CONTROLLERS = frozenset(
    {objects.REPLICA_SETS, objects.STATEFUL_SETS, objects.REPLICATION_CONTROLLERS, objects.JOBS}
)
_NODE_FIELDS = tuple(field.name for field in fields(Node))


class ClusterView:
    """The cluster as its watches tell it. `changed` is called when a pass should look again, `touched` with a
    node of which something has changed. `rolls` names the ConfigMap with the rolls, where they matter.
    """

    def __init__(
        self,
        config: Config,
        kube: KubeClient,
        *,
        namespace: str,
        changed: Callable[[], None],
        touched: Callable[[str], None],
        rolls: str = "",
    ) -> None:
        self._changed = changed
        self._touched = touched
        self.classes = Classes()
        self._taint_rules = TaintRules.of(config)
        self._nodes: dict[str, Node] = {}
        self._budgets: Readings[objects.PodDisruptionBudget, Budget] = Readings(budget_of)
        self._namespaces: Readings[objects.Namespace, tuple[str, Labels]] = Readings(_labels_of)
        self._daemons = DaemonRecords(self.classes)
        self.records = PodRecords(self.classes, self, self._controller)
        self._handlers = self._make_handlers()
        self.watches = ClusterWatches(
            kube,
            on_change=self._heed,
            keep_pod=self._keep,
            namespace=namespace,
            priorities=names.PRIORITY_CONFIG_MAP if "priority" in config.expander else "",
            rolls=rolls,
        )
        self._controllers: Mapping[str, Cache[Any]] = {
            "ReplicaSet": self.watches.replica_sets,
            "StatefulSet": self.watches.stateful_sets,
            "ReplicationController": self.watches.replication_controllers,
            "Job": self.watches.jobs,
            "DaemonSet": self.watches.daemon_sets,
        }

    def _make_handlers(self) -> Mapping[Resource, Callable[[Change[Any]], None]]:
        return {
            **dict.fromkeys(_CONTROLLERS, self.records.controller_changed),
            objects.DAEMON_SETS: self._daemon_set_changed,
            PODS: self._pod_changed,
            objects.NODES: self._node_changed,
            objects.CSI_NODES: self._csi_node_changed,
            objects.BUDGETS: self._budgets.changed,
            objects.NAMESPACES: self._namespaces.changed,
            objects.CLAIMS: self._claim_changed,
            objects.VOLUMES: self._volume_changed,
            objects.CONFIG_MAPS: lambda _: self._changed(),
            objects.STORAGE_CLASSES: lambda _: self.records.storage_changed(),
        }

    def _heed(self, resource: Resource, change: Change[Any]) -> None:
        if handler := self._handlers.get(resource):
            handler(change)

    def _keep(self, pod: objects.Pod) -> KeptPod | None:
        return kept(pod, self.classes)

    # What is there.

    def nodes(self) -> dict[str, Node]:
        """All nodes by name."""
        return dict(self._nodes)

    def node(self, name: str) -> Node | None:
        """One node."""
        return self._nodes.get(name)

    def node_of_instance(self, instance: str) -> Node | None:
        """The node of an EC2 instance."""
        return next((each for each in self._nodes.values() if each.instance == instance), None)

    def pods_on(self, node: str) -> Sequence[Pod]:
        """The pods of a node as they are now."""
        return self.records.on(node)

    def budgets(self) -> tuple[Budget, ...]:
        """All disruption budgets."""
        return self._budgets.all()

    def daemons(self) -> tuple[Daemon, ...]:
        """All DaemonSets."""
        return self._daemons.all()

    def namespaces(self) -> dict[str, Labels]:
        """The labels of all namespaces, by name."""
        return dict(self._namespaces.all())

    def node_of_pod(self, pod: ObjectRef | None) -> str:
        """The name of the node of a pod; empty where it is not known."""
        found = self.records.find(pod.namespace, pod.name) if pod else None
        return found.node if found else ""

    # What pods refer to.

    def _controller(self, kind: str, namespace: str, name: str) -> objects.Controller | None:
        cache = self._controllers.get(kind)
        found: objects.Controller | None = cache.get(namespace, name) if cache else None
        return found

    def claim(self, namespace: str, name: str) -> objects.PersistentVolumeClaim | None:
        """A claim."""
        return self.watches.claims.get(namespace, name)

    def volume(self, name: str) -> objects.PersistentVolume | None:
        """A volume."""
        return self.watches.volumes.get("", name)

    def storage_class(self, name: str) -> objects.StorageClass | None:
        """A class of storage."""
        return self.watches.storage_classes.get("", name)

    def unclaimed(self, storage_class: str) -> Iterable[objects.PersistentVolume]:
        """The volumes of a class that nobody has."""
        return self.watches.volumes.by("unclaimed", storage_class)

    # What has changed.

    def _pod_changed(self, change: Change[KeptPod]) -> None:
        self.records.changed(change)
        old = change.old.pod if change.old else None
        new = change.new.pod if change.new else None
        if new:
            self._daemons.pod_came(new)
        for name in {each.node for each in (old, new) if each and each.node}:
            self._touched(name)
        waits = new is not None and new.unschedulable_since is not None
        was_known = old is not None and old.unschedulable_since is not None
        is_bound = bool(new and new.node and old and not old.node)
        if (waits and not was_known) or (is_bound and self.records.is_any_waiting):
            self._changed()

    def _node_changed(self, change: Change[objects.Node]) -> None:
        name = (change.new or change.old or objects.Node()).metadata.name
        self._read_node(name, change.new)

    def _csi_node_changed(self, change: Change[objects.CSINode]) -> None:
        name = (change.new or change.old or objects.CSINode()).metadata.name
        self._read_node(name, self.watches.nodes.get("", name))

    def _read_node(self, name: str, obj: objects.Node | None) -> None:
        old = self._nodes.pop(name, None)
        if obj is not None:
            self._nodes[name] = node_of(obj, self.watches.csi_nodes.get("", name), self._taint_rules)
        self._touched(name)
        if _said(old) != _said(self._nodes.get(name)):
            self._changed()

    def _daemon_set_changed(self, change: Change[objects.DaemonSet]) -> None:
        self.records.controller_changed(change)
        self._daemons.changed(change)

    def _claim_changed(self, change: Change[objects.PersistentVolumeClaim]) -> None:
        if obj := change.new or change.old:
            self.records.claim_changed(key(obj))

    def _volume_changed(self, change: Change[objects.PersistentVolume]) -> None:
        refs = [each.spec.claim_ref for each in (change.old, change.new) if each]
        for ref in filter(None, refs):
            self.records.claim_changed((ref.namespace, ref.name))
        if None in refs:
            self.records.storage_changed()


def _said(node: Node | None) -> list[object]:
    """All that a node says: nodes report every few seconds, mostly nothing new."""
    return [getattr(node, name) for name in _NODE_FIELDS] if node else []


def _labels_of(obj: objects.Namespace) -> tuple[str, Labels]:
    return obj.metadata.name, dict(obj.metadata.labels)
