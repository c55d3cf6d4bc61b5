"""The listeners of a load balancer with their rules: opened, changed so that no request notices, closed."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.model.actions import (
    AwsAction,
    CreateListener,
    DeleteListener,
    ModifyListener,
)
from addons.albingress.model.elb import Listener, LoadBalancer
from addons.albingress.model.rules import FixedResponse, target_groups_of
from addons.albingress.model.stack import DesiredListener
from addons.albingress.plan.attributes import new_tags
from addons.albingress.plan.default_actions import DefaultPlan, plan_default
from addons.albingress.plan.ground import Ground
from addons.albingress.plan.listener_rules import plan_listener_rules
from addons.albingress.plan.listener_settings import after_logins, key_of, plan_attributes, plan_settings
from addons.albingress.plan.rules import RulePlan
from addons.albingress.plan.usage import groups_of_listener
from addons.runtime.outcomes import Skip

_OPENING = FixedResponse("503", "text/plain", "not ready yet")
_NOT_GIVEN_YET = "-"
"""In place of the digest of a secret in a tag: AWS has not been given it."""


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
    """Bring all listeners of the load balancer to what is asked for, but for those that are closed.

    Who sends everybody to another port comes last, as that has to be open before.
    """
    there = {each.port: each for each in balancer.listeners} if balancer else {}
    room = max(0, ground.view.quotas.rules - sum(len(each.rules) for each in there.values()))
    parts: list[ListenerPlan] = []
    makers: dict[int, str] = {}
    asked = set()
    for wish in sorted(wishes, key=lambda each: (each.sends_to, each.port)):
        asked.add(wish.port)
        found = there.get(wish.port)
        after = (makers[wish.sends_to],) if wish.sends_to in makers else ()
        if wish.sends_to and not after and wish.sends_to not in there:
            part = _as_it_is(found, room)
        else:
            part = _change(wish, found, ground, room, after) if found else _open(wish, ground, room, after)
        makers |= {each.listener.port: each.key for each in part.actions if isinstance(each, CreateListener)}
        room = part.room
        parts.append(part)
    keys = {each.arn: each.key for each in closing}
    parts += [_unwanted(each, keys) for port, each in there.items() if port not in asked]
    return _together(parts, room)


def _as_it_is(there: Listener | None, room: int) -> ListenerPlan:
    """A port whose requests would be sent to one that is not there."""
    return ListenerPlan(used=groups_of_listener(there) if there else frozenset(), room=room)


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


def _open(wish: DesiredListener, ground: Ground, room: int, after: tuple[str, ...]) -> ListenerPlan:
    """A port that is not there; one that is to stay as it is is not made. `after`: what must be done before.

    Where no rule matches it leads nowhere until all rules are there: what they keep from the default backend
    must not get to it.
    """
    name = ground.listener(wish.port)
    if wish.state == "keep" or (wish.protocol == "HTTPS" and not wish.certificates):
        return ListenerPlan(room=room)
    default = plan_default(name, wish, None, ground.makers, ground.view)
    is_at_once = not wish.rules or all(isinstance(each, FixedResponse) for each in default.actions)
    made = CreateListener(
        key=key_of(name),
        ref=wish.owner.ref,
        because=f"Ingresses ask for {wish.protocol} on port {wish.port}",
        needs=(
            *ground.needs,
            *ground.gates.get(wish.port, ()),
            *(default.needs if is_at_once else ()),
            *after,
        ),
        load_balancer=ground.load_balancer,
        listener=_as_opened(wish, default, is_at_once=is_at_once),
    )
    rules = plan_listener_rules(wish, (), ground, room, needs=(made.key,))
    turned = [] if is_at_once else _turn(default, wish, ground, rules, (made.key,))
    return ListenerPlan(
        actions=(made, *rules.changes, *turned),
        skips=(*default.skips, *rules.skips),
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


def _change(
    wish: DesiredListener, there: Listener, ground: Ground, room: int, after: tuple[str, ...]
) -> ListenerPlan:
    """A port that is there: its default actions change when the rules in front of them are there.

    Nor do they change, or rules go, before what is `after`.
    """
    name = ground.listener(wish.port)
    default = plan_default(name, wish, there, ground.makers, ground.view, resources=ground.owned.resources)
    settings = plan_settings(wish, there, ground)
    opener = (settings.opener,) if settings.opener else ()
    rules = plan_listener_rules(wish, there.rules, ground, room, needs=opener, default_key=default.key)
    turned = _turn(default, wish, ground, rules, (*opener, *after))
    removals = tuple(replace(each, needs=(*each.needs, *after)) for each in rules.removals)
    last, waits = after_logins(settings, wish, there, (*rules.changes, *turned, *removals))
    attributes, kept = plan_attributes(wish, there, ground, tuple(each.key for each in turned))
    used, leavers = _uses(default, there, rules, is_turned=bool(turned))
    return ListenerPlan(
        actions=(
            *settings.first,
            *rules.changes,
            *turned,
            *removals,
            *last,
            *attributes,
        ),
        skips=(*default.skips, *rules.skips, *waits, *kept),
        used=used,
        leavers=leavers,
        room=rules.room,
    )


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
