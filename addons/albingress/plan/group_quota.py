"""How many target groups one load balancer may forward to, by its rules and default actions."""

from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.model.elb import Listener, ObservedStack, Rule
from addons.albingress.model.groups import Owner
from addons.albingress.model.rules import Action, FixedResponse, RuleContent, target_groups_of
from addons.albingress.model.stack import DesiredListener, DesiredRule, RuleKey, Stack
from addons.albingress.plan.matching import match_rules, ownership
from addons.albingress.plan.surplus import Refused, Surplus, as_it_is, listeners_there, place_of
from addons.albingress.plan.usage import groups_of_listener
from addons.albingress.plan.view import View

_INSTEAD = FixedResponse("503", "text/plain", "no room for another target group")
_BECAUSE = "the load balancer may forward to no more target groups"


class _Wish(Struct, frozen=True):
    """A rule, or with no key the default actions of a port: where it is to lead, and where it leads now.

    `now` is None for what is not there; else `rule` is the one that is.
    """

    port: int
    index: int
    key: RuleKey | None
    owner: Owner
    what: str
    groups: frozenset[str]
    now: frozenset[str] | None
    rule: Rule | None = None


def refuse_target_groups(stack: Stack, observed: ObservedStack, view: View) -> Surplus:
    """Have no more target groups in use than a load balancer may have."""
    most, there = view.quotas.target_groups, listeners_there(stack, observed)
    if len(_all_groups(stack, there)) <= most:
        return Surplus(stack)
    others: set[str] = set()
    wishes = list(_wishes(stack, there, observed, view, others))
    refused = _surplus(wishes, others, most)
    by_place = {(each.port, each.key): each for each in refused}
    listeners = tuple(_fitted(each, there.get(each.port), by_place) for each in stack.listeners)
    told = tuple(Refused(each.owner, each.what) for each in sorted(refused, key=_place))
    return Surplus(replace(stack, listeners=listeners), "target groups", most, told)


def _all_groups(stack: Stack, there: Mapping[int, Listener]) -> set[str]:
    """All that are asked for or in use."""
    said: list[tuple[Action, ...]] = []
    for wish in stack.listeners:
        said += [wish.default_actions, *(each.content.actions for each in wish.rules if each.content)]
    for listener in there.values():
        said += [listener.default_actions, *(each.content.actions for each in listener.rules)]
    return {group for actions in said for group in target_groups_of(actions)}


def _wishes(
    stack: Stack, there: Mapping[int, Listener], observed: ObservedStack, view: View, others: set[str]
) -> Iterator[_Wish]:
    """All that leads somewhere; what the rules of others, and those that go, lead to is put into `others`."""
    asked = {each.port for each in stack.listeners}
    for port in there.keys() - asked:
        others |= groups_of_listener(there[port])
    owned = ownership(view.policy.cluster, stack.group, observed.target_groups)
    for listener in stack.listeners:
        port, found = listener.port, there.get(listener.port)
        if found is None and listener.state == "keep":
            continue
        before = _groups(found.default_actions) if found else None
        what = f"the default backend on port {port}"
        yield _Wish(port, -1, None, listener.owner, what, _groups(listener.default_actions), before)
        matched = match_rules(listener.rules, found.rules if found else (), owned)
        for rule in (*matched.foreign, *matched.doomed):
            others |= _groups(rule.content.actions)
        for index, pair in enumerate(matched.pairs):
            what = f"a target group for {place_of(pair.rule)} on port {port}"
            now = _groups(pair.existing.content.actions) if pair.existing else None
            groups = _groups(pair.content.actions)
            yield _Wish(port, index, pair.rule.key, pair.rule.owner, what, groups, now, pair.existing)


def _groups(actions: tuple[Action, ...]) -> frozenset[str]:
    return frozenset(target_groups_of(actions))


def _place(wish: _Wish) -> tuple[int, int]:
    return wish.port, wish.index


def _surplus(wishes: list[_Wish], others: set[str], most: int) -> list[_Wish]:
    """Those that would lead to one target group too many, while what leads somewhere now goes on to."""
    waiting = Counter(group for each in wishes for group in each.now or ())
    used = set(others)
    refused: list[_Wish] = []
    for wish in sorted(wishes, key=lambda each: (each.now is None, each.owner.age_order, _place(each))):
        waiting.subtract(wish.now or ())
        reserved = {group for group, count in waiting.items() if count}
        standing = used | (wish.now or frozenset())
        if len(used | wish.groups | reserved) <= max(most, len(standing | reserved)):
            used |= wish.groups
        else:
            used = standing
            refused.append(wish)
    return refused


def _fitted(
    listener: DesiredListener,
    there: Listener | None,
    refused: Mapping[tuple[int, RuleKey | None], _Wish],
) -> DesiredListener:
    rules = tuple(
        _without_group(rule, wish.rule) if (wish := refused.get((listener.port, rule.key))) else rule
        for rule in listener.rules
    )
    fitted = replace(listener, rules=rules)
    if (listener.port, None) not in refused:
        return fitted
    default = there.default_actions if there else (_INSTEAD,)
    return replace(fitted, default_actions=default, default_secret="", default_secret_digest="")


def _without_group(rule: DesiredRule, there: Rule | None) -> DesiredRule:
    """A rule that is there stays as it is; another one is made to answer 503."""
    if there:
        return as_it_is(rule, there, _BECAUSE)
    if rule.content is None:
        return rule
    content = RuleContent(rule.content.conditions, (_INSTEAD,))
    return replace(rule, state="placeholder", content=content, because=_BECAUSE, secret="", secret_digest="")
