"""Whether labels, terms and tolerations match, as the scheduler reads them."""

import re
from collections.abc import Iterable, Mapping

from addons.autoscaler.model.pods import NodeTerm, Requirement, Taint, Toleration

_NODE_NAME = "metadata.name"
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_LIMIT = 1 << 63


def selector_matches(requirements: Iterable[Requirement] | None, labels: Mapping[str, str]) -> bool:
    """Whether all requirements hold. No selector at all (None) selects nothing, an empty one everything."""
    return requirements is not None and all(requirement_matches(each, labels) for each in requirements)


def requirement_matches(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """Whether labels meet a requirement; a label that is absent meets NotIn and DoesNotExist only.

    Gt and Lt compare whole numbers: they do not hold for a label that is none.
    """
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values if value is not None else False
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
    return terms is None or any(_term_matches(term, labels, name) for term in terms)


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether one of the tolerations is for the taint. The effect of the taint is any."""
    return any(_is_for(each, taint) for each in tolerations)


def untolerated(
    tolerations: Iterable[Toleration],
    taints: Iterable[Taint],
    effects: Iterable[str] = ("NoSchedule", "NoExecute"),
) -> Taint | None:
    """The first taint with one of the effects that no toleration is for."""
    return next(
        (each for each in taints if each.effect in effects and not tolerates(tolerations, each)), None
    )


def _term_matches(term: NodeTerm, labels: Mapping[str, str], name: str) -> bool:
    if not term.labels and not term.fields:
        return False
    return all(requirement_matches(each, labels) for each in term.labels) and all(
        _field_matches(each, name) for each in term.fields
    )


def _field_matches(requirement: Requirement, name: str) -> bool:
    """Fields know In and NotIn, with one value."""
    if len(requirement.values) != 1:
        return False
    is_named = requirement.key == _NODE_NAME and requirement.values[0] == name
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
