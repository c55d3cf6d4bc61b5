"""What AWS permits for one load balancer: what is there stays, then the youngest Ingress goes without."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.model.elb import Listener, ObservedStack
from addons.albingress.model.groups import Owner
from addons.albingress.model.quotas import Quotas
from addons.albingress.model.rules import target_groups_of
from addons.albingress.model.stack import DesiredListener, DesiredRule, RuleKey, Stack
from addons.albingress.plan.group_quota import refuse_target_groups
from addons.albingress.plan.matching import Matched, Ownership, Pair, match_rules, ownership
from addons.albingress.plan.reach import meet_any, reach_of
from addons.albingress.plan.surplus import Refused, Surplus, as_it_is, listeners_there, place_of, told
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip


class Fitting(Struct, frozen=True):
    """A stack that keeps to the quotas, and what was left out of it."""

    stack: Stack
    skips: tuple[Skip, ...] = ()


_NEAR = 10
"""So many rules, target groups and so on may be needed beside those that are asked for, for a moment."""


def is_near(stack: Stack, observed: ObservedStack, quotas: Quotas) -> bool:
    """Whether a load balancer has, or is to have, nearly as much as these quotas permit."""
    balancers = observed.load_balancers
    asked, open_now = stack.listeners, [each for balancer in balancers for each in balancer.listeners]
    counts = (
        (quotas.rules, sum(len(each.rules) for each in asked), sum(len(each.rules) for each in open_now)),
        (quotas.target_groups, len(stack.target_groups), len(observed.target_groups)),
        (quotas.certificates, sum(len(each.certificates[1:]) for each in asked), 0),
        (quotas.listeners, len(asked), len(open_now)),
    )
    return any(max(wanted, there) + _NEAR > most for most, wanted, there in counts)


def refuse_surplus(stack: Stack, observed: ObservedStack, view: View) -> Fitting:
    """Leave out what the load balancer that is asked for cannot have; each Ingress is told once per quota.

    What AWS has of it already comes first, then the wishes of the oldest Ingress, each in its order. A rule
    that is changed and stands behind one of the same Ingress that is left out stays as it is: it might answer
    in its place. A rule without its target group answers 503. Nothing that is there is given up.
    """
    skips: list[Skip] = []
    fitting = stack
    for refuse in (_refuse_listeners, _refuse_rules, refuse_target_groups, _refuse_certificates):
        found = refuse(fitting, observed, view)
        fitting = found.stack
        skips += told(found)
    return (
        Fitting(_without_useless_groups(stack, fitting, observed), tuple(skips)) if skips else Fitting(stack)
    )


def _refuse_listeners(stack: Stack, observed: ObservedStack, view: View) -> Surplus:
    most, wishes = view.quotas.listeners, stack.listeners
    if len(wishes) <= most:
        return Surplus(stack)
    there = listeners_there(stack, observed)
    ranked = sorted(wishes, key=lambda each: (each.port not in there, each.owner.age_order, each.port))
    kept = {each.port for each in ranked[: max(most, sum(each.port in there for each in wishes))]}
    refused = [
        Refused(owner, f"port {each.port}")
        for each in wishes
        if each.port not in kept
        for owner in dict.fromkeys((each.owner, *(rule.owner for rule in each.rules)))
    ]
    left = tuple(each for each in wishes if each.port in kept)
    return Surplus(replace(stack, listeners=left), "listeners", most, tuple(refused))


def _refuse_rules(stack: Stack, observed: ObservedStack, view: View) -> Surplus:
    most, there = view.quotas.rules, listeners_there(stack, observed)
    owned = ownership(view.policy.cluster, stack.group, observed.target_groups)
    if sum(len(each.rules) for each in stack.listeners) + _foreign(there.values(), owned) <= most:
        return Surplus(stack)
    matched = {
        each.port: match_rules(each.rules, there[each.port].rules if each.port in there else (), owned)
        for each in stack.listeners
        if each.port in there or each.state == "ok"
    }
    standing = sum(len(found.foreign) + _standing(found) for found in matched.values())
    new = sorted(
        (pair.rule.owner.age_order, port, index, pair.rule.key)
        for port, found in matched.items()
        for index, pair in enumerate(found.pairs)
        if pair.existing is None
    )
    surplus = {(port, key) for *_, port, _, key in new[max(0, most - standing) :]}
    listeners = tuple(_fitted(each, matched.get(each.port), surplus) for each in stack.listeners)
    refused = tuple(
        Refused(rule.owner, f"the rule for {place_of(rule)} on port {each.port}")
        for each in stack.listeners
        for rule in each.rules
        if (each.port, rule.key) in surplus
    )
    return Surplus(replace(stack, listeners=listeners), "rules", most, refused)


def _foreign(listeners: Iterable[Listener], owned: Ownership) -> int:
    """How many rules may be those of others, at most."""
    return sum(not owned.has(rule) for listener in listeners for rule in listener.rules)


def _standing(matched: Matched) -> int:
    return sum(pair.existing is not None for pair in matched.pairs)


def _fitted(
    listener: DesiredListener, matched: Matched | None, surplus: set[tuple[int, RuleKey]]
) -> DesiredListener:
    """A listener without the rules that are refused, and with those behind them as they are."""
    pairs = {pair.rule.key: pair for pair in matched.pairs} if matched else {}
    missing: list[Pair] = []
    rules: list[DesiredRule] = []
    for rule in listener.rules:
        pair = pairs.get(rule.key)
        if pair and (listener.port, rule.key) in surplus:
            missing.append(pair)
            rules.append(replace(rule, state="absent", because="the load balancer may have no more rules"))
        elif pair and pair.existing and pair.is_changed and _is_behind(pair, missing):
            rules.append(as_it_is(rule, pair.existing, "one in front of it cannot be made"))
        else:
            rules.append(rule)
    return replace(listener, rules=tuple(rules))


def _is_behind(pair: Pair, missing: Sequence[Pair]) -> bool:
    own = [reach_of(each.content) for each in missing if each.rule.owner.ref == pair.rule.owner.ref]
    return meet_any(reach_of(pair.content), own)


def _refuse_certificates(stack: Stack, observed: ObservedStack, view: View) -> Surplus:
    """The default ones do not count, those that a listener has come first."""
    most = view.quotas.certificates
    if sum(len(each.certificates[1:]) for each in stack.listeners) <= most:
        return Surplus(stack)
    there = listeners_there(stack, observed)
    wishes = sorted(
        (not _has(there.get(each.port), arn), _owner(each, index).age_order, each.port, index, arn)
        for each in stack.listeners
        for index, arn in enumerate(each.certificates)
        if index
    )
    standing = sum(not is_new for is_new, *_ in wishes)
    surplus = {(port, arn) for *_, port, _, arn in wishes[max(most, standing) :]}
    refused = tuple(
        Refused(_owner(each, index), f"certificate {arn} on port {each.port}")
        for each in stack.listeners
        for index, arn in enumerate(each.certificates)
        if (each.port, arn) in surplus
    )
    listeners = tuple(_with_certificates(each, surplus) for each in stack.listeners)
    return Surplus(replace(stack, listeners=listeners), "certificates", most, refused)


def _has(listener: Listener | None, arn: str) -> bool:
    return listener is not None and arn in listener.certificates


def _owner(listener: DesiredListener, index: int) -> Owner:
    owners = listener.certificate_owners
    return owners[index] if index < len(owners) else listener.owner


def _with_certificates(listener: DesiredListener, surplus: set[tuple[int, str]]) -> DesiredListener:
    kept = [
        (arn, _owner(listener, index))
        for index, arn in enumerate(listener.certificates)
        if (listener.port, arn) not in surplus
    ]
    if len(kept) == len(listener.certificates):
        return listener
    return replace(
        listener,
        certificates=tuple(arn for arn, _ in kept),
        certificate_owners=tuple(owner for _, owner in kept),
    )


def _without_useless_groups(before: Stack, after: Stack, observed: ObservedStack) -> Stack:
    """The stack without the target groups that are not there, and to which no rule leads any more."""
    there = {each.name for each in observed.target_groups}
    useless = _forwarded(before) - _forwarded(after) - there
    return replace(
        after, target_groups=tuple(each for each in after.target_groups if each.name not in useless)
    )


def _forwarded(stack: Stack) -> set[str]:
    said = [each.default_actions for each in stack.listeners]
    said += [
        rule.content.actions
        for each in stack.listeners
        for rule in each.rules
        if rule.content and rule.state != "absent"
    ]
    return {group for actions in said for group in target_groups_of(actions)}
