"""Redirects that lead to themselves, and rules that a redirect in front of them hides: not made. Pure.

So `actions.ssl-redirect` on an Ingress with an HTTP and an HTTPS port makes one rule on the first and none on
the second, as with the original.
"""

from collections.abc import Iterable, Sequence

from addons.albingress.model.rules import Action, Condition, Redirect, RuleContent


def redirect_of(actions: Sequence[Action]) -> Redirect | None:
    """The redirect among the actions, if any."""
    return next((action for action in actions if isinstance(action, Redirect)), None)


def leads_to_itself(content: RuleContent, *, port: int, protocol: str) -> bool:
    """Whether a client would be sent to the listener and to what the rule matches, for ever."""
    if (redirect := redirect_of(content.actions)) is None:
        return False
    return (
        (redirect.host == "#{host}" or redirect.host in _values(content.conditions, "host-header"))
        and (redirect.path == "/#{path}" or redirect.path in _values(content.conditions, "path-pattern"))
        and redirect.port in ("#{port}", str(port))
        and redirect.protocol in ("#{protocol}", protocol)
        and redirect.query == "#{query}"
    )


def hides(first: Sequence[Condition], later: Sequence[Condition]) -> bool:
    """Whether every request that fits `later` surely fits `first`, which has only hosts and paths.

    Values are compared as texts, patterns do not count but for the one of every path.
    """
    if any(condition.field not in ("host-header", "path-pattern") for condition in first):
        return False
    if any(condition.regex for condition in first):
        return False
    hosts, paths = _values(first, "host-header"), _values(first, "path-pattern")
    return _covers(hosts, _values(later, "host-header")) and (
        "/*" in paths or _covers(paths, _values(later, "path-pattern"))
    )


def _covers(first: frozenset[str], later: frozenset[str]) -> bool:
    return not first or (bool(later) and later <= first)


def _values(conditions: Iterable[Condition], field: str) -> frozenset[str]:
    return frozenset(value for each in conditions if each.field == field for value in each.values)
