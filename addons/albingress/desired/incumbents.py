"""What the members of a group have in AWS now, as far as it can be told from there. Pure."""

from collections.abc import Iterable, Mapping

from addons.albingress import names
from addons.albingress.desired.inputs import Member
from addons.albingress.model.elb import Listener, LoadBalancer, ObservedStack
from addons.albingress.model.rules import Action, target_groups_of
from addons.runtime.objects import Key


def owners_of_target_groups(stack: ObservedStack, members: Iterable[Member]) -> Mapping[str, Key]:
    """For each target group, by its name and its ARN, the member that its resource tag names.

    The tag is `namespace/ingress-service:port`; where two members' names fit, the longer one is meant.
    """
    by_length = sorted(members, key=lambda member: -len(member.name))
    found: dict[str, Key] = {}
    for group in stack.target_groups:
        resource = dict(group.tags).get(names.TAG_RESOURCE, "")
        owner = next((one.key for one in by_length if resource.startswith(f"{one.name}-")), None)
        if owner is not None:
            found |= dict.fromkeys((group.name, group.arn), owner)
    return found


def first_priorities(stack: ObservedStack, members: Iterable[Member]) -> Mapping[Key, int]:
    """The lowest priority of a rule of each member that has rules which forward to Services."""
    owners = owners_of_target_groups(stack, members)
    found: dict[Key, int] = {}
    rules = (rule for one in stack.load_balancers for listener in one.listeners for rule in listener.rules)
    for rule in rules:
        for owner in _owners(rule.content.actions, owners):
            found[owner] = min(rule.priority, found.get(owner, rule.priority))
    return found


def listeners_of(
    member: Member,
    load_balancer: LoadBalancer | None,
    stack: ObservedStack | None,
    everyone: Iterable[Member],
) -> tuple[Listener, ...]:
    """The listeners on which AWS has, or may have, rules of the member.

    A rule that leads to no Service may be anybody's: it counts too.
    """
    if load_balancer is None or stack is None:
        return ()
    owners = owners_of_target_groups(stack, everyone)
    return tuple(one for one in load_balancer.listeners if _may_serve(one, member, owners))


def _may_serve(listener: Listener, member: Member, owners: Mapping[str, Key]) -> bool:
    if not member.group.is_explicit:
        return True
    if member.key in _owners(listener.default_actions, owners):
        return True
    told = [_owners(rule.content.actions, owners) for rule in listener.rules]
    return any(not found or member.key in found for found in told)


def _owners(actions: tuple[Action, ...], owners: Mapping[str, Key]) -> frozenset[Key]:
    return frozenset(owners[name] for name in target_groups_of(actions) if name in owners)
