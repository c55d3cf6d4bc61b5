"""What the scheduler looks at: nodes with what is on them, and pods with what they ask for."""

from collections import Counter
from typing import Any

from addons.sim.cluster.amounts import amounts, requests
from addons.sim.kubeapi.selectors import matches_selector
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
ENDED = ("Succeeded", "Failed")


class PodView:
    """One pod, read once."""

    def __init__(self, obj: Object) -> None:
        self.obj = obj
        self.namespace: str = obj["metadata"]["namespace"]
        self.labels: dict[str, str] = obj["metadata"].get("labels") or {}
        self.spec: Object = obj["spec"]
        self.requests = requests(obj)

    @property
    def node(self) -> str:
        """The node that it is on."""
        return str(self.spec.get("nodeName") or "")

    @property
    def is_leaving(self) -> bool:
        """Whether it is being deleted."""
        return "deletionTimestamp" in self.obj["metadata"]

    def terms(self, kind: str) -> list[Object]:
        """Its required terms: of podAffinity or podAntiAffinity."""
        affinity = (self.spec.get("affinity") or {}).get(kind) or {}
        return list(affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ())

    def ports(self) -> set[tuple[str, str, int]]:
        """The ports of the node that it takes: address, protocol, number."""
        containers = [*self.spec.get("containers", ()), *self.spec.get("initContainers", ())]
        return {
            (port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])
            for container in containers
            for port in container.get("ports") or ()
            if port.get("hostPort")
        }


class NodeView:
    """One node, with the pods on it."""

    def __init__(self, obj: Object) -> None:
        self.obj = obj
        self.name: str = obj["metadata"]["name"]
        self.labels: dict[str, str] = obj["metadata"].get("labels") or {}
        self.taints: list[Object] = obj.get("spec", {}).get("taints") or []
        self.allocatable = amounts((obj.get("status") or {}).get("allocatable"))
        self.pods: list[PodView] = []
        self.used: Counter[str] = Counter()

    def add(self, pod: PodView) -> None:
        """Put a pod on it."""
        self.pods.append(pod)
        self.used.update(pod.requests)


class Board:
    """Every node, and every pod that has not ended, as they are in the store now."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.nodes = {node.name: node for node in map(NodeView, store.list("v1", "nodes"))}
        pods = map(PodView, store.list("v1", "pods"))
        self.pods = [pod for pod in pods if pod.obj.get("status", {}).get("phase") not in ENDED]
        for pod in self.pods:
            if pod.node in self.nodes:
                self.nodes[pod.node].add(pod)
        self.namespaces = {
            each["metadata"]["name"]: each["metadata"].get("labels") or {}
            for each in store.list("v1", "namespaces")
        }

    def placed(self) -> list[tuple[PodView, NodeView]]:
        """Every pod that is on a node, with the node."""
        return [(pod, node) for node in self.nodes.values() for pod in node.pods]

    def matches(self, term: Object, owner: PodView, other: PodView) -> bool:
        """Whether the affinity term of a pod means another pod."""
        spaces = term.get("namespaces") or ()
        selector = term.get("namespaceSelector")
        by_labels = selector is not None and matches_selector(
            selector, dict(self.namespaces.get(other.namespace, {}))
        )
        if not spaces and selector is None:
            spaces = (owner.namespace,)
        if other.namespace not in spaces and not by_labels:
            return False
        return matches_selector(_with_keys(term, owner), other.labels)


def _with_keys(term: Object, owner: PodView) -> Object | None:
    """The selector of a term, with what its matchLabelKeys and mismatchLabelKeys add."""
    selector = term.get("labelSelector")
    if selector is None:
        return None
    more = list(selector.get("matchExpressions") or ())
    for name, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
        for key in term.get(name) or ():
            if key in owner.labels:
                more.append({"key": key, "operator": operator, "values": [owner.labels[key]]})
    return {**selector, "matchExpressions": more}
