"""Neighbouring rules with one answer that differ in one condition: made one, where AWS takes it. Pure."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from addons.albingress.desired.conditions import in_one_form
from addons.albingress.desired.splitting import fits_in_one
from addons.albingress.model.rules import Condition
from addons.albingress.model.stack import DesiredRule


def merged(rules: Iterable[DesiredRule]) -> tuple[DesiredRule, ...]:
    """The rules, fewer of them; each request gets the same answer as before.

    Only rules of one Ingress become one: what one Ingress writes changes no rule of another.
    """
    found: list[DesiredRule] = []
    last = -1
    for each in rules:
        if each.state == "absent":
            found.append(each)
            continue
        both = _conditions_of_both(found[last], each) if last >= 0 else None
        if both and (content := found[last].content):
            found[last] = replace(found[last], content=replace(content, conditions=both))
            found.append(
                replace(each, content=None, state="absent", because="a rule in front has its requests")
            )
            continue
        last = len(found)
        found.append(each)
    return tuple(found)


def _conditions_of_both(one: DesiredRule, other: DesiredRule) -> tuple[Condition, ...] | None:
    """The conditions that fit the requests of both rules and no others; None where there are none."""
    if not (one.content and other.content) or (one.state, other.state) != ("ok", "ok"):
        return None
    if (one.key.ingress, one.secret_digest) != (other.key.ingress, other.secret_digest):
        return None
    if (one.content.actions, one.content.transforms) != (other.content.actions, other.content.transforms):
        return None
    mine, theirs = one.content.conditions, other.content.conditions
    only_mine, only_theirs = _without(mine, theirs), _without(theirs, mine)
    if len(only_mine) != 1 or len(only_theirs) != 1:
        return None
    joined = _joined(only_mine[0], only_theirs[0])
    both = in_one_form([*_without(mine, only_mine), joined]) if joined else ()
    return both if both and fits_in_one(both) else None


def _without(some: Sequence[Condition], others: Sequence[Condition]) -> list[Condition]:
    left = list(some)
    for each in others:
        if each in left:
            left.remove(each)
    return left


def _joined(one: Condition, other: Condition) -> Condition | None:
    if (one.field, one.header, bool(one.regex)) != (other.field, other.header, bool(other.regex)):
        return None
    return replace(
        one, values=one.values + other.values, regex=one.regex + other.regex, pairs=one.pairs + other.pairs
    )
