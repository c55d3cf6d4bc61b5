"""What a rule is to say now: what is asked for, or less where that was refused or is not ready."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.elb import Rule
from addons.albingress.model.rules import Action, FixedResponse, Forward, RuleContent, WeightedTarget
from addons.albingress.plan.digest import content_digest
from addons.albingress.plan.matching import Matched, Pair
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip

MOST_TARGET_GROUPS = 5
"""As many as AWS takes in one action."""

PLACEHOLDER = FixedResponse("503", "text/plain", "refused by AWS")


class Settled(Struct, frozen=True):
    """The wishes as they can be carried out now, with why some cannot as they are."""

    matched: Matched
    skips: tuple[Skip, ...] = ()


def rule_key(listener: str, pair: Pair) -> str:
    """Names a wish in decisions and in the memory of failures."""
    return f"rule/{listener}/{pair.rule.key.digest}"


def settle(listener: str, matched: Matched, view: View) -> Settled:
    """Leave rules as they are that AWS refused to change, and those whose new targets are not ready.

    A new rule that was refused is tried once more as a 503 at its place, and then not at all.
    """
    pairs: list[Pair] = []
    skips: list[Skip] = []
    doomed = {dict(rule.tags).get(names.TAG_RULE, rule.arn): rule for rule in matched.doomed}
    held: set[str] = set()
    for pair in matched.pairs:
        before = pair.existing or doomed.get(pair.rule.key.digest)
        settled, skip = _settle(rule_key(listener, pair), pair, before, view)
        if skip:
            skips.append(skip)
        if settled and settled.existing and pair.existing is None:
            held.add(settled.existing.arn)
        if settled:
            pairs.append(settled)
    left = tuple(rule for rule in matched.doomed if rule.arn not in held)
    return Settled(Matched(tuple(pairs), left, matched.foreign), tuple(skips))


def _settle(key: str, pair: Pair, before: Rule | None, view: View) -> tuple[Pair | None, Skip | None]:
    if refused := view.refused.get(key):
        settled, skip = _without_refused(key, pair, refused)
        if skip:
            return settled, skip
    if before is None or (pair.existing and not pair.is_changed):
        return pair, None
    content, skip = _swapped(key, pair, before, view)
    if skip is None:
        return pair, None
    return replace(pair, existing=before, content=content), skip


def _without_refused(key: str, pair: Pair, refused: Mapping[str, str]) -> tuple[Pair | None, Skip | None]:
    """The wish as far as AWS takes it."""
    message = refused.get(content_digest(pair.content, pair.rule.secret_digest))
    if message is None:
        return pair, None
    told = f"rule of {pair.rule.key.ingress} for {_what(pair)} is refused by AWS: {message}"
    skip = Skip(key, pair.rule.owner.ref, names.REFUSED_BY_AWS, told)
    if pair.existing:
        return replace(pair, content=pair.existing.content), skip
    instead = RuleContent(pair.content.conditions, (PLACEHOLDER,))
    if instead == pair.content or content_digest(instead) in refused:
        return None, skip
    rule = replace(pair.rule, state="placeholder", secret="", secret_digest="")
    return Pair(rule, None, instead), skip


def _what(pair: Pair) -> str:
    return f"{pair.rule.key.host or '*'}{pair.rule.key.path}"


def _swapped(key: str, pair: Pair, before: Rule, view: View) -> tuple[RuleContent, Skip | None]:
    swap = swapped(before.content.actions, pair.content.actions, view)
    if not swap.waits_for:
        return pair.content, None
    message = f"rule for {_what(pair)} waits until target group {swap.waits_for} is healthy"
    skip = Skip(key, pair.rule.owner.ref, names.WAITING, message, swap.until)
    return replace(before.content, actions=swap.actions), skip


class Swap(Struct, frozen=True):
    """What is to be done with requests now, and the target group that is waited for, if any, until when."""

    actions: tuple[Action, ...]
    waits_for: str = ""
    until: datetime | None = None


def swapped(before: tuple[Action, ...], after: tuple[Action, ...], view: View) -> Swap:
    """Turn to a new target group when it is well, or has had its time; until then the old one serves.

    AWS asks for health only while a rule names a group: one that is filled comes in with weight 0 first.
    """
    old, new = _forward(before), _forward(after)
    if old is None or new is None:
        return Swap(after)
    serving = _serving(old)
    coming = [each.group for each in new.targets if each.weight and each.group not in serving]
    unready = [group for group in coming if not _is_ready(group, view)]
    if not serving or not unready:
        return Swap(after)
    waiting = Swap(before, unready[0], _until(unready, view))
    named = {each.group for each in old.targets}
    added = [group for group in coming if group not in named]
    if not all(group in view.targets and view.targets[group].is_filled for group in added):
        return waiting
    if not added or len(old.targets) + len(added) > MOST_TARGET_GROUPS:
        return waiting
    targets = (*old.targets, *(WeightedTarget(group, 0) for group in sorted(added)))
    joined = replace(old, targets=tuple(sorted(targets)))
    return replace(waiting, actions=(*before[:-1], joined))


def _forward(actions: tuple[Action, ...]) -> Forward | None:
    last = actions[-1] if actions else None
    return last if isinstance(last, Forward) else None


def _serving(forward: Forward) -> frozenset[str]:
    """The groups that get requests: the weight of a single one says nothing."""
    if len(forward.targets) == 1:
        return frozenset(each.group for each in forward.targets)
    return frozenset(each.group for each in forward.targets if each.weight)


def _is_ready(group: str, view: View) -> bool:
    """True for a group that is well or has had its time, and for those that we do not fill."""
    if group.startswith("arn:"):
        return True
    state = view.targets.get(group)
    return state is not None and (state.is_healthy or view.now - state.since >= view.policy.swap_wait)


def _until(groups: list[str], view: View) -> datetime | None:
    """When the last of some groups has had its time."""
    since = [view.targets[group].since for group in groups if group in view.targets]
    return max(since) + view.policy.swap_wait if len(since) == len(groups) else None
