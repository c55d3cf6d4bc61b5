"""Target groups and security groups that nobody asks for: they go when nothing uses them any more."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from addons.albingress import names
from addons.albingress.model.actions import (
    AwsAction,
    DeleteSecurityGroup,
    DeleteTargetGroup,
    SetSecurityGroups,
)
from addons.albingress.model.elb import LoadBalancer, ObservedStack, SecurityGroup, TargetGroup
from addons.albingress.model.stack import Stack
from addons.albingress.plan.listeners import ListenerPlan
from addons.albingress.plan.load_balancer import Farewell
from addons.albingress.plan.target_groups import key_of
from addons.albingress.plan.usage import groups_of_balancer, ingress_of, one_of, resource_of
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip

Keys = Mapping[str, tuple[str, ...]]
"""Target groups by name, or security groups by id -> keys of actions."""


class Uses(Struct, frozen=True):
    """What is in use once a plan is done, and which of its actions end the use of the rest.

    `security_groups`: by id, the load balancer that has it. `ends` are those actions.
    """

    target_groups: frozenset[str]
    security_groups: Mapping[str, str]
    ends: Keys


def uses_after(
    observed: ObservedStack,
    current: LoadBalancer | None,
    listeners: ListenerPlan,
    old: Farewell,
    turned: Iterable[SetSecurityGroups],
) -> Uses:
    """Find what load balancers use; `turned` gives the `current` one other security groups."""
    used, having = set(listeners.used), dict[str, str]()
    ends: dict[str, list[str]] = defaultdict(list)
    for group, keys in listeners.leavers.items():
        ends[group] += keys
    for balancer in observed.load_balancers:
        lasting, key = balancer.security_groups, ""
        if balancer is current:
            for action in turned:
                lasting, key = action.security_groups, action.key
        elif key := old.leavers.get(balancer.arn, ""):
            lasting = ()
            for group in groups_of_balancer(balancer):
                ends[group].append(key)
        else:
            used |= groups_of_balancer(balancer)
        having |= dict.fromkeys(lasting, balancer.name)
        for each in set(balancer.security_groups) - set(lasting):
            ends[each].append(key)
    return Uses(frozenset(used), having, {each: tuple(keys) for each, keys in ends.items()})


def plan_leftovers(
    stack: Stack, observed: ObservedStack, view: View, uses: Uses
) -> tuple[list[AwsAction], list[Skip]]:
    """Delete what is neither asked for nor in use, target groups first."""
    groups = _unwanted_target_groups(stack, observed, view, uses)
    found: list[AwsAction | Skip] = [_delete_target_group(each, observed, view, uses) for each in groups]
    found += (_delete_security_group(each, uses) for each in _unwanted_security_groups(stack, observed, view))
    return (
        [each for each in found if isinstance(each, AwsAction)],
        [each for each in found if isinstance(each, Skip)],
    )


def _unwanted_target_groups(
    stack: Stack, observed: ObservedStack, view: View, uses: Uses
) -> Iterable[TargetGroup]:
    wanted = {each.name for each in stack.target_groups} | uses.target_groups
    for group in observed.target_groups:
        if group.name not in wanted and not ingress_of(resource_of(group), view.retained):
            yield group


def _delete_target_group(
    group: TargetGroup, observed: ObservedStack, view: View, uses: Uses
) -> DeleteTargetGroup | Skip:
    resource, key = resource_of(group), key_of(group.name)
    ref = one_of(resource, view.leaving)
    if others := set(group.load_balancers) - {each.arn for each in observed.load_balancers}:
        message = f"target group {group.name} stays: {min(others)}, which is not ours, forwards to it"
        return Skip(key, ref, names.DELETE_HELD, message)
    because = f"nothing leads to {resource or group.name}"
    needs = uses.ends.get(group.name, ())
    return DeleteTargetGroup(key=key, ref=ref, because=because, needs=needs, arn=group.arn)


def _unwanted_security_groups(stack: Stack, observed: ObservedStack, view: View) -> Iterable[SecurityGroup]:
    """Those of the stack, and the one that all share where nobody shares it."""
    managed = stack.security_group if stack.load_balancer else None
    yield from (each for each in observed.security_groups if managed is None or each.name != managed.name)
    is_used = view.backend_group_is_used or bool(
        stack.load_balancer and stack.load_balancer.uses_backend_group
    )
    if observed.backend_group and not is_used:
        yield observed.backend_group


def _delete_security_group(group: SecurityGroup, uses: Uses) -> DeleteSecurityGroup | Skip:
    key = f"security-group/{group.name}"
    if user := uses.security_groups.get(group.id):
        message = f"security group {group.name} goes when load balancer {user} has it no more"
        return Skip(key, None, names.WAITING, message)
    because = f"no load balancer is to have {group.name}"
    needs = uses.ends.get(group.id, ())
    return DeleteSecurityGroup(key=key, ref=None, because=because, needs=needs, id=group.id)
