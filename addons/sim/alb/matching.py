"""Which rule of a listener answers a request: pure, on plain values, and nobody's planner knows it."""

from collections.abc import Iterable, Mapping
from typing import Any

from addons.sim.alb.request import Incoming, meets_all

Item = Mapping[str, Any]


def choose(rules: Iterable[Item], request: Incoming) -> Item:
    """Give the rule that answers: of those whose conditions are all met, the one with the lowest priority.

    A rule is as DescribeRules shows it: `Priority` is a number, as text or int, or `default`, which comes
    last and is always met; `Conditions` are as boto3 shows or takes them. Other fields are not looked at, so
    that a test can put its own names there. Raises LookupError when no rule is met, as there is no default.

    >>> rules = [
    ...     {"Priority": "default", "RuleArn": "last"},
    ...     {"Priority": "7", "RuleArn": "a", "Conditions": [{"Field": "path-pattern", "Values": ["/a*"]}]},
    ... ]
    >>> [choose(rules, Incoming(path=path))["RuleArn"] for path in ("/ab", "/b")]
    ['a', 'last']
    """
    for rule in sorted(rules, key=_place):
        if _place(rule) == _LAST or meets_all(rule["Conditions"], request):
            return rule
    raise LookupError(
        f"no rule answers {request.method} {request.host}{request.path}, and none is the default"
    )


_LAST = 50_001


def _place(rule: Item) -> int:
    return _LAST if rule["Priority"] == "default" else int(rule["Priority"])


def answer(rules: Iterable[Item], request: Incoming) -> tuple[Item, ...]:
    """Give what is done with a request: the actions of the rule that answers, in order, without `Order`."""
    actions = sorted(
        choose(rules, request).get("Actions", ()), key=lambda action: int(action.get("Order", 0))
    )
    return tuple({name: value for name, value in action.items() if name != "Order"} for action in actions)
