"""ReplicaSets that have as many pods as they want, and DaemonSets with one on each node that can take it."""

import copy
from itertools import count
from typing import Any

from addons.sim.cluster.board import ENDED, NodeView, PodView
from addons.sim.cluster.matching import hard_taints, is_selected, tolerates
from addons.sim.kubeapi.budgets import is_ready
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
APPS = "apps/v1"
_DAEMON_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect}
    for name, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
]
"""What the controller adds to each pod of a DaemonSet."""


class Workloads:
    """Makes the pods that are missing, and deletes what is too much."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers = count(1)

    def look(self) -> None:
        """Bring every set in line."""
        owned: dict[str, list[Object]] = {}
        for pod in self._store.list("v1", "pods"):
            for owner in pod["metadata"].get("ownerReferences") or ():
                owned.setdefault(owner["uid"], []).append(pod)
        for each in self._store.list(APPS, "replicasets"):
            self._replicate(each, owned.get(each["metadata"]["uid"], []))
        daemon_sets = self._store.list(APPS, "daemonsets")
        nodes = [NodeView(node) for node in self._store.list("v1", "nodes")] if daemon_sets else []
        for each in daemon_sets:
            self._spread(each, owned.get(each["metadata"]["uid"], []), nodes)

    def _replicate(self, owner: Object, pods: list[Object]) -> None:
        there = [pod for pod in pods if _counts(pod)]
        wanted = int(owner["spec"].get("replicas", 1)) if "deletionTimestamp" not in owner["metadata"] else 0
        for _ in range(wanted - len(there)):
            self._make(owner, "ReplicaSet", copy.deepcopy(owner["spec"]["template"]))
        too_many = max(0, len(there) - wanted)
        for pod in sorted(there, key=lambda each: bool(each["spec"].get("nodeName")))[:too_many]:
            self._store.delete(
                "v1", "pods", pod["metadata"]["namespace"], pod["metadata"]["name"], grace_seconds=1
            )
        status = {"replicas": len(there), "readyReplicas": sum(map(is_ready, there))}
        status["observedGeneration"] = owner["metadata"].get("generation", 1)
        if owner.get("status") != status:
            owner["status"] = status
            self._store.update(APPS, "replicasets", owner)

    def _spread(self, owner: Object, pods: list[Object], nodes: list[NodeView]) -> None:
        there = {_node_of(pod) for pod in pods if _counts(pod)}
        template = owner["spec"]["template"]
        tolerations = [*(template["spec"].get("tolerations") or ()), *_DAEMON_TOLERATIONS]
        looks = {**template["spec"], "tolerations": tolerations}
        sample = PodView({"metadata": {"namespace": owner["metadata"]["namespace"]}, "spec": looks})
        wanted = [node for node in nodes if self._belongs(sample, node)]
        for node in wanted:
            if node.name not in there:
                pod = copy.deepcopy(template)
                pod["spec"] |= {"tolerations": tolerations, "affinity": _pinned(pod["spec"], node.name)}
                self._make(owner, "DaemonSet", pod)
        status = {
            "desiredNumberScheduled": len(wanted),
            "currentNumberScheduled": len(there),
            "numberReady": sum(map(is_ready, pods)),
            "numberMisscheduled": 0,
        }
        if owner.get("status") != status:
            owner["status"] = status
            self._store.update(APPS, "daemonsets", owner)

    def _belongs(self, sample: PodView, node: NodeView) -> bool:
        """Whether a node is one for the pods of a DaemonSet; that it is not ready is no matter."""
        taints = [each for each in hard_taints(node) if each["key"] != "node.kubernetes.io/not-ready"]
        return is_selected(sample, node) and all(tolerates(sample, taint) for taint in taints)

    def _make(self, owner: Object, kind: str, template: Object) -> None:
        meta = owner["metadata"]
        reference = {
            "apiVersion": APPS,
            "kind": kind,
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        template.setdefault("metadata", {})
        template["metadata"] |= {
            "name": f"{meta['name']}-{next(self._numbers):05}",
            "namespace": meta["namespace"],
            "ownerReferences": [reference],
        }
        self._store.create("v1", "pods", template)


def _counts(pod: Object) -> bool:
    """Whether a pod is one of the set: it has not ended, and is not being deleted."""
    return pod.get("status", {}).get("phase") not in ENDED and "deletionTimestamp" not in pod["metadata"]


def _pinned(spec: Object, node: str) -> Object:
    """The affinity of a DaemonSet pod: for one node, by its name."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = [{"matchFields": [field]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {**(spec.get("affinity") or {}), "nodeAffinity": required}


def _node_of(pod: Object) -> str:
    """The node that a DaemonSet pod is for."""
    affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])
