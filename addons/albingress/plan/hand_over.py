"""Target groups while one takes over from another: a name for the new one, the old one filled till it goes.

A target group serves one load balancer only, and part of it cannot be changed. So what takes over has target
groups of its own, under other names where theirs are taken.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256

from msgspec.structs import replace

from addons.albingress.model.elb import LoadBalancer, ObservedStack, TargetGroup
from addons.albingress.model.groups import Owner
from addons.albingress.model.rules import Action, Forward, RuleContent
from addons.albingress.model.stack import (
    DesiredListener,
    DesiredRule,
    DesiredTargetGroup,
    ServicePort,
    Stack,
)
from addons.albingress.plan.usage import ingress_of, resource_of, users_of_groups
from addons.runtime.outcomes import ObjectRef

_HASH = 10
_NAMES = 5
"""So many names a target group may have: of what takes over, of what that took over from, and so on."""


def current_balancer(stack: Stack, observed: ObservedStack) -> LoadBalancer | None:
    """The load balancer that is asked for, if it is there."""
    wanted = stack.load_balancer
    found = (each for each in observed.load_balancers if wanted and each.name == wanted.name)
    return next(found, None)


def with_serving_groups(
    stack: Stack, observed: ObservedStack, leaving: Iterable[ObjectRef] = (), retained: Collection[str] = ()
) -> Stack:
    """The stack with target groups as they can be had, and with those that still serve in their place.

    `retained` are the Ingresses among those `leaving` that are not served elsewhere yet.
    """
    users = users_of_groups(observed)
    renamed = dict(_renamed(stack, observed, users))
    groups = tuple(replace(each, name=renamed.get(each.name, each.name)) for each in stack.target_groups)
    known = {each.name for each in groups}
    origins = _origins(groups, leaving, retained)
    standing = tuple(
        found
        for each in observed.target_groups
        if each.name not in known and users.get(each.name) and (found := _standing(each, origins))
    )
    if not (renamed or standing):
        return stack
    listeners = tuple(_with_names(each, renamed) for each in stack.listeners)
    return replace(stack, target_groups=(*groups, *standing), listeners=listeners)


def _renamed(
    stack: Stack, observed: ObservedStack, users: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    """For each target group that cannot have its name, another one."""
    balancer = current_balancer(stack, observed)
    own = frozenset({balancer.arn} if balancer else ())
    there = {each.name: each for each in observed.target_groups}
    for wish in stack.target_groups:
        usable = [
            name
            for name in _names(wish.name)
            if name not in there or (fits(wish, there[name]) and users.get(name, frozenset()) <= own)
        ]
        serving = [name for name in usable if own and users.get(name) == own]
        if (chosen := next(iter(serving or usable), wish.name)) != wish.name:
            yield wish.name, chosen


def _names(name: str) -> Iterator[str]:
    """The name, and those that may stand for it."""
    yield name
    for number in range(1, _NAMES):
        digest = sha256(f"{name}/{number}".encode()).hexdigest()
        yield f"{name[:-_HASH]}{digest[:_HASH]}"


def fits(wish: DesiredTargetGroup, there: TargetGroup) -> bool:
    """Whether a target group can be turned into what is asked for."""
    return (wish.protocol, wish.version, wish.port, wish.target_type, wish.ip_address_type) == (
        there.protocol,
        there.version,
        there.port,
        there.target_type,
        there.ip_address_type,
    )


Origins = Mapping[str, tuple[ServicePort, Owner, str]]
"""By resource tag, or by `namespace/ingress-` in front of one: what fills a target group, for whom, where."""


def _origins(
    groups: Iterable[DesiredTargetGroup], leaving: Iterable[ObjectRef], retained: Collection[str]
) -> Origins:
    found = {each.resource: (each.backend, each.owner, each.node_selector) for each in groups}
    for ref in leaving:
        if (name := f"{ref.namespace}/{ref.name}") in retained:
            found[f"{name}-"] = (ServicePort(ref.namespace, "", ""), Owner(ref), "")
    return found


def _standing(group: TargetGroup, origins: Origins) -> DesiredTargetGroup | None:
    """A target group as AWS has it, where it is known what fills it."""
    resource = resource_of(group)
    if found := origins.get(resource):
        backend, owner, selector = found
    else:
        ingress = ingress_of(resource, (each[:-1] for each in origins if each.endswith("-")))
        service, colon, port = resource.removeprefix(f"{ingress}-").rpartition(":")
        if not (ingress and colon):
            return None
        backend, owner, selector = origins[f"{ingress}-"]
        backend = ServicePort(backend.namespace, service, port)
    return DesiredTargetGroup(
        name=group.name,
        resource=resource,
        owner=owner,
        backend=backend,
        protocol=group.protocol,  # type: ignore[arg-type]
        version=group.version,  # type: ignore[arg-type]
        port=group.port,
        target_type=group.target_type,  # type: ignore[arg-type]
        ip_address_type=group.ip_address_type,  # type: ignore[arg-type]
        health=group.health,
        tags=group.tags,
        node_selector=selector if group.target_type == "instance" else "",
        is_standing=True,
    )


def _with_names(listener: DesiredListener, renamed: Mapping[str, str]) -> DesiredListener:
    return replace(
        listener,
        default_actions=_actions(listener.default_actions, renamed),
        rules=tuple(_rule(each, renamed) for each in listener.rules),
    )


def _rule(rule: DesiredRule, renamed: Mapping[str, str]) -> DesiredRule:
    if rule.content is None:
        return rule
    said: RuleContent = rule.content
    return replace(rule, content=replace(said, actions=_actions(said.actions, renamed)))


def _actions(actions: tuple[Action, ...], renamed: Mapping[str, str]) -> tuple[Action, ...]:
    return tuple(_forward(each, renamed) if isinstance(each, Forward) else each for each in actions)


def _forward(forward: Forward, renamed: Mapping[str, str]) -> Forward:
    targets = (replace(each, group=renamed.get(each.group, each.group)) for each in forward.targets)
    return replace(forward, targets=tuple(sorted(targets)))
