"""Bring the rules of one listener to what is asked for, so that each request is answered at any moment as
before or as after.

New rules come first, from the first to the last; then all that must change places does so at one moment;
then rules say something else; and what nobody wants goes from the last to the first. An action needs those
without which some request would get a third answer.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.model.actions import AwsAction
from addons.albingress.model.elb import Rule
from addons.albingress.model.rules import target_groups_of
from addons.albingress.plan.matching import Matched, Pair
from addons.albingress.plan.reach import Reach
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
    line = Line(matched.pairs, matched.doomed, matched.foreign)
    found = _schedule(draft, line, room)
    left_out = {pair.rule.key.digest for pair in found.left_out}
    if left_out and not line.is_in_order:
        return _make_room_only(draft, line, found, room)
    reused = {step.new.rule.key.digest: step.old for step in found.steps if step.new and step.old}
    gone = {rule.arn for rule in reused.values()}
    changed = Line(
        tuple(_with(pair, reused) for pair in line.pairs if pair.rule.key.digest not in left_out),
        tuple(rule for rule in line.doomed if rule.arn not in gone),
        line.foreign,
    )
    numbering = number_in_order(changed) if line.is_in_order else number_anew(changed)
    if numbering is None:
        return _make_room_only(draft, line, Schedule((), found.left_out), room)
    return _plan(draft, changed, found, numbering, room)


def _schedule(draft: RuleActions, line: Line, room: int) -> Schedule:
    """The order in which rules are made, and removed early where there is no room for them."""
    lasting = [draft.reach(pair) for pair in line.pairs if draft.is_rewritten(pair)]
    if not line.is_in_order:
        lasting += [draft.reach(pair) for pair in line.pairs if pair.existing]
    if draft.site.default_key:
        lasting.append(Reach())
    return schedule(
        Crowd(line.pairs, line.doomed, draft.reaches, tuple(lasting), may_reuse=line.is_in_order), room
    )


def _with(pair: Pair, reused: Mapping[str, Rule]) -> Pair:
    rule = reused.get(pair.rule.key.digest)
    return replace(pair, existing=rule) if rule else pair


def _plan(draft: RuleActions, line: Line, found: Schedule, numbering: Numbering, room: int) -> RulePlan:
    draft.move_first(numbering.first)
    draft.take_steps(found.steps, numbering)
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
        tuple(draft.no_room(pair) for pair in found.left_out),
        tuple(draft.made),
        not found.left_out,
        room - made,
        _used(draft, line),
        draft.leavers,
    )


def _make_room_only(draft: RuleActions, line: Line, found: Schedule, room: int) -> RulePlan:
    """Remove what can go early; the rest waits for the room that this makes."""
    early = tuple(step for step in found.steps if step.new is None)
    draft.take_steps(early, Numbering({}))
    skips = tuple(draft.no_room(pair) for pair in found.left_out)
    used = frozenset().union(
        *(target_groups_of(rule.content.actions) for rule in (*draft.there(), *line.foreign))
    )
    return RulePlan(tuple(draft.actions), (), skips, (), False, room + len(early), used, draft.leavers)


def _used(draft: RuleActions, line: Line) -> frozenset[str]:
    """The target groups of all rules that are there in the end."""
    contents = [pair.content for pair in line.pairs if draft.is_current(pair)]
    contents += [rule.content for rule in draft.there() if rule.arn not in draft.handled]
    contents += [rule.content for rule in line.foreign]
    return frozenset(group for content in contents for group in target_groups_of(content.actions))
