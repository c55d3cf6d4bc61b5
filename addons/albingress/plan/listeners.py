"""The listeners of a load balancer with their rules: opened, changed so that no request notices, closed."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.model.actions import (
    AwsAction,
    CreateListener,
    DeleteListener,
    ModifyListener,
    ModifyListenerAttributes,
)
from addons.albingress.model.elb import Listener, LoadBalancer, Rule
from addons.albingress.model.rules import FixedResponse, target_groups_of
from addons.albingress.model.stack import DesiredListener
from addons.albingress.plan.attributes import kept_attributes, kept_tags, new_tags, stale_attributes
from addons.albingress.plan.certificates import plan_certificates
from addons.albingress.plan.default_actions import DefaultPlan, plan_default
from addons.albingress.plan.matching import Matched, Ownership, match_rules
from addons.albingress.plan.rule_actions import Site
from addons.albingress.plan.rules import RulePlan, plan_rules
from addons.albingress.plan.settle import settle
from addons.albingress.plan.tags import Tagged, plan_tags
from addons.albingress.plan.usage import groups_of_listener, ingress_of
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip

_OPENING = FixedResponse("503", "text/plain", "not ready yet")
_NOT_GIVEN_YET = "-"
"""In place of the digest of a secret in a tag: AWS has not been given it."""


class Ground(Struct, frozen=True):
    """What the listeners of a load balancer share: its name, the actions that must be done before one is
    opened, for all or by port, those that make target groups, by their names, whose rules are whose, and the
    moment."""

    load_balancer: str
    needs: tuple[str, ...]
    gates: Mapping[int, tuple[str, ...]]
    makers: Mapping[str, str]
    owned: Ownership
    view: View


class ListenerPlan(Struct, frozen=True):
    """`used`: target groups that are forwarded to in the end; `leavers`: by target group, the actions that
    give it up. `room` is left for rules."""

    actions: tuple[AwsAction, ...] = ()
    skips: tuple[Skip, ...] = ()
    used: frozenset[str] = frozenset()
    leavers: Mapping[str, tuple[str, ...]] = {}
    room: int = 0


def plan_listeners(
    wishes: Iterable[DesiredListener],
    balancer: LoadBalancer | None,
    closing: Iterable[DeleteListener],
    ground: Ground,
) -> ListenerPlan:
    """Bring all listeners of the load balancer to what is asked for, but for those that are closed."""
    there = {each.port: each for each in balancer.listeners} if balancer else {}
    room = max(0, ground.view.quotas.rules - sum(len(each.rules) for each in there.values()))
    parts: list[ListenerPlan] = []
    asked = set()
    for wish in sorted(wishes, key=lambda each: each.port):
        asked.add(wish.port)
        found = there.get(wish.port)
        part = _change(wish, found, ground, room) if found else _open(wish, ground, room)
        room = part.room
        parts.append(part)
    keys = {each.arn: each.key for each in closing}
    parts += [_unwanted(each, keys) for port, each in there.items() if port not in asked]
    return _together(parts, room)


def _together(parts: Iterable[ListenerPlan], room: int) -> ListenerPlan:
    listed = tuple(parts)
    leavers: dict[str, tuple[str, ...]] = {}
    for part in listed:
        for group, keys in part.leavers.items():
            leavers[group] = (*leavers.get(group, ()), *keys)
    return ListenerPlan(
        actions=tuple(action for part in listed for action in part.actions),
        skips=tuple(skip for part in listed for skip in part.skips),
        used=frozenset[str]().union(*(part.used for part in listed)),
        leavers=leavers,
        room=room,
    )


def _unwanted(there: Listener, closers: Mapping[str, str]) -> ListenerPlan:
    """A port that is not asked for, and closed unless somebody is served there still."""
    used = groups_of_listener(there)
    if key := closers.get(there.arn):
        return ListenerPlan(leavers=dict.fromkeys(used, (key,)))
    return ListenerPlan(used=used)


def _key(name: str) -> str:
    return f"listener/{name}"


def _open(wish: DesiredListener, ground: Ground, room: int) -> ListenerPlan:
    """A port that is not there; one that is to stay as it is is not made.

    Where no rule matches it leads nowhere until all rules are there: what they keep from the default backend
    must not get to it.
    """
    name = f"{ground.load_balancer}:{wish.port}"
    if wish.state == "keep" or (wish.protocol == "HTTPS" and not wish.certificates):
        return ListenerPlan(room=room)
    default = plan_default(name, wish, None, ground.makers, ground.view)
    is_at_once = not wish.rules or all(isinstance(each, FixedResponse) for each in default.actions)
    made = CreateListener(
        key=_key(name),
        ref=wish.owner.ref,
        because=f"Ingresses ask for {wish.protocol} on port {wish.port}",
        needs=(*ground.needs, *ground.gates.get(wish.port, ()), *(default.needs if is_at_once else ())),
        load_balancer=ground.load_balancer,
        listener=_as_opened(wish, default, is_at_once=is_at_once),
    )
    rules, told = _rules(wish, (), name, ground, room, needs=(made.key,))
    turned = [] if is_at_once else _turn(default, wish, ground, rules, (made.key,))
    return ListenerPlan(
        actions=(made, *rules.changes, *turned),
        skips=(*default.skips, *told, *rules.skips),
        used=rules.used | frozenset(target_groups_of(default.actions)),
        leavers=rules.leavers,
        room=rules.room,
    )


def _as_opened(wish: DesiredListener, default: DefaultPlan, *, is_at_once: bool) -> DesiredListener:
    if is_at_once:
        tags = new_tags(wish.tags, wish.attributes, wish.default_secret_digest)
        return replace(wish, default_actions=default.actions, tags=tags)
    tags = new_tags(wish.tags, wish.attributes, _NOT_GIVEN_YET if wish.default_secret_digest else "")
    return replace(wish, default_actions=(_OPENING,), default_secret="", tags=tags)


def _change(wish: DesiredListener, there: Listener, ground: Ground, room: int) -> ListenerPlan:
    name, view = f"{ground.load_balancer}:{wish.port}", ground.view
    default = plan_default(name, wish, there, ground.makers, view, resources=ground.owned.resources)
    tls = _tls(wish, there, name, ground)
    is_opened = bool(tls) and wish.protocol == "HTTPS" != there.protocol
    rules, told = _rules(
        wish,
        there.rules,
        name,
        ground,
        room,
        needs=(tls[0].key,) if is_opened else (),
        default_key=default.key,
    )
    certificates = plan_certificates(
        name, wish, there, tls[0].key if tls else "", keeps=bool(view.retained) or wish.state == "keep"
    )
    tls = _after(tls, certificates.before)
    turned = _turn(default, wish, ground, rules, ())
    is_plain = wish.protocol == "HTTP"
    actions = (
        *certificates.before,
        *([] if is_plain else tls),
        *rules.changes,
        *turned,
        *rules.removals,
        *(tls if is_plain else []),
        *certificates.after,
        *_attributes(wish, there, name, ground, default.key if turned else ""),
    )
    used, leavers = _uses(default, there, rules, is_turned=bool(turned))
    kept = kept_attributes(_key(name), f"listener {name}", wish.owner.ref, there.tags, wish.attributes)
    skips = (*default.skips, *told, *rules.skips, *(kept if wish.state == "ok" else ()))
    return ListenerPlan(actions, skips, used, leavers, rules.room)


def _rules(
    wish: DesiredListener,
    there: tuple[Rule, ...],
    name: str,
    ground: Ground,
    room: int,
    *,
    needs: tuple[str, ...],
    default_key: str = "",
) -> tuple[RulePlan, tuple[Skip, ...]]:
    view = ground.view
    matched = _without_retained(match_rules(wish.rules, there, ground.owned), ground)
    settled = settle(name, matched, view)
    site = Site(name, wish.port, wish.tags, needs, ground.makers, default_key, ground.owned.resources)
    return plan_rules(site, settled.matched, view, room), settled.skips


def _without_retained(matched: Matched, ground: Ground) -> Matched:
    """Rules of an Ingress that is not served elsewhere yet stay where they are, like those of others."""
    retained = ground.view.retained
    if not retained:
        return matched
    kept = tuple(rule for rule in matched.doomed if _may_be_of(rule, retained, ground.owned))
    arns = {rule.arn for rule in kept}
    doomed = tuple(rule for rule in matched.doomed if rule.arn not in arns)
    return Matched(matched.pairs, doomed, (*matched.foreign, *kept))


def _may_be_of(rule: Rule, ingresses: frozenset[str], owned: Ownership) -> bool:
    """Whether a rule is one of an Ingress, or nobody knows whose: it leads to no target group of ours."""
    groups = target_groups_of(rule.content.actions)
    resources = [found for group in groups if (found := owned.resources.get(group))]
    return not resources or any(ingress_of(each, ingresses) for each in resources)


def _tls(wish: DesiredListener, there: Listener, name: str, ground: Ground) -> list[ModifyListener]:
    """Change protocol, policy, default certificate and what is asked of clients."""
    if wish.state == "keep" or not (differing := _differing(wish, there)):
        return []
    return [
        ModifyListener(
            key=_key(name),
            ref=wish.owner.ref,
            because=f"{', '.join(differing)} of port {wish.port} are to be others",
            load_balancer=ground.load_balancer,
            listener=wish,
            parts=("tls",),
        )
    ]


def _differing(wish: DesiredListener, there: Listener) -> list[str]:
    if wish.protocol == "HTTPS" and not (wish.certificates or there.certificates):
        return []
    found = ["protocol"] if wish.protocol != there.protocol else []
    if wish.protocol == "HTTPS":
        if wish.certificates and wish.certificates[:1] != there.certificates[:1]:
            found.append("default certificate")
        if wish.ssl_policy and wish.ssl_policy != there.ssl_policy:
            found.append("policy")
        if wish.mutual_authentication != there.mutual_authentication:
            found.append("verification of clients")
    return found


def _after(tls: list[ModifyListener], before: tuple[AwsAction, ...]) -> list[ModifyListener]:
    return [replace(each, needs=tuple(one.key for one in before)) for each in tls]


def _turn(
    default: DefaultPlan, wish: DesiredListener, ground: Ground, rules: RulePlan, needs: tuple[str, ...]
) -> list[ModifyListener]:
    """Change the default actions, once the rules are there that stand in front of them."""
    if not default.key or not rules.is_whole:
        return []
    return [
        ModifyListener(
            key=default.key,
            ref=wish.owner.ref,
            because=f"what no rule of port {wish.port} matches is to be answered in another way",
            needs=(*needs, *default.needs, *rules.created),
            load_balancer=ground.load_balancer,
            listener=replace(
                wish,
                default_actions=default.actions,
                default_secret="" if default.is_secret_known else wish.default_secret,
            ),
            parts=("default",),
        )
    ]


def _attributes(
    wish: DesiredListener, there: Listener, name: str, ground: Ground, default_key: str
) -> list[AwsAction]:
    if wish.state == "keep":
        return []
    ref, actions = wish.owner.ref, list[AwsAction]()
    needs = (default_key,) if default_key else ()
    if stale := stale_attributes(there.attributes, there.tags, wish.attributes):
        key = f"attributes/{_key(name)}"
        because = f"attributes {', '.join(each for each, _ in stale)} are to be others"
        actions.append(
            ModifyListenerAttributes(key=key, ref=ref, because=because, listener=name, attributes=stale)
        )
        needs = (*needs, key)
    thing = Tagged(_key(name), there.arn, f"listener {name}", ref)
    tags = kept_tags(wish.tags, there.tags, wish.attributes, wish.default_secret_digest)
    external = ground.view.policy.external_tags
    return actions + plan_tags(thing, there.tags, tags, external=external, needs=needs)


def _uses(
    default: DefaultPlan, there: Listener, rules: RulePlan, *, is_turned: bool
) -> tuple[frozenset[str], Mapping[str, tuple[str, ...]]]:
    """The target groups that are forwarded to in the end, and which actions give the others up."""
    before = frozenset(target_groups_of(there.default_actions))
    after = frozenset(target_groups_of(default.actions)) if is_turned else before
    leavers = dict(rules.leavers)
    for group in before - after:
        leavers[group] = (*leavers.get(group, ()), default.key)
    return rules.used | after, leavers
