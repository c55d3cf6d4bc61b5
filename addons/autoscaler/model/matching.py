"""Whether labels, terms and tolerations match, as the scheduler reads them."""

import re
from collections.abc import Iterable, Mapping

from addons.autoscaler.model.pods import NodeTerm, Requirement, Taint, Toleration

NODE_NAME = "metadata.name"
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_LIMIT = 1 << 63


def selector_matches(selector: Iterable[Requirement] | None, labels: Mapping[str, str]) -> bool:
    """Whether all of a selector holds. No selector at all (None) selects nothing, an empty one everything."""
    return selector is not None and all(holds(each, labels.get(each.key)) for each in selector)


def holds(requirement: Requirement, value: str | None) -> bool:
    """Whether a requirement holds for the value of its key; None: there is no such label.

    Without it NotIn and DoesNotExist hold. Gt and Lt want whole numbers on both sides.
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
        case "Gt" | "Lt":
            return value is not None and _compares(requirement, value)
    return False


def node_terms_match(terms: Iterable[NodeTerm] | None, labels: Mapping[str, str], name: str) -> bool:
    """Whether a node meets one of the terms; without any affinity (None) each node does.

    `name` is empty for a node that does not exist yet: no term that names a node is meant for it.
    """
    return terms is None or any(node_term_matches(term, labels, name) for term in terms)


def node_term_matches(term: NodeTerm, labels: Mapping[str, str], name: str) -> bool:
    """Whether all of one term holds; one with nothing in it never does."""
    if not term.labels and not term.fields:
        return False
    return all(holds(each, labels.get(each.key)) for each in term.labels) and all(
        _field_holds(each, name) for each in term.fields
    )


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether one of the tolerations is for the taint. The effect of the taint is any."""
    return any(_is_for(each, taint) for each in tolerations)


def repels(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Whether the scheduler keeps a pod with these tolerations away from a node with the taint."""
    return taint.effect in ("NoSchedule", "NoExecute") and not tolerates(tolerations, taint)


def _field_holds(requirement: Requirement, name: str) -> bool:
    """Fields know In and NotIn, with one value."""
    if len(requirement.values) != 1:
        return False
    is_named = requirement.key == NODE_NAME and requirement.values[0] == name
    return {"In": is_named, "NotIn": not is_named}.get(requirement.operator, False)


def _compares(requirement: Requirement, value: str) -> bool:
    if len(requirement.values) != 1:
        return False
    label, limit = _whole(value, _INTEGER), _whole(requirement.values[0], _INTEGER)
    if label is None or limit is None:
        return False
    return label > limit if requirement.operator == "Gt" else label < limit


def _is_for(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    match toleration.operator:
        case "" | "Equal":
            return toleration.value == taint.value
        case "Exists":
            return True
        case "Gt" | "Lt":
            wanted, given = _whole(toleration.value, _PLAIN_INTEGER), _whole(taint.value, _PLAIN_INTEGER)
            if wanted is None or given is None:
                return False
            return given > wanted if toleration.operator == "Gt" else given < wanted
    return False


def _whole(text: str, form: re.Pattern[str]) -> int | None:
    """The number that a text is, if it is one of 64 bits."""
    if not form.fullmatch(text):
        return None
    number = int(text)
    return number if -_LIMIT <= number < _LIMIT else None
