"""Bring the rules of one listener to what is asked for, so that each request is answered at any moment as
before or as after.

New rules come first, from the first to the last; then those say something else that pass to the front; then
all that must change places does so at one moment; then the other rules say something else; and what nobody
wants goes from the last to the first. An action needs those without which some request would get a third
answer.
"""

from collections.abc import Mapping, Sequence
from itertools import takewhile

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.model.actions import AwsAction
from addons.albingress.model.elb import Rule
from addons.albingress.model.rules import target_groups_of
from addons.albingress.plan.matching import Matched, Pair
from addons.albingress.plan.reach import Reach, meet_any
from addons.albingress.plan.rule_actions import RuleActions, Site
from addons.albingress.plan.rule_limit import Crowd, Schedule, schedule
from addons.albingress.plan.rule_order import Line, Numbering, number_anew, number_in_order
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip


class RulePlan(Struct, frozen=True):
    """What happens before the default action changes, and after. `created` are keys of rules to be made.

    `is_whole`: nothing had to be left out. `room` is how many rules may still be made elsewhere. `used`: the
    target groups that rules use in the end; `leavers`: by target group, the keys of what gives it up.
    """

    changes: tuple[AwsAction, ...] = ()
    removals: tuple[AwsAction, ...] = ()
    skips: tuple[Skip, ...] = ()
    created: tuple[str, ...] = ()
    is_whole: bool = True
    room: int = 0
    used: frozenset[str] = frozenset()
    leavers: Mapping[str, tuple[str, ...]] = {}


def plan_rules(site: Site, matched: Matched, view: View, room: int) -> RulePlan:
    """Plan one listener, with at most `room` rules more than there are on the load balancer."""
    draft = RuleActions(site, matched, view)
    if draft.line.is_in_order and (plan := _plan_in_order(draft, room)):
        return plan
    draft = RuleActions(site, _apart(draft), view)
    found = _schedule(draft, room, may_reuse=False)
    line = _without(draft.line, found.left_out)
    numbering = number_anew(line)
    if numbering is None or _passes_any(draft, numbering, found.left_out):
        return _make_room_only(draft, found, room)
    return _plan(draft, line, found, numbering, room)


def _without(line: Line, left_out: Sequence[Pair]) -> Line:
    digests = {pair.rule.key.digest for pair in left_out}
    return replace(line, pairs=tuple(each for each in line.pairs if each.rule.key.digest not in digests))


def _passes_any(draft: RuleActions, numbering: Numbering, left_out: Sequence[Pair]) -> bool:
    """Whether a rule would move that some request fits which one that cannot be made yet should answer."""
    missing = [draft.reach(pair) for pair in left_out]
    return any(meet_any(draft.reaches[arn], missing) for arn in numbering.then)


def _plan_in_order(draft: RuleActions, room: int) -> RulePlan | None:
    """Plan for rules of which none has to pass another; None where the others' rules leave no numbers."""
    line, found = draft.line, _schedule(draft, room, may_reuse=True)
    left_out = {pair.rule.key.digest for pair in found.left_out}
    reused = {step.new.rule.key.digest: step.old for step in found.steps if step.new and step.old}
    gone = {rule.arn for rule in reused.values()}
    changed = Line(
        tuple(_with(pair, reused) for pair in line.pairs if pair.rule.key.digest not in left_out),
        tuple(rule for rule in line.doomed if rule.arn not in gone),
        line.foreign,
    )
    numbering = number_in_order(changed)
    return _plan(draft, changed, found, numbering, room) if numbering else None


def _apart(draft: RuleActions) -> Matched:
    """Have rules made anew that change what they say, and pass others both ways.

    Neither could happen first: a request would get what the rule said before at its new place, or the other
    way round.
    """
    pairs, doomed, foreign = draft.line.pairs, draft.line.doomed, draft.line.foreign
    while True:
        line = Line(pairs, doomed, foreign)
        apart = {
            pair.existing.arn: pair.existing
            for place, pair in enumerate(pairs)
            if pair.existing and draft.is_rewritten(pair) and _is_torn(draft, line, place)
        }
        if not apart:
            return Matched(pairs, doomed, foreign)
        pairs = tuple(
            replace(pair, existing=None) if pair.existing and pair.existing.arn in apart else pair
            for pair in pairs
        )
        doomed = tuple(sorted((*doomed, *apart.values()), key=lambda rule: rule.priority))


def _is_torn(draft: RuleActions, line: Line, place: int) -> bool:
    """Whether a rule that changes what it says can do so neither before nor after all take their places."""
    reach = draft.reach(line.pairs[place])
    if meet_any(reach, [draft.reaches[rule.arn] for rule in line.foreign]):
        return True
    return _gets_ahead(draft, line, place) and _falls_behind(draft, line, place)


def _gets_ahead(draft: RuleActions, line: Line, place: int) -> bool:
    """Whether a rule passes to the front of one that some request fits too: then it changes before that."""
    pair = line.pairs[place]
    assert pair.existing is not None
    passed = [
        draft.reach(other)
        for other in line.pairs[place + 1 :]
        if other.existing and other.existing.priority < pair.existing.priority
    ]
    passed += [draft.reaches[rule.arn] for rule in line.doomed if rule.priority < pair.existing.priority]
    return meet_any(draft.reach(pair), passed)


def _changing_first(draft: RuleActions, line: Line) -> list[Pair]:
    """The rules that say something else before they pass others."""
    return [
        pair
        for place, pair in enumerate(line.pairs)
        if pair.existing and draft.is_rewritten(pair) and _gets_ahead(draft, line, place)
    ]


def _falls_behind(draft: RuleActions, line: Line, place: int) -> bool:
    """Whether one that some request fits too comes to the front of a rule: then it changes after that."""
    pair = line.pairs[place]
    assert pair.existing is not None
    passing = [
        draft.reach(other)
        for other in line.pairs[:place]
        if other.existing is None or other.existing.priority > pair.existing.priority
    ]
    return meet_any(draft.reach(pair), passing)


def _schedule(draft: RuleActions, room: int, *, may_reuse: bool) -> Schedule:
    """The order in which rules are made, and removed early where there is no room for them.

    Rules keep their order if others may be reused.
    """
    line = draft.line
    lasting = [draft.reach(pair) for pair in line.pairs if draft.is_rewritten(pair)]
    if not may_reuse:
        lasting += [draft.reach(pair) for pair in line.pairs if pair.existing]
    if draft.site.default_key:
        lasting.append(Reach())
    crowd = Crowd(line.pairs, line.doomed, draft.reaches, tuple(lasting), may_reuse)
    return schedule(crowd, room)


def _with(pair: Pair, reused: Mapping[str, Rule]) -> Pair:
    rule = reused.get(pair.rule.key.digest)
    return replace(pair, existing=rule) if rule else pair


def _plan(draft: RuleActions, line: Line, found: Schedule, numbering: Numbering, room: int) -> RulePlan:
    draft.move_first(numbering.first)
    draft.take_steps(found.steps, numbering)
    if numbering.then:
        draft.rewrite_early(_changing_first(draft, line))
    draft.move_then(numbering, line)
    draft.rewrite(line.pairs, found.left_out)
    changes = tuple(draft.actions)
    if not (found.left_out and draft.site.default_key):
        draft.remove(line.doomed, found.left_out)
    removals = tuple(draft.actions[len(changes) :])
    made = sum(step.old is None for step in found.steps) - sum(step.new is None for step in found.steps)
    return RulePlan(
        changes,
        removals,
        (*(draft.no_room(pair) for pair in found.left_out), *draft.skips),
        tuple(draft.made),
        not found.left_out,
        room - made,
        _used(draft, line),
        draft.leavers,
    )


def _make_room_only(draft: RuleActions, found: Schedule, room: int) -> RulePlan:
    """Remove what can go early; the rest waits for the room that this makes.

    Nothing is made here, so what goes only after something is made stays.
    """
    missing = [draft.reach(pair) for pair in draft.line.pairs if pair.existing is None]
    gone = (step for step in found.steps if step.new is None and step.old)
    early = tuple(
        takewhile(lambda step: step.old and not meet_any(draft.reaches[step.old.arn], missing), gone)
    )
    draft.take_steps(early, Numbering({}))
    left_out = {pair.rule.key.digest for pair in found.left_out}
    moved = draft.line.moved
    waiting = [
        pair
        for pair in draft.line.pairs
        if pair.existing is None or pair.existing.arn in moved or draft.is_rewritten(pair)
    ]
    skips = tuple(
        draft.no_room(pair) if pair.rule.key.digest in left_out else draft.no_room_around(pair)
        for pair in waiting
    )
    used = frozenset().union(
        *(target_groups_of(rule.content.actions) for rule in (*draft.there(), *draft.line.foreign))
    )
    return RulePlan(tuple(draft.actions), (), skips, (), False, room + len(early), used, draft.leavers)


def _used(draft: RuleActions, line: Line) -> frozenset[str]:
    """The target groups of all rules that are there in the end."""
    contents = [pair.content for pair in line.pairs if draft.is_current(pair)]
    contents += [rule.content for rule in draft.there() if rule.arn not in draft.handled]
    contents += [rule.content for rule in line.foreign]
    return frozenset(group for content in contents for group in target_groups_of(content.actions))
