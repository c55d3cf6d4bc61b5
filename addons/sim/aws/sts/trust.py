"""Trust policies: whether a role lets somebody in, for one action, under its conditions.

As the IAM User Guide has it in "IAM JSON policy elements reference"; what is not known here is refused when
the role is made, so that no policy is ever read more kindly than AWS reads it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any

Policy = Mapping[str, Any]

_ELEMENTS = {"Sid", "Effect", "Principal", "Action", "Condition"}
_KINDS = {"AWS", "Federated", "Service"}


def _like(pattern: str, value: str) -> bool:
    return re.match(translate(pattern.replace("[", "[[]")), value) is not None


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringNotEquals": lambda wanted, value: wanted != value,
    "StringLike": _like,
    "StringNotLike": lambda wanted, value: not _like(wanted, value),
    "ArnEquals": _like,
    "ArnLike": _like,
}


@dataclass(frozen=True, slots=True)
class Question:
    """Who wants to do what. `principals` are all names of the caller; `context` is keyed by condition key."""

    action: str
    principals: frozenset[tuple[str, str]]
    context: Mapping[str, str] = field(default_factory=dict)


def check_policy(policy: Policy) -> None:
    """Raise `ValueError` for a policy that is not understood to the last element."""
    for statement in _statements(policy):
        if unknown := set(statement) - _ELEMENTS:
            raise ValueError(f"a trust policy has no {', '.join(sorted(unknown))}")
        if statement["Effect"] not in ("Allow", "Deny"):
            raise ValueError(f"Effect {statement['Effect']!r} is neither Allow nor Deny")
        principal = statement["Principal"]
        if principal != "*" and set(principal) - _KINDS:
            raise ValueError(f"Principal {principal!r}: known are {', '.join(sorted(_KINDS))}")
        for operator in statement.get("Condition", {}):
            if operator.removesuffix("IfExists") not in (*_OPERATORS, "Null"):
                raise ValueError(f"condition operator {operator} is not simulated")


def permits(policy: Policy, question: Question) -> bool:
    """Whether some statement allows it and none denies it."""
    effects = {statement["Effect"] for statement in _statements(policy) if _applies(statement, question)}
    return effects == {"Allow"}


def _applies(statement: Policy, question: Question) -> bool:
    return (
        any(_like(action.lower(), question.action.lower()) for action in _texts(statement["Action"]))
        and _names(statement["Principal"], question.principals)
        and all(
            _holds(operator, key, _texts(values), question.context)
            for operator, tests in statement.get("Condition", {}).items()
            for key, values in tests.items()
        )
    )


def _names(principal: Any, callers: frozenset[tuple[str, str]]) -> bool:
    if principal == "*":
        return True
    wanted = {(kind, name) for kind, names in principal.items() for name in _texts(names)}
    if ("AWS", "*") in wanted and any(kind == "AWS" for kind, _ in callers):
        return True
    return bool(wanted & callers)


def _holds(operator: str, key: str, wanted: list[str], context: Mapping[str, str]) -> bool:
    """Keys have no case. A negated operator holds for a key that is not there, any other one does not."""
    value = {name.lower(): text for name, text in context.items()}.get(key.lower())
    if operator == "Null":
        return (value is None) == (wanted[0].lower() == "true")
    name = operator.removesuffix("IfExists")
    if value is None:
        return "Not" in name or operator != name
    judge = _OPERATORS[name]
    combine: Callable[[Iterable[bool]], bool] = all if "Not" in name else any
    return combine(judge(pattern, value) for pattern in wanted)


def _statements(policy: Policy) -> list[Policy]:
    statements = policy["Statement"]
    return [statements] if isinstance(statements, Mapping) else list(statements)


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
