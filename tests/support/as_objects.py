"""Pods, sets of pods, budgets and tags, as tests of the autoscaler name them."""

from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]
_TAG = "k8s.io/cluster-autoscaler/node-template/"


def pod_spec(cpu: str = "500m", memory: str = "256Mi", **more: Any) -> Object:
    """A PodSpec with one container that requests so much."""
    requests = {"cpu": cpu, "memory": memory}
    container = {"name": "main", "image": "local/busybox:1", "resources": {"requests": requests}}
    return {"containers": [container], **more}


def pod(
    name: str,
    cpu: str = "500m",
    memory: str = "256Mi",
    *,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """A pod; `spec` has further fields of its PodSpec, such as nodeSelector."""
    meta = {
        "name": name,
        "namespace": namespace,
        "labels": dict(labels or {"app": name}),
        "annotations": dict(annotations or {}),
    }
    return {"metadata": meta, "spec": pod_spec(cpu, memory, **spec)}


def replica_set(
    name: str,
    replicas: int,
    cpu: str = "500m",
    memory: str = "256Mi",
    *,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """A ReplicaSet; its pods have the label app."""
    own = {"app": name, **(labels or {})}
    template = {
        "metadata": {"labels": own, "annotations": dict(annotations or {})},
        "spec": pod_spec(cpu, memory, **spec),
    }
    return {
        "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": namespace, "labels": own},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def daemon_set(name: str, cpu: str = "100m", memory: str = "64Mi", **spec: Any) -> Object:
    """A DaemonSet of kube-system that tolerates everything."""
    tolerations = [{"operator": "Exists"}]
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": pod_spec(cpu, memory, **{"tolerations": tolerations, **spec}),
    }
    return {
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def budget(name: str, *, namespace: str = "default", app: str = "", **spec: Any) -> Object:
    """A PodDisruptionBudget over pods with the label app; `spec` has minAvailable or maxUnavailable."""
    selector = {"matchLabels": {"app": app or name}}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"selector": selector, **spec}}


def taint(key: str, value: str = "", effect: str = "NoSchedule") -> Object:
    """A taint of a node."""
    return {"key": key, "effect": effect} | ({"value": value} if value else {})


def template_tags(labels: Mapping[str, str], taints: Sequence[Object] = ()) -> dict[str, str]:
    """The tags of a group that tell of the labels and taints of its nodes."""
    told = {f"{_TAG}label/{key}": value for key, value in labels.items()}
    return told | {
        f"{_TAG}taint/{each['key']}": f"{each.get('value', '')}:{each['effect']}" for each in taints
    }
