"""Label and field selectors, with the syntax and the refusals of the API server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.status import bad_request

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

_PART = re.compile(
    r"""\s*(?:
      (?P<absent>!)\s*(?P<no>[^\s,=!<>()]+)
    | (?P<set>[^\s,=!<>()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)
    | (?P<key>[^\s,=!<>()]+)\s*(?P<eq>==|=|!=|<|>)\s*(?P<value>[^\s,=!<>()]*)
    | (?P<has>[^\s,=!<>()]+)
    )\s*(?:,|$)""",
    re.VERBOSE,
)


def label_tests(text: str) -> list[Test]:
    """Tests that labels must all pass for a selector such as `a=b,c in (d,e),!f,g>1`; 400 when malformed."""
    tests = []
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise bad_request(f"unable to parse requirement: found {text[position:]!r}, expected: identifier")
        tests.append(_label_test(part))
        position = part.end()
    return tests


def _label_test(part: re.Match[str]) -> Test:
    if part["absent"]:
        return lambda labels, key=part["no"]: key not in labels  # type: ignore[misc]
    if part["has"]:
        return lambda labels, key=part["has"]: key in labels  # type: ignore[misc]
    if part["set"]:
        values = frozenset(value.strip() for value in part["values"].split(","))
        return _in(part["set"], values, wanted=part["op"] == "in")
    if part["eq"] in "<>":
        return _compare(part["key"], part["eq"], part["value"])
    return _in(part["key"], frozenset([part["value"]]), wanted=part["eq"] != "!=")


def _in(key: str, values: frozenset[str], *, wanted: bool) -> Test:
    if wanted:
        return lambda labels: labels.get(key) in values
    return lambda labels: labels.get(key) not in values


def _compare(key: str, operator: str, text: str) -> Test:
    if not re.fullmatch(r"-?\d+", text):
        raise bad_request(
            f'values[0][{key}]: Invalid value: "{text}": '
            "for 'Gt', 'Lt' operators, the value must be an integer"
        )
    bound = int(text)

    def test(labels: Labels) -> bool:
        value = labels.get(key, "")
        if not re.fullmatch(r"-?\d+", value):
            return False
        return int(value) > bound if operator == ">" else int(value) < bound

    return test


def matches_selector(selector: Object | None, labels: Labels) -> bool:
    """Whether labels pass a LabelSelector object; an absent one matches nothing, an empty one everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(e, labels) for e in selector.get("matchExpressions") or ())


def _expression(expression: Object, labels: Labels) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_FIELDS: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("", "pods"): {
        path: tuple(path.split("."))
        for path in (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        )
    },
    ("", "nodes"): {"spec.unschedulable": ("spec", "unschedulable")},
    ("", "services"): {"spec.clusterIP": ("spec", "clusterIP"), "spec.type": ("spec", "type")},
    ("", "namespaces"): {"status.phase": ("status", "phase")},
    ("", "secrets"): {"type": ("type",)},
    ("", "events"): {
        **{f"involvedObject.{part}": ("involvedObject", part) for part in _INVOLVED},
        **{name: (name,) for name in ("reason", "type", "reportingComponent")},
        "source": ("source", "component"),
    },
    ("apps", "replicasets"): {"status.replicas": ("status", "replicas")},
}
_BOOLEANS = ("spec.unschedulable", "spec.hostNetwork")
_EVENT_NAMES = {"regarding": "involvedObject", "reportingController": "reportingComponent"}


def field_values(key: tuple[str, str], obj: Object) -> dict[str, str]:
    """The selectable fields of an object stored under `key`, but its name and namespace."""
    return {label: _value(label, obj, path) for label, path in _FIELDS.get(key, {}).items()}


def _value(label: str, obj: Any, path: tuple[str, ...]) -> str:
    for part in path:
        obj = obj.get(part) if isinstance(obj, dict) else None
    if isinstance(obj, bool) or label in _BOOLEANS:
        return "true" if obj else "false"
    return "" if obj is None else str(obj)


def field_tests(text: str, resource: Resource) -> list[Test]:
    """Tests for a selector such as `spec.nodeName=a,status.phase!=Failed`; 400 for an unknown field."""
    return [_field_test(part.strip(), resource) for part in text.split(",") if part.strip()]


def _field_test(part: str, resource: Resource) -> Test:
    match = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", part)
    if match is None:
        raise bad_request(f'invalid selector: "{part}"; can\'t understand "{part}"')
    label, operator, value = match.groups()
    head, dot, tail = label.partition(".")
    if resource.group == "events.k8s.io":
        label = f"{_EVENT_NAMES.get(head, head)}{dot}{tail}"
    names = ("metadata.name", "metadata.namespace") if resource.namespaced else ("metadata.name",)
    if label not in names and label not in _FIELDS.get(resource.key, {}):
        raise bad_request(f"field label not supported: {match[1]}")
    return _in(label, frozenset([value]), wanted=operator != "!=")
