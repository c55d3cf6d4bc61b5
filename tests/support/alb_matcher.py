"""How an ALB answers a request: written anew for tests, from the documentation, over the values of the model."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from addons.albingress.model.elb import Listener
from addons.albingress.model.rules import Action, Condition, Forward, RuleContent, Transform

Answer = tuple[tuple[object, ...], tuple[Transform, ...]]
"""What happens to a request: the actions, target groups without requests left out, and transforms."""


@dataclass(frozen=True)
class Request:
    host: str
    path: str = "/"
    method: str = "GET"
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def wildcard(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """`*` stands for any text, `?` for one letter."""
    parts = [".*" if letter == "*" else "." if letter == "?" else re.escape(letter) for letter in pattern]
    return bool(re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)))


def fits(condition: Condition, request: Request) -> bool:
    match condition.field:
        case "host-header":
            return any(wildcard(value, request.host, ignore_case=True) for value in condition.values)
        case "path-pattern":
            return any(wildcard(value, request.path) for value in condition.values)
        case "http-request-method":
            return request.method in condition.values
        case "http-header":
            sent = [value for name, value in request.headers if name.lower() == condition.header.lower()]
            return any(wildcard(each, one, ignore_case=True) for each in condition.values for one in sent)
        case "query-string":
            return any(
                key in ("", name) and wildcard(value, sent, ignore_case=True)
                for key, value in condition.pairs
                for name, sent in request.query
            )
    raise AssertionError(f"{condition.field} is not asked for in these tests")


def answer(listener: Listener, request: Request) -> Answer:
    for rule in sorted(listener.rules, key=lambda rule: rule.priority):
        if all(fits(condition, request) for condition in rule.content.conditions):
            return said(rule.content)
    return said(RuleContent((), listener.default_actions))


def said(content: RuleContent) -> Answer:
    return tuple(map(_effect, content.actions)), content.transforms


def _effect(action: Action) -> object:
    """Of a forward, who gets how much; AWS sends nothing to a weight of 0."""
    if not isinstance(action, Forward):
        return action
    if len(action.targets) == 1:
        return ("forward", action.targets[0].group)
    served = [target for target in action.targets if target.weight]
    if len(served) == 1:
        return ("forward", served[0].group)
    return ("forward", *((target.group, target.weight) for target in served), action.stickiness_seconds)


def answers(listener: Listener, requests: Iterable[Request]) -> dict[Request, Answer]:
    return {request: answer(listener, request) for request in requests}
