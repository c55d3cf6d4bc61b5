"""What the status page and `/api/state` show: group, listener, rule, target group, health."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from addons.albingress import names
from addons.albingress.controller.passes import Pass
from addons.albingress.model.elb import Rule
from addons.albingress.model.groups import GroupId
from addons.albingress.model.rules import (
    Action,
    AuthenticateCognito,
    AuthenticateOidc,
    Condition,
    FixedResponse,
    Forward,
    JwtValidation,
    Redirect,
    WeightedTarget,
)
from addons.albingress.model.stack import DesiredListener, DesiredRule
from addons.runtime.reporter import Report

_MOST_RULES = 1000
"""The page has a row for each rule, up to so many."""


class TargetCounts(Protocol):
    """Who knows how the targets of a group do, in words."""

    def in_words(self, target_group: str) -> str:
        """How many targets there are, and of which health as far as it is known."""


def state_of(
    passes: Mapping[GroupId, Pass],
    *,
    targets: TargetCounts,
    problems: Iterable[Report],
    failures: Mapping[str, str],
) -> dict[str, object]:
    """What all groups ask for and have; of very many rules only those that are not as asked for."""
    listed = sorted(passes.items(), key=lambda item: str(item[0]))
    rules = sum(len(listener.rules) for _, found in listed for listener in found.stack.listeners)
    is_short = rules > _MOST_RULES
    return {
        "groups": [_group(group, found) for group, found in listed],
        "problems": problem_rows(problems),
        "failures": dict(sorted(failures.items())),
        **{
            title: rows
            for group, found in listed
            for title, rows in _rules(group, found, targets, is_short=is_short)
        },
    }


def _rules(
    group: GroupId, found: Pass, targets: TargetCounts, *, is_short: bool
) -> Iterator[tuple[str, list[dict[str, object]]]]:
    rows = list(rule_rows(found, targets))
    if not is_short:
        yield f"rules of {group}", rows
    elif rows := [row for row in rows if row["state"] != "ok"]:
        yield f"broken and held rules of {group}", rows


def _group(group: GroupId, found: Pass) -> dict[str, object]:
    balancers = found.observed.load_balancers
    shown: dict[str, object] = {
        "group": str(group),
        "members": [str(member) for member in found.stack.members],
        "loadBalancer": [f"{each.name} ({each.state})" for each in balancers],
        "hostname": [each.dns_name for each in balancers],
        "listeners": [f"{each.protocol}:{each.port}" for each in found.stack.listeners],
        "rules": sum(len(listener.rules) for listener in found.stack.listeners),
        "targetGroups": len(found.observed.target_groups),
    }
    if found.stack.held:
        shown["held"] = found.stack.held
    if found.skips:
        shown["waits"] = [f"{skip.key}: {skip.message}" for skip in found.skips]
    return shown


def rule_rows(found: Pass, targets: TargetCounts) -> Iterator[dict[str, object]]:
    """A row for each rule of each listener, in their order, and one for what answers where none fits."""
    for listener in found.stack.listeners:
        where = f"{listener.protocol}:{listener.port}"
        for rule in listener.rules:
            there = rule_of(found, listener, rule)
            content = rule.content or (there.content if there else None)
            yield {
                "state": _state(rule),
                "rule": matches(rule, there),
                "leadsTo": in_words(content.actions if content else (), targets),
                "ingress": rule.key.ingress,
                "listener": where,
                "priority": there.priority if there else "not there",
            }
        yield {
            "state": "ok" if listener.state == "ok" else f"{listener.state}: {listener.because}",
            "rule": "all else",
            "leadsTo": in_words(listener.default_actions, targets),
            "ingress": "",
            "listener": where,
            "priority": "default",
        }


def problem_rows(reports: Iterable[Report]) -> list[dict[str, str]]:
    """The faults that objects have now."""
    found = sorted((report.ref, report.reason, report.message) for report in reports if report.ref)
    return [{"reason": reason, "message": message, "object": str(ref)} for ref, reason, message in found]


def rule_of(found: Pass, listener: DesiredListener, rule: DesiredRule) -> Rule | None:
    """The rule in AWS that stands for a wish: by its tag, or where it has none by what it says."""
    return _rules_there(found, listener).get(rule.key.digest) or next(
        (each for each in _rules_of(found, listener) if each.content == rule.content), None
    )


def _rules_there(found: Pass, listener: DesiredListener) -> Mapping[str, Rule]:
    tagged = ((dict(rule.tags).get(names.TAG_RULE), rule) for rule in _rules_of(found, listener))
    return {digest: rule for digest, rule in tagged if digest}


def _rules_of(found: Pass, listener: DesiredListener) -> Iterator[Rule]:
    wanted = found.stack.load_balancer
    for balancer in found.observed.load_balancers:
        if wanted and balancer.name == wanted.name:
            for each in balancer.listeners:
                if each.port == listener.port:
                    yield from each.rules


def in_words(actions: Iterable[Action], targets: TargetCounts | None = None) -> str:
    """What becomes of a request."""
    return ", then ".join(_words(action, targets) for action in actions) or "nothing"


def _words(action: Action, targets: TargetCounts | None) -> str:
    match action:
        case Forward():
            return "; ".join(_target(each, len(action.targets), targets) for each in action.targets)
        case Redirect():
            return f"{action.status} to {action.protocol}://{action.host}:{action.port}{action.path}"
        case FixedResponse():
            return f"answers {action.status}{f': {action.body}' if action.body else ''}"
        case AuthenticateOidc():
            return f"login at {action.issuer}"
        case AuthenticateCognito():
            return f"login at {action.user_pool_domain}"
        case JwtValidation():
            return f"token of {action.issuer}"


def _target(target: WeightedTarget, count: int, targets: TargetCounts | None) -> str:
    share = f" (weight {target.weight})" if count > 1 else ""
    health = f": {targets.in_words(target.group)}" if targets else ""
    return f"{target.group}{share}{health}"


def matches(rule: DesiredRule, there: Rule | None) -> str:
    """Which requests a rule is for: as it is asked for, else as it is `there`."""
    content = rule.content or (there.content if there else None)
    if content is None:
        return f"{rule.key.host or '*'}{rule.key.path or '/*'}"
    return ", ".join(map(_condition, content.conditions))


def _condition(condition: Condition) -> str:
    values = [*condition.values, *condition.regex, *(f"{key}={text}" for key, text in condition.pairs)]
    return f"{condition.header or condition.field.partition('-')[0]} {' or '.join(values)}"


def _state(rule: DesiredRule) -> str:
    marks = {"ok": "ok", "placeholder": "BROKEN: answers 503", "keep": "HELD as it is", "absent": "NO RULE"}
    return f"{marks[rule.state]}{f': {rule.because}' if rule.because else ''}"
