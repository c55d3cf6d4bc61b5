"""What AWS has of a rule that cannot be made as asked for now: whether it may stay. Pure."""

from collections.abc import Iterable, Sequence

from addons.albingress import names
from addons.albingress.desired.incumbents import owners_of_target_groups
from addons.albingress.model.elb import Listener, LoadBalancer, ObservedStack, Rule
from addons.albingress.model.rules import (
    Action,
    AuthenticateCognito,
    AuthenticateOidc,
    Condition,
    Forward,
    JwtValidation,
    RuleContent,
    target_groups_of,
)
from addons.albingress.model.stack import RuleKey
from addons.runtime.objects import Key

_AUTHENTICATING = (AuthenticateOidc, AuthenticateCognito, JwtValidation)


class IncumbentRules:
    """The rules and default actions of a group's load balancer, by port."""

    def __init__(self, stack: ObservedStack | None) -> None:
        self._stack = stack
        balancers: Sequence[LoadBalancer] = stack.load_balancers if stack else ()
        self._listeners: dict[int, list[Listener]] = {}
        for listener in (each for balancer in balancers for each in balancer.listeners):
            self._listeners.setdefault(listener.port, []).append(listener)
        self._digests = {
            port: {tag: rule for each in found for rule in each.rules if (tag := _digest(rule))}
            for port, found in self._listeners.items()
        }
        groups = stack.target_groups if stack else ()
        self._resources = {
            name: dict(group.tags).get(names.TAG_RESOURCE, "")
            for group in groups
            for name in (group.name, group.arn)
        }
        self.target_group_names = frozenset(group.name for group in groups)

    def find(self, port: int, key: RuleKey, conditions: tuple[Condition, ...] | None) -> tuple[Rule, ...]:
        """The rules that AWS has for a key: tagged with it, else, of rules without such a tag, those with the
        same conditions, or else those that forward to the target group of its backend."""
        if tagged := self._digests.get(port, {}).get(key.digest):
            return (tagged,)
        theirs = [rule for each in self._listeners.get(port, ()) for rule in each.rules if not _digest(rule)]
        alike = tuple(rule for rule in theirs if rule.content.conditions == conditions)
        return alike or tuple(rule for rule in theirs if self._leads_to(rule.content, key.resource))

    def has_part(self, port: int, key: RuleKey) -> bool:
        """Whether a rule is tagged with the key."""
        return key.digest in self._digests.get(port, {})

    def default_actions(self, port: int) -> tuple[Action, ...]:
        """What a listener answers where no rule matches; nothing where there is no such listener."""
        return next((each.default_actions for each in self._listeners.get(port, ())), ())

    def default_owner(self, port: int, ingresses: Iterable[Key]) -> Key | None:
        """Which of the Ingresses has its default backend there now, as far as target groups tell it."""
        if self._stack is None:
            return None
        owners = owners_of_target_groups(self._stack, ingresses)
        found = (owners.get(name) for name in target_groups_of(self.default_actions(port)))
        return next((owner for owner in found if owner), None)

    def _leads_to(self, content: RuleContent, resource: str) -> bool:
        return any(self._resources.get(name) == resource for name in target_groups_of(content.actions))


def lets_nobody_in(actions: Sequence[Action]) -> bool:
    """Whether nothing is handed to targets without a login or a token."""
    for action in actions:
        if isinstance(action, _AUTHENTICATING):
            return True
        if isinstance(action, Forward):
            return False
    return True


def _digest(rule: Rule) -> str:
    return dict(rule.tags).get(names.TAG_RULE, "")
