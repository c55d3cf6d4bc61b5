"""What the members of a group have in AWS now, as far as it can be told from there: ports and rules. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.model.elb import Listener, LoadBalancer, ObservedStack, Rule
from addons.albingress.model.rules import Action, Condition, RuleContent, target_groups_of
from addons.albingress.model.stack import RuleKey
from addons.runtime.objects import Key, key


class RuleHolders(Struct, frozen=True):
    """On which listeners of the load balancer that serves the group its members have rules.

    Nobody knows it of a rule that leads to no Service: it may be anybody's, but for an Ingress that is alone.
    So may a listener without rules, such as one that redirects, unless its default action leads to a Service.
    """

    listeners: tuple[Listener, ...]
    owners: Mapping[str, Key]

    @classmethod
    def of(cls, inputs: GroupInputs) -> "RuleHolders":
        """Look at what AWS has of the group."""
        load_balancer = inputs.incumbent_load_balancer
        known = (*(member.key for member in inputs.members), *map(key, inputs.leaving))
        owners = owners_of_target_groups(inputs.incumbent, known) if inputs.incumbent else {}
        return cls(load_balancer.listeners if load_balancer else (), owners)

    def sure(self, member: Member) -> tuple[Listener, ...]:
        """Where the member certainly has rules, or the default action."""
        return tuple(
            one
            for one in self.listeners
            if not member.group.is_explicit or any(member.key in found for found in self._told(one))
        )

    def possible(self, member: Member) -> tuple[Listener, ...]:
        """Where it may have some."""
        sure = self.sure(member)
        return tuple(
            one
            for one in self.listeners
            if one in sure or not all(self._told(one, with_default=not one.rules))
        )

    def _told(self, listener: Listener, *, with_default: bool = True) -> tuple[frozenset[Key], ...]:
        actions = [rule.content.actions for rule in listener.rules]
        if with_default:
            actions.append(listener.default_actions)
        return tuple(_owners(some, self.owners) for some in actions)


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


def owners_of_target_groups(stack: ObservedStack, ingresses: Iterable[Key]) -> Mapping[str, Key]:
    """For each target group, by its name and its ARN, the Ingress that its resource tag names.

    The tag is `namespace/ingress-service:port`; where two names fit, the longer one is meant.
    """
    by_length = sorted(ingresses, key=lambda one: (-len(one[1]), one))
    found: dict[str, Key] = {}
    for group in stack.target_groups:
        resource = dict(group.tags).get(names.TAG_RESOURCE, "")
        owner = next((one for one in by_length if resource.startswith("/".join(one) + "-")), None)
        if owner is not None:
            found |= dict.fromkeys((group.name, group.arn), owner)
    return found


def first_priorities(stack: ObservedStack, members: Iterable[Member]) -> Mapping[Key, int]:
    """The lowest priority of a rule of each member that has rules which lead to Services."""
    owners = owners_of_target_groups(stack, (member.key for member in members))
    found: dict[Key, int] = {}
    rules = (rule for one in stack.load_balancers for listener in one.listeners for rule in listener.rules)
    for rule in rules:
        for owner in _owners(rule.content.actions, owners):
            found[owner] = min(rule.priority, found.get(owner, rule.priority))
    return found


def _owners(actions: tuple[Action, ...], owners: Mapping[str, Key]) -> frozenset[Key]:
    return frozenset(owners[name] for name in target_groups_of(actions) if name in owners)


def _digest(rule: Rule) -> str:
    return dict(rule.tags).get(names.TAG_RULE, "")
