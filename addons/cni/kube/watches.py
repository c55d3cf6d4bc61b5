"""What is watched of the API server: the pods of this node, the node itself, and ENIConfigs."""

from collections.abc import Callable, Iterable

from addons.cni.model.assignments import PodId
from addons.cni.model.objects import ENI_CONFIGS, NODES, EniConfig, Node, Pod
from addons.runtime.errors import NotFound
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, KubeObject
from addons.runtime.store import Change
from addons.runtime.watches import Cache, Watches

ZONE = "topology.kubernetes.io/zone"
"""The label of nodes that names their availability zone."""


class NodeWatches:
    """The caches of one node. `on_change` is called when anything in them changed, `on_pod_end` when a pod
    is gone or is to go.

    ENIConfigs are watched only where `custom_networking` uses them.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        node: str,
        custom_networking: bool,
        on_change: Callable[[], None],
        on_pod_end: Callable[[Pod], None],
    ) -> None:
        self._kube = kube
        self._node = node
        self._on_change, self._on_pod_end = on_change, on_pod_end
        self.watches = Watches(kube)
        self._pods = self.watches.add(
            PODS, Pod, field_selector=f"spec.nodeName={node}", on_change=self._pod_changed
        )
        self._nodes = self.watches.add(
            NODES, Node, field_selector=f"metadata.name={node}", on_change=lambda change: on_change()
        )
        self._eni_configs: Cache[EniConfig] = Cache()
        if custom_networking:
            self._eni_configs = self.watches.add(ENI_CONFIGS, EniConfig, on_change=lambda change: on_change())

    def _pod_changed(self, change: Change[Pod]) -> None:
        if change.old and (change.new is None or change.new.metadata.deletion_timestamp):
            self._on_pod_end(change.old)
        self._on_change()

    def pods(self) -> Iterable[Pod]:
        """The pods that are bound to this node, those of the host's network among them."""
        return self._pods.all()

    def node(self) -> Node | None:
        """This node, if it is known."""
        return self._nodes.get("", self._node)

    def eni_configs(self) -> dict[str, EniConfig]:
        """Every ENIConfig by its name."""
        return {each.metadata.name: each for each in self._eni_configs.all()}

    @property
    def knows_pods(self) -> bool:
        """Whether the pods of the node were read once; without them demand is not known."""
        return self._pods.is_synced

    @property
    def knows_node(self) -> bool:
        """Whether the node was read, or the server does not have it."""
        return self._nodes.is_synced

    def pod(self, pod: PodId) -> Pod | None:
        """One pod of this node as the cache has it, by namespace and name."""
        return self._pods.get(pod.namespace, pod.name)

    async def read_pod(self, pod: PodId) -> Pod | None:
        """One pod as the API server has it now; None when there is none of that name. Raises OutsideError."""
        try:
            return await self._kube.get(PODS, Pod, namespace=pod.namespace, name=pod.name)
        except NotFound:
            return None

    async def nodes_of_zone(self, zone: str) -> list[str]:
        """The names of all nodes of an availability zone. Raises OutsideError."""
        found = await self._kube.list(NODES, KubeObject, label_selector=f"{ZONE}={zone}" if zone else "")
        return [node.metadata.name for node in found]
