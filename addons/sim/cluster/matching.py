"""Whether a node is one that a pod may be on by labels and taints."""

from collections.abc import Mapping
from typing import Any

from addons.sim.cluster.board import NodeView, PodView

Object = dict[str, Any]


def tolerates(pod: PodView, taint: Mapping[str, Any]) -> bool:
    """Whether a pod tolerates a taint."""
    return any(_tolerated(each, taint) for each in pod.spec.get("tolerations") or ())


def _tolerated(toleration: Object, taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    operator, value = toleration.get("operator") or "Equal", taint.get("value") or ""
    if operator == "Exists":
        return True
    if not toleration.get("key"):
        return False
    if operator in ("Gt", "Lt"):
        return _is_beyond(value, operator, toleration.get("value", ""))
    return (toleration.get("value") or "") == value


def is_selected(pod: PodView, node: NodeView) -> bool:
    """Whether a node is one that the pod's selector and required node affinity mean."""
    labels = node.labels
    wanted = pod.spec.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(term_holds(term, node) for term in required.get("nodeSelectorTerms") or ())


def term_holds(term: Object, node: NodeView) -> bool:
    """Whether a node selector term means a node; an empty one means none."""
    labels, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not labels and not fields:
        return False
    named = {"metadata.name": node.name}
    return all(_holds(each, node.labels) for each in labels) and all(_holds(each, named) for each in fields)


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case operator:
            return key in labels and _is_beyond(labels[key], operator, *values)


def _is_beyond(value: str, operator: str, bound: str) -> bool:
    try:
        return int(value) > int(bound) if operator == "Gt" else int(value) < int(bound)
    except ValueError:
        return False


def hard_taints(node: NodeView) -> list[Object]:
    """The taints of a node that keep pods away."""
    return [taint for taint in node.taints if taint["effect"] in ("NoSchedule", "NoExecute")]
