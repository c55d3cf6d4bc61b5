"""Drawn nodes and classes of pods as objects of a real Kubernetes."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import NodeTerm, PodClass, PodTerm, Requirement, Spread
from addons.autoscaler.model.resources import Amounts

Object = dict[str, Any]


def acceptable(cls: PodClass) -> PodClass:
    """The class without what an API server refuses, and without volumes."""
    ports = {(each.port, each.protocol, each.address): each for each in cls.ports}
    spread = {each.topology_key: each for each in cls.spread}
    return replace(
        cls,
        ports=tuple(ports.values()),
        spread=tuple(spread.values()),
        node_affinity=cls.node_affinity or None,
        volume_terms=(),
        volumes={},
    )


def node_object(node: Node) -> Object:
    """The node as it registers."""
    taints = {(each.key, each.effect): each for each in node.taints}
    spec: Object = {
        "taints": [{"key": t.key, "value": t.value, "effect": t.effect} for t in taints.values()],
        "unschedulable": node.is_unschedulable,
    }
    return {"metadata": {"name": node.name, "labels": dict(node.labels)}, "spec": spec}


def node_status(node: Node) -> Object:
    """The status with which it is ready."""
    amounts = quantities(node.allocatable)
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    return {"status": {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}}


def pod_object(cls: PodClass, name: str, claim: str = "") -> Object:
    """A pod of the class, with the volume of a claim."""
    amounts = quantities({key: amount for key, amount in cls.requests.items() if key != "pods"})
    whole = {key: amount for key, amount in amounts.items() if "/" in key}
    container: Object = {
        "name": "main",
        "image": "none",
        "resources": {"requests": amounts, "limits": whole},
        "ports": [
            {"containerPort": p.port, "hostPort": p.port, "protocol": p.protocol, "hostIP": p.address}
            for p in cls.ports
        ],
    }
    affinity: Object = {}
    if cls.node_affinity is not None:
        terms = [node_term(each) for each in cls.node_affinity]
        affinity["nodeAffinity"] = {REQUIRED: {"nodeSelectorTerms": terms}}
    if cls.affinity:
        affinity["podAffinity"] = {REQUIRED: [pod_term(each) for each in cls.affinity]}
    if cls.anti_affinity:
        affinity["podAntiAffinity"] = {REQUIRED: [pod_term(each) for each in cls.anti_affinity]}
    spec: Object = {
        "containers": [container],
        "nodeSelector": dict(cls.node_selector),
        "affinity": affinity,
        "tolerations": [
            {"key": t.key, "operator": t.operator, "value": t.value, "effect": t.effect}
            for t in cls.tolerations
        ],
        "topologySpreadConstraints": [spread(each) for each in cls.spread],
        "terminationGracePeriodSeconds": 0,
    }
    if claim:
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    return {"metadata": {"name": name, "labels": dict(cls.labels)}, "spec": spec}


def volume_objects(
    name: str, driver: str, terms: Iterable[NodeTerm], namespace: str
) -> tuple[Object, Object]:
    """A volume of a driver that only some nodes reach, and the claim that is bound to it."""
    size = {"storage": "1Gi"}
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    volume = {
        "metadata": {"name": name},
        "spec": {
            **common,
            "capacity": size,
            "csi": {"driver": driver, "volumeHandle": name},
            "claimRef": {"namespace": namespace, "name": name},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [node_term(each) for each in terms]}},
        },
    }
    claim = {
        "metadata": {"name": name},
        "spec": {**common, "resources": {"requests": size}, "volumeName": name},
    }
    return volume, claim


def csi_node(node: Node) -> Object:
    """What the drivers of a node say of themselves."""
    drivers = [
        {"name": driver, "nodeID": node.name, "allocatable": {"count": count}}
        for driver, count in node.volume_limits.items()
    ]
    return {"metadata": {"name": node.name}, "spec": {"drivers": drivers}}


REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def quantities(amounts: Amounts) -> dict[str, str]:
    return {key: f"{amount}m" if key == "cpu" else str(amount) for key, amount in amounts.items()}


def requirements(selector: Iterable[Requirement]) -> list[Object]:
    return [{"key": each.key, "operator": each.operator, "values": list(each.values)} for each in selector]


def node_term(term: NodeTerm) -> Object:
    return {"matchExpressions": requirements(term.labels), "matchFields": requirements(term.fields)}


def selector(of: tuple[Requirement, ...] | None) -> Object | None:
    return None if of is None else {"matchExpressions": requirements(of)}


def pod_term(term: PodTerm) -> Object:
    return {
        "topologyKey": term.topology_key,
        "labelSelector": selector(term.selector),
        "namespaces": list(term.namespaces),
        "namespaceSelector": selector(term.namespace_selector),
    }


def spread(each: Spread) -> Object:
    return {
        "topologyKey": each.topology_key,
        "maxSkew": each.max_skew,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": selector(each.selector),
        "minDomains": each.min_domains,
        "nodeAffinityPolicy": "Honor" if each.honors_affinity else "Ignore",
        "nodeTaintsPolicy": "Honor" if each.honors_taints else "Ignore",
    }
