"""Selectors of Kubernetes objects as requirements."""

from collections.abc import Iterable, Mapping

from addons.autoscaler.model import pod_parts as parts
from addons.autoscaler.model.pods import NodeTerm, Requirement


def selector_of(selector: parts.LabelSelector | None) -> tuple[Requirement, ...] | None:
    """What a selector asks of labels; None for none at all, which selects nothing."""
    if selector is None:
        return None
    return (*labels_of(selector.match_labels), *requirements_of(selector.match_expressions))


def labels_of(labels: Mapping[str, str]) -> tuple[Requirement, ...]:
    """Labels with exactly these values."""
    return tuple(Requirement(key, "In", (value,)) for key, value in sorted(labels.items()))


def requirements_of(expressions: Iterable[parts.Expression]) -> tuple[Requirement, ...]:
    """Expressions, each as it is."""
    return tuple(Requirement(each.key, each.operator, tuple(sorted(each.values))) for each in expressions)


def node_terms_of(selector: parts.NodeSelector) -> tuple[NodeTerm, ...]:
    """The terms of a selector of nodes, of which one must hold."""
    return tuple(
        NodeTerm(requirements_of(term.match_expressions), requirements_of(term.match_fields))
        for term in selector.node_selector_terms
    )
