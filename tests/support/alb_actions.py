"""What the actions of a plan make of a load balancer: AWS's rules for them, as a pure function for tests."""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from msgspec.structs import replace

from addons.albingress.aws.execution import predecessors
from addons.albingress.model import actions as act
from addons.albingress.model.actions import AwsAction, Plan
from addons.albingress.model.elb import (
    Listener,
    LoadBalancer,
    ObservedStack,
    Rule,
    SecurityGroup,
    TargetGroup,
)
from addons.albingress.model.rules import Action, AuthenticateCognito, AuthenticateOidc, target_groups_of
from addons.albingress.model.stack import DesiredListener, Pairs


class Refused(AssertionError):
    """AWS would have refused this."""


def apply_all(observed: ObservedStack, actions: Iterable[AwsAction]) -> ObservedStack:
    for action in actions:
        observed = apply(observed, action)
    return observed


def prefixes(observed: ObservedStack, plan: Plan) -> list[ObservedStack]:
    """The states after no action, the first, the first two, ..."""
    states = [observed]
    for action in plan.actions:
        states.append(apply(states[-1], action))
    return states


def any_order(actions: tuple[AwsAction, ...], chance: Random) -> tuple[AwsAction, ...]:
    """An order in which the actions may end, by what each of them waits for."""
    waits = [needs | after for needs, after in predecessors(actions)]
    done: list[int] = []
    while len(done) < len(actions):
        ready = [each for each in range(len(actions)) if each not in done and waits[each] <= set(done)]
        done.append(chance.choice(ready))
    return tuple(actions[each] for each in done)


def without(plan: Plan, refused: str) -> list[AwsAction]:
    """The actions that are carried out when AWS refuses one: those that need it are not."""
    failed = {refused}
    done = []
    for action in plan.actions:
        if action.key in failed or failed.intersection(action.needs):
            failed.add(action.key)
        else:
            done.append(action)
    return done


def apply(observed: ObservedStack, action: AwsAction) -> ObservedStack:
    return _HOW[type(action)](observed, action)


def refuse(when: bool, why: str) -> None:
    if when:
        raise Refused(why)


def _pairs(old: Pairs | None, new: Mapping[str, str]) -> Pairs:
    return tuple(sorted({**dict(old or ()), **new}.items()))


def _check_groups(observed: ObservedStack, balancer: str, actions: Iterable[Action]) -> None:
    there = {each.name for each in observed.target_groups}
    others = [each for each in observed.load_balancers if each.name != balancer]
    taken = used_groups(replace(observed, load_balancers=tuple(others)))
    for group in target_groups_of(tuple(actions)):
        refuse(group not in there and not group.startswith("arn:"), f"TargetGroupNotFound: {group}")
        refuse(group in taken, f"TargetGroupAssociationLimit: {group}")


def _balancer(observed: ObservedStack, name: str) -> LoadBalancer:
    found = [each for each in observed.load_balancers if each.name == name]
    refuse(not found, f"LoadBalancerNotFound: {name}")
    return found[0]


def _with_balancer(observed: ObservedStack, name: str, **changes: Any) -> ObservedStack:
    _balancer(observed, name)
    return replace(
        observed,
        load_balancers=tuple(
            replace(each, **changes) if each.name == name else each for each in observed.load_balancers
        ),
    )


def listener_named(observed: ObservedStack, name: str) -> Listener:
    balancer, _, port = name.rpartition(":")
    found = [each for each in _balancer(observed, balancer).listeners if each.port == int(port)]
    refuse(not found, f"ListenerNotFound: {name}")
    return found[0]


def _with_listener(observed: ObservedStack, name: str, **changes: Any) -> ObservedStack:
    balancer, _, port = name.rpartition(":")
    listener_named(observed, name)
    listeners = tuple(
        replace(each, **changes) if each.port == int(port) else each
        for each in _balancer(observed, balancer).listeners
    )
    return _with_balancer(observed, balancer, listeners=listeners)


def _check_login(protocol: str, actions: Iterable[Action]) -> None:
    asks = any(isinstance(each, AuthenticateOidc | AuthenticateCognito) for each in actions)
    refuse(protocol != "HTTPS" and asks, "InvalidLoadBalancerAction: a login needs HTTPS")


def _with_rules(observed: ObservedStack, name: str, rules: Iterable[Rule]) -> ObservedStack:
    found = tuple(sorted(rules, key=lambda rule: rule.priority))
    for rule in found:
        _check_login(listener_named(observed, name).protocol, rule.content.actions)
    numbers = [rule.priority for rule in found]
    refuse(len(set(numbers)) < len(numbers), f"PriorityInUse: {numbers}")
    refuse(any(not 1 <= number <= 50_000 for number in numbers), f"ValidationError: {numbers}")
    return _with_listener(observed, name, rules=found)


MOST_RULES = 100


def _create_rule(observed: ObservedStack, action: act.CreateRule) -> ObservedStack:
    content = action.rule.content
    assert content is not None
    listener = listener_named(observed, action.listener)
    balancer = _balancer(observed, action.listener.rpartition(":")[0])
    _check_groups(observed, balancer.name, content.actions)
    there = sum(len(each.rules) for each in balancer.listeners)
    refuse(there >= MOST_RULES, "TooManyRules")
    number = 1
    taken = {rule.arn for rule in listener.rules}
    while (arn := f"{listener.arn}/{action.rule.key.digest[:8]}{number}") in taken:
        number += 1
    rule = Rule(arn=arn, priority=action.priority, content=content, tags=tuple(sorted(action.tags)))
    return _with_rules(observed, action.listener, (*listener.rules, rule))


def _change_rule(
    observed: ObservedStack, name: str, arn: str, change: Callable[[Rule], Rule]
) -> ObservedStack:
    rules = listener_named(observed, name).rules
    refuse(arn not in {rule.arn for rule in rules}, f"RuleNotFound: {arn}")
    return _with_rules(observed, name, (change(rule) if rule.arn == arn else rule for rule in rules))


def _modify_rule(observed: ObservedStack, action: act.ModifyRule) -> ObservedStack:
    _check_groups(observed, action.listener.rpartition(":")[0], action.content.actions)
    return _change_rule(
        observed, action.listener, action.existing.arn, lambda rule: replace(rule, content=action.content)
    )


def _set_priorities(observed: ObservedStack, action: act.SetRulePriorities) -> ObservedStack:
    rules = listener_named(observed, action.listener).rules
    missing = set(action.priorities) - {rule.arn for rule in rules}
    refuse(bool(missing), f"RuleNotFound: {missing}")
    by_number = {rule.priority: rule.arn for rule in rules}
    moves = dict(action.priorities)
    moves |= {by_number[old]: new for old, new in action.created.items() if old in by_number}
    moved = (replace(rule, priority=moves.get(rule.arn, rule.priority)) for rule in rules)
    return _with_rules(observed, action.listener, moved)


def _delete_rule(observed: ObservedStack, action: act.DeleteRule) -> ObservedStack:
    rules = listener_named(observed, action.listener).rules
    arn = action.existing.arn
    refuse(arn not in {rule.arn for rule in rules}, f"RuleNotFound: {arn}")
    return _with_rules(observed, action.listener, (rule for rule in rules if rule.arn != arn))


def _create_listener(observed: ObservedStack, action: act.CreateListener) -> ObservedStack:
    balancer, wanted = _balancer(observed, action.load_balancer), action.listener
    refuse(wanted.port in {each.port for each in balancer.listeners}, f"DuplicateListener: {wanted.port}")
    refuse(wanted.protocol == "HTTPS" and not wanted.certificates, "ValidationError: no certificate")
    _check_groups(observed, balancer.name, wanted.default_actions)
    _check_login(wanted.protocol, wanted.default_actions)
    arn = f"{balancer.arn.replace(':loadbalancer/', ':listener/')}/{wanted.port}"
    made = _with_tls(Listener(arn=arn, port=wanted.port, protocol="", default_actions=()), wanted)
    made = replace(made, default_actions=wanted.default_actions)
    made = replace(made, certificates=wanted.certificates, tags=wanted.tags, attributes=wanted.attributes)
    return _with_balancer(observed, balancer.name, listeners=(*balancer.listeners, made))


def _with_tls(listener: Listener, wanted: DesiredListener) -> Listener:
    """Of the certificates before, the default one goes unless it is one of the others too."""
    default = wanted.certificates[:1] or listener.certificates[:1]
    others = tuple(each for each in listener.certificates[1:] if each not in default)
    return replace(
        listener,
        protocol=wanted.protocol,
        ssl_policy=wanted.ssl_policy if wanted.protocol == "HTTPS" else "",
        mutual_authentication=wanted.mutual_authentication,
        certificates=default + others if wanted.protocol == "HTTPS" else (),
    )


def _modify_listener(observed: ObservedStack, action: act.ModifyListener) -> ObservedStack:
    name = f"{action.load_balancer}:{action.listener.port}"
    changed = listener_named(observed, name)
    if "tls" in action.parts:
        changed = _with_tls(changed, action.listener)
    if "default" in action.parts:
        _check_groups(observed, action.load_balancer, action.listener.default_actions)
        changed = replace(changed, default_actions=action.listener.default_actions)
    for actions in (changed.default_actions, *(rule.content.actions for rule in changed.rules)):
        _check_login(changed.protocol, actions)
    fields = {field: getattr(changed, field) for field in changed.__struct_fields__}
    return _with_listener(observed, name, **fields)


MOST_CERTIFICATES = 25


def _add_certificates(observed: ObservedStack, action: act.AddListenerCertificates) -> ObservedStack:
    there = listener_named(observed, action.listener).certificates
    refuse(not there, "ValidationError: not HTTPS")
    found = there + tuple(each for each in action.certificates if each not in there[1:])
    refuse(len(found) - 1 > MOST_CERTIFICATES, "TooManyCertificates")
    return _with_listener(observed, action.listener, certificates=found)


def _remove_certificates(observed: ObservedStack, action: act.RemoveListenerCertificates) -> ObservedStack:
    there = listener_named(observed, action.listener).certificates
    refuse(there[0] in action.certificates, "OperationNotPermitted: the default certificate")
    left = tuple(each for each in there if each not in action.certificates)
    return _with_listener(observed, action.listener, certificates=left)


def _delete_listener(observed: ObservedStack, action: act.DeleteListener) -> ObservedStack:
    name = action.listener.rpartition(":")[0]
    listener_named(observed, action.listener)
    left = tuple(each for each in _balancer(observed, name).listeners if each.arn != action.arn)
    return _with_balancer(observed, name, listeners=left)


def _create_balancer(observed: ObservedStack, action: act.CreateLoadBalancer) -> ObservedStack:
    wanted = action.load_balancer
    names = {each.name for each in observed.load_balancers}
    refuse(wanted.name in names, f"DuplicateLoadBalancerName: {wanted.name}")
    refuse(len(wanted.subnets) < 2, "ValidationError: two subnets")
    made = LoadBalancer(
        arn=f"arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/{wanted.name}/1",
        name=wanted.name,
        dns_name=f"{wanted.name}.elb.amazonaws.com",
        scheme=wanted.scheme,
        ip_address_type=wanted.ip_address_type,
        subnets=tuple(sorted(wanted.subnets)),
        security_groups=_group_ids(observed, action.security_groups),
        state="active",
        attributes=wanted.attributes,
        web_acl="",
        tags=wanted.tags,
    )
    return replace(observed, load_balancers=(*observed.load_balancers, made))


def _group_ids(observed: ObservedStack, groups: Iterable[str]) -> tuple[str, ...]:
    known = [*observed.security_groups, *filter(None, [observed.backend_group])]
    ids = {each.name: each.id for each in known}
    found = tuple(ids.get(group, group) for group in groups)
    refuse(any(not each.startswith("sg-") for each in found), f"InvalidSecurityGroup: {found}")
    return found


def _delete_balancer(observed: ObservedStack, action: act.DeleteLoadBalancer) -> ObservedStack:
    balancer = _balancer(observed, action.name)
    is_protected = dict(balancer.attributes or ()).get("deletion_protection.enabled") == "true"
    refuse(is_protected, "OperationNotPermitted: protected")
    left = tuple(each for each in observed.load_balancers if each.arn != action.arn)
    return replace(observed, load_balancers=left)


def _create_group(observed: ObservedStack, action: act.CreateTargetGroup) -> ObservedStack:
    wanted = action.target_group
    refuse(wanted.name in {each.name for each in observed.target_groups}, "DuplicateTargetGroupName")
    made = TargetGroup(
        arn=f"arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/{wanted.name}/1",
        name=wanted.name,
        protocol=wanted.protocol,
        version=wanted.version,
        port=wanted.port,
        target_type=wanted.target_type,
        ip_address_type=wanted.ip_address_type,
        health=wanted.health,
        attributes=wanted.attributes,
        tags=wanted.tags,
    )
    return replace(observed, target_groups=(*observed.target_groups, made))


def _change_group(observed: ObservedStack, name: str, change: Callable[[TargetGroup], TargetGroup]) -> Any:
    refuse(name not in {each.name for each in observed.target_groups}, f"TargetGroupNotFound: {name}")
    groups = tuple(change(each) if each.name == name else each for each in observed.target_groups)
    return replace(observed, target_groups=groups)


def used_groups(observed: ObservedStack) -> set[str]:
    return {
        group
        for balancer in observed.load_balancers
        for listener in balancer.listeners
        for actions in (listener.default_actions, *(rule.content.actions for rule in listener.rules))
        for group in target_groups_of(actions)
    }


def _delete_group(observed: ObservedStack, action: act.DeleteTargetGroup) -> ObservedStack:
    doomed = [each for each in observed.target_groups if each.arn == action.arn]
    refuse(not doomed, "TargetGroupNotFound")
    refuse(doomed[0].name in used_groups(observed), f"ResourceInUse: {doomed[0].name}")
    left = tuple(each for each in observed.target_groups if each.arn != action.arn)
    return replace(observed, target_groups=left)


def _create_security_group(observed: ObservedStack, action: act.CreateSecurityGroup) -> ObservedStack:
    wanted = action.group
    made = SecurityGroup(
        id=f"sg-{wanted.name}", name=wanted.name, permissions=wanted.permissions, tags=wanted.tags
    )
    if wanted.name.startswith("k8s-traffic-"):
        refuse(observed.backend_group is not None, "InvalidGroup.Duplicate")
        return replace(observed, backend_group=made)
    refuse(wanted.name in {each.name for each in observed.security_groups}, "InvalidGroup.Duplicate")
    return replace(observed, security_groups=(*observed.security_groups, made))


def _change_permissions(observed: ObservedStack, name: str, change: Callable[[set[Any]], set[Any]]) -> Any:
    refuse(name not in {each.name for each in observed.security_groups}, f"InvalidGroup.NotFound: {name}")
    groups = tuple(
        replace(each, permissions=tuple(sorted(change(set(each.permissions))))) if each.name == name else each
        for each in observed.security_groups
    )
    return replace(observed, security_groups=groups)


def _delete_security_group(observed: ObservedStack, action: act.DeleteSecurityGroup) -> ObservedStack:
    used = {group for each in observed.load_balancers for group in each.security_groups}
    refuse(action.id in used, f"DependencyViolation: {action.id}")
    if observed.backend_group and observed.backend_group.id == action.id:
        return replace(observed, backend_group=None)
    left = tuple(each for each in observed.security_groups if each.id != action.id)
    refuse(len(left) == len(observed.security_groups), "InvalidGroup.NotFound")
    return replace(observed, security_groups=left)


def _retag(observed: ObservedStack, arn: str, change: Callable[[dict[str, str]], dict[str, str]]) -> Any:
    def tagged(thing: Any) -> Any:
        own = thing.arn if hasattr(thing, "arn") else thing.id
        if own == arn:
            return replace(thing, tags=tuple(sorted(change(dict(thing.tags)).items())))
        return thing

    def listener(one: Listener) -> Listener:
        return tagged(replace(one, rules=tuple(map(tagged, one.rules))))  # type: ignore[no-any-return]

    balancers = tuple(
        tagged(replace(each, listeners=tuple(map(listener, each.listeners))))
        for each in observed.load_balancers
    )
    return replace(
        observed,
        load_balancers=balancers,
        target_groups=tuple(map(tagged, observed.target_groups)),
        security_groups=tuple(map(tagged, observed.security_groups)),
        backend_group=tagged(observed.backend_group) if observed.backend_group else None,
    )


_HOW: Mapping[type[AwsAction], Callable[[ObservedStack, Any], ObservedStack]] = {
    act.CreateRule: _create_rule,
    act.ModifyRule: _modify_rule,
    act.SetRulePriorities: _set_priorities,
    act.DeleteRule: _delete_rule,
    act.CreateListener: _create_listener,
    act.ModifyListener: _modify_listener,
    act.ModifyListenerAttributes: lambda observed, action: _with_listener(
        observed,
        action.listener,
        attributes=_pairs(listener_named(observed, action.listener).attributes, dict(action.attributes)),
    ),
    act.AddListenerCertificates: _add_certificates,
    act.RemoveListenerCertificates: _remove_certificates,
    act.DeleteListener: _delete_listener,
    act.CreateLoadBalancer: _create_balancer,
    act.SetSubnets: lambda observed, action: _with_balancer(
        observed, action.load_balancer, subnets=tuple(sorted(action.subnets))
    ),
    act.SetSecurityGroups: lambda observed, action: _with_balancer(
        observed, action.load_balancer, security_groups=_group_ids(observed, action.security_groups)
    ),
    act.SetIpAddressType: lambda observed, action: _with_balancer(
        observed, action.load_balancer, ip_address_type=action.ip_address_type
    ),
    act.ModifyLoadBalancerAttributes: lambda observed, action: _with_balancer(
        observed,
        action.load_balancer,
        attributes=_pairs(_balancer(observed, action.load_balancer).attributes, dict(action.attributes)),
    ),
    act.DeleteLoadBalancer: _delete_balancer,
    act.AssociateWebAcl: lambda observed, action: _with_balancer(
        observed, action.load_balancer, web_acl=action.acl
    ),
    act.CreateTargetGroup: _create_group,
    act.ModifyTargetGroup: lambda observed, action: _change_group(
        observed, action.target_group.name, lambda group: replace(group, health=action.target_group.health)
    ),
    act.ModifyTargetGroupAttributes: lambda observed, action: _change_group(
        observed,
        action.target_group,
        lambda group: replace(group, attributes=_pairs(group.attributes, dict(action.attributes))),
    ),
    act.DeleteTargetGroup: _delete_group,
    act.CreateSecurityGroup: _create_security_group,
    act.AuthorizeIngress: lambda observed, action: _change_permissions(
        observed, action.group, lambda there: there | set(action.permissions)
    ),
    act.RevokeIngress: lambda observed, action: _change_permissions(
        observed, action.group, lambda there: there - set(action.permissions)
    ),
    act.DeleteSecurityGroup: _delete_security_group,
    act.SetTags: lambda observed, action: _retag(
        observed, action.arn, lambda tags: {**tags, **dict(action.tags)}
    ),
    act.RemoveTags: lambda observed, action: _retag(
        observed, action.arn, lambda tags: {key: tags[key] for key in tags if key not in action.keys}
    ),
}
