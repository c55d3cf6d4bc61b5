"""What selectors, node terms and tolerations match, as the kube-scheduler reads them."""

import re
from collections.abc import Iterable, Mapping, Sequence

from addons.autoscaler.model.pods import NodeTerm, Requirement, Taint, Toleration

NODE_NAME = "metadata.name"
_WHOLE = re.compile(r"[+-]?[0-9]+")


def selector_matches(selector: Sequence[Requirement] | None, labels: Mapping[str, str]) -> bool:
    """Whether all of a label selector holds: None matches nothing, an empty one everything."""
    return selector is not None and all(holds(each, labels.get(each.key)) for each in selector)


def node_terms_match(terms: Sequence[NodeTerm], labels: Mapping[str, str], name: str) -> bool:
    """Whether one of the terms holds for a node with these labels and this name; a term with nothing in it
    never does.
    """
    return any(node_term_matches(each, labels, name) for each in terms)


def node_term_matches(term: NodeTerm, labels: Mapping[str, str], name: str) -> bool:
    """Whether all of one term holds; the only field is the name of the node."""
    if not (term.labels or term.fields):
        return False
    return all(holds(each, labels.get(each.key)) for each in term.labels) and all(
        each.key == NODE_NAME and each.operator in ("In", "NotIn") and holds(each, name)
        for each in term.fields
    )


def holds(requirement: Requirement, value: str | None) -> bool:
    """Whether an expression holds for the value of its key; None: there is no such label.

    Without the label NotIn holds, Gt and Lt do not; these want whole numbers on both sides.
    """
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator if len(requirement.values) == 1 and value is not None:
            return _is_beyond(operator, value, requirement.values[0])
    return False


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether one of the tolerations is for the taint.

    Gt and Lt compare whole numbers: the taint's with the toleration's.
    """
    return any(_is_for(each, taint) for each in tolerations)


def repels(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Whether the scheduler keeps a pod with these tolerations off for this taint."""
    return taint.effect in ("NoSchedule", "NoExecute") and not tolerates(tolerations, taint)


def _is_for(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    match toleration.operator:
        case "Exists":
            return True
        case "" | "Equal":
            return toleration.value == taint.value
        case "Gt" | "Lt" as operator:
            return _is_beyond(operator, taint.value, toleration.value)
    return False


def _is_beyond(operator: str, value: str, bound: str) -> bool:
    if not (_WHOLE.fullmatch(value) and _WHOLE.fullmatch(bound)):
        return False
    return int(value) > int(bound) if operator == "Gt" else int(value) < int(bound)
