"""What AWS has of ours, in memory: read once, then kept in step with our own changes. Makes no call."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from msgspec.structs import replace

from addons.albingress.model.elb import (
    Listener,
    LoadBalancer,
    ObservedStack,
    Rule,
    SecurityGroup,
    TargetGroup,
)
from addons.albingress.model.groups import GroupId
from addons.albingress.model.rules import target_groups_of
from addons.albingress.model.stack import Pairs
from addons.albingress.names import BACKEND_GROUP, TAG_BACKEND_GROUP, TAG_CLUSTER, TAG_STACK

Thing = LoadBalancer | Listener | Rule | TargetGroup | SecurityGroup
T = TypeVar("T", bound=Thing)

SHARED: Final = "/"
"""In place of a stack, what the whole cluster shares: the backend security group. No stack is called so."""


def load_balancer_of(listener_arn: str) -> str:
    """The ARN of the load balancer that a listener belongs to: AWS makes one of the other."""
    return listener_arn.replace(":listener/", ":loadbalancer/").rpartition("/")[0]


def listener_of(rule_arn: str) -> str:
    """The ARN of the listener that a rule belongs to."""
    return rule_arn.replace(":listener-rule/", ":listener/").rpartition("/")[0]


def group_of(stack: str) -> GroupId:
    """The group whose stack tag is `stack`."""
    namespace, slash, name = stack.partition("/")
    return GroupId(name, namespace) if slash else GroupId(stack)


def stack_by(tags: Pairs, cluster: str) -> str:
    """Whose something is by its tags: a stack of the cluster, SHARED, or nobody's that we know: empty."""
    said = dict(tags)
    if said.get(TAG_CLUSTER) != cluster:
        return ""
    if said.get(TAG_BACKEND_GROUP) == BACKEND_GROUP:
        return SHARED
    return said.get(TAG_STACK, "")


def id_of(thing: Thing) -> str:
    """The ARN of something, or the id of a security group."""
    return thing.id if isinstance(thing, SecurityGroup) else thing.arn


class Snapshot:
    """Things by ARN (security groups by id), of one cluster.

    Load balancers are kept without their listeners, listeners without their rules: `stack` puts them
    together, and gives the very same value until something of the stack changes.
    """

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._things: dict[str, Thing] = {}
        self._members: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._children: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._names: dict[str, str] = {}
        self._stacks: dict[str, ObservedStack] = {}

    def put(self, thing: Thing) -> None:
        """Have something there as it is now."""
        arn = id_of(thing)
        if self._things.get(arn) == thing:
            return
        self._detach(arn)
        self._things[arn] = thing
        if parent := _parent(thing):
            self._children[parent][arn] = None
        else:
            self._members[self._stack_by_tags(thing)][arn] = None
            self._names[_label(thing)] = arn
        self._forget_stack(arn)

    def drop(self, arn: str) -> None:
        """Have something not there any more, nor what belongs to it."""
        for child in tuple(self._children.pop(arn, ())):
            self.drop(child)
        stack = self.stack_of(arn)
        self._detach(arn)
        if isinstance(self._things.pop(arn, None), LoadBalancer):
            for group in self._of(TargetGroup, stack):
                if arn in group.load_balancers:
                    rest = tuple(other for other in group.load_balancers if other != arn)
                    self.put(replace(group, load_balancers=rest))

    def clear(self) -> None:
        """Have nothing there."""
        for kept in (self._things, self._members, self._children, self._names, self._stacks):
            kept.clear()

    def refresh(self, thing: Thing) -> None:
        """Have something there as it was read just now, with the details that such reading does not show."""
        old = self._things.get(id_of(thing))
        if isinstance(thing, LoadBalancer) and isinstance(old, LoadBalancer):
            thing = replace(thing, attributes=old.attributes, web_acl=old.web_acl)
        elif (isinstance(thing, Listener) and isinstance(old, Listener)) or (
            isinstance(thing, TargetGroup) and isinstance(old, TargetGroup)
        ):
            thing = replace(thing, attributes=old.attributes)
        self.put(thing)

    def _detach(self, arn: str) -> None:
        """Have nothing point to something as it was."""
        self._forget_stack(arn)
        if (thing := self._things.get(arn)) is None:
            return
        if parent := _parent(thing):
            self._children[parent].pop(arn, None)
        else:
            self._members[self._stack_by_tags(thing)].pop(arn, None)
            self._names.pop(_label(thing), None)

    def attributes(self, arn: str) -> Pairs | None:
        """The attributes of something; None where they were not read."""
        thing = self._things.get(arn)
        return thing.attributes if isinstance(thing, LoadBalancer | Listener | TargetGroup) else None

    def amend(self, arn: str, **details: object) -> None:
        """Have something there with details that were read of it."""
        if thing := self._things.get(arn):
            self.put(replace(thing, **details))

    def get(self, arn: str) -> Thing | None:
        """Anything by its ARN or id."""
        return self._things.get(arn)

    def find(self, kind: type[T], arn: str) -> T | None:
        """Something by its ARN or id."""
        thing = self._things.get(arn)
        return thing if isinstance(thing, kind) else None

    def all(self, kind: type[T]) -> tuple[T, ...]:
        """All of a kind."""
        return tuple(thing for thing in self._things.values() if isinstance(thing, kind))

    def named(self, kind: type[T], name: str) -> T | None:
        """A load balancer, target group or security group by its name."""
        return self.find(kind, self._names.get(f"{kind.__name__}/{name}", ""))

    def listener(self, key: str) -> Listener | None:
        """A listener by `load balancer:port`."""
        name, _, port = key.rpartition(":")
        balancer = self.named(LoadBalancer, name)
        listeners = self.children(Listener, balancer.arn) if balancer else ()
        return next((each for each in listeners if str(each.port) == port), None)

    def children(self, kind: type[T], arn: str) -> tuple[T, ...]:
        """The listeners of a load balancer, by port, or the rules of a listener, by priority."""
        found = [thing for child in self._children.get(arn, ()) if (thing := self.find(kind, child))]
        return tuple(sorted(found, key=_rank))

    def members(self, stack: str) -> tuple[str, ...]:
        """The ARNs and ids of what has the tags of a stack."""
        return tuple(self._members.get(stack, ()))

    def below(self, arn: str) -> tuple[str, ...]:
        """The ARNs of all that belongs to something, directly or not."""
        children = tuple(self._children.get(arn, ()))
        return (*children, *(each for child in children for each in self.below(child)))

    def stack_of(self, arn: str) -> str:
        """Whose something is, or what it belongs to; empty when that is not known."""
        thing = self._things.get(arn)
        if thing is None:
            return ""
        parent = _parent(thing)
        return self.stack_of(parent) if parent else self._stack_by_tags(thing)

    def stacks(self) -> tuple[str, ...]:
        """The stacks that anything has the tags of, sorted."""
        return tuple(
            sorted(stack for stack, arns in self._members.items() if arns and stack not in ("", SHARED))
        )

    def name_of(self, target_group_arn: str) -> str:
        """The name of a target group that is ours; else the ARN itself."""
        group = self.find(TargetGroup, target_group_arn)
        return group.name if group and self._stack_by_tags(group) else target_group_arn

    def backend_group(self) -> SecurityGroup | None:
        """The security group that all load balancers of the cluster share."""
        return next(iter(self._of(SecurityGroup, SHARED)), None)

    def stack(self, group: GroupId) -> ObservedStack:
        """What there is of a group."""
        stack = str(group)
        if stack not in self._stacks:
            self._stacks[stack] = self._put_together(group)
        return self._stacks[stack]

    def _put_together(self, group: GroupId) -> ObservedStack:
        stack = str(group)
        balancers = tuple(map(self._whole, self._of(LoadBalancer, stack)))
        uses = _uses(balancers)
        return ObservedStack(
            group=group,
            load_balancers=balancers,
            target_groups=tuple(self._used(each, uses) for each in self._of(TargetGroup, stack)),
            security_groups=self._of(SecurityGroup, stack),
            backend_group=self.backend_group(),
        )

    def _of(self, kind: type[T], stack: str) -> tuple[T, ...]:
        found = [thing for arn in self._members.get(stack, ()) if (thing := self.find(kind, arn))]
        return tuple(sorted(found, key=_rank))

    def _whole(self, balancer: LoadBalancer) -> LoadBalancer:
        listeners = (
            replace(each, rules=self.children(Rule, each.arn))
            for each in self.children(Listener, balancer.arn)
        )
        return replace(balancer, listeners=tuple(listeners))

    def _used(self, group: TargetGroup, uses: Mapping[str, set[str]]) -> TargetGroup:
        """A target group with those that use it: of our load balancers, those with a rule that says so."""
        others = {arn for arn in group.load_balancers if arn not in self._things}
        return replace(group, load_balancers=tuple(sorted(others | uses.get(group.name, set()))))

    def _stack_by_tags(self, thing: Thing) -> str:
        return stack_by(thing.tags, self._cluster)

    def _forget_stack(self, arn: str) -> None:
        stack = self.stack_of(arn)
        if stack == SHARED:
            self._stacks.clear()
        self._stacks.pop(stack, None)


def _parent(thing: Thing) -> str:
    if isinstance(thing, Rule):
        return listener_of(thing.arn)
    return load_balancer_of(thing.arn) if isinstance(thing, Listener) else ""


def _label(thing: Thing) -> str:
    return f"{type(thing).__name__}/{'' if isinstance(thing, Listener | Rule) else thing.name}"


def _rank(thing: Thing) -> tuple[int, str]:
    if isinstance(thing, Rule):
        return thing.priority, thing.arn
    return (thing.port, thing.arn) if isinstance(thing, Listener) else (0, thing.name)


def _uses(balancers: Iterable[LoadBalancer]) -> Mapping[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for balancer in balancers:
        for listener in balancer.listeners:
            contents = (rule.content.actions for rule in listener.rules)
            for actions in (listener.default_actions, *contents):
                for name in target_groups_of(actions):
                    found[name].add(balancer.arn)
    return found
