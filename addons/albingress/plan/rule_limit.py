"""Change the rules of a load balancer that has as many as it may: room is made before it is used.

A rule that nobody wants may go first only where no request would get a third answer meanwhile: neither the
one from before nor the one that is asked for.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from addons.albingress.model.elb import Rule
from addons.albingress.plan.matching import Pair
from addons.albingress.plan.reach import Reach, meet_any


class Step(Struct, frozen=True):
    """Make the rule of `new`, delete `old`, or, with both, have `old` say what `new` asks for."""

    new: Pair | None = None
    old: Rule | None = None


class Schedule(Struct, frozen=True):
    """The steps in their order, and the wishes for which there is no room yet."""

    steps: tuple[Step, ...]
    left_out: tuple[Pair, ...] = ()


class Crowd(Struct, frozen=True):
    """A listener that is to change. `pairs` are all wishes in order, `doomed` what goes, by priority.

    `lasting` are the reaches of what else must not be uncovered early: rules that change what they say, or
    that move, and everything, where the default action changes. `reaches`: by digest of wishes, ARN of rules.
    """

    pairs: tuple[Pair, ...]
    doomed: tuple[Rule, ...]
    reaches: Mapping[str, Reach]
    lasting: tuple[Reach, ...] = ()
    may_reuse: bool = True

    def of(self, pair: Pair) -> Reach:
        """What a wish matches."""
        return self.reaches[pair.rule.key.digest]


def schedule(crowd: Crowd, room: int) -> Schedule:
    """Make as many of the missing rules as there is room for, which grows as doomed ones go.

    They are made from the first to the last. One that cannot be made leaves out those behind it that some
    request fits too, since that one would get a wrong answer.
    """
    waiting = [pair for pair in crowd.pairs if pair.existing is None]
    if len(waiting) <= room:
        return Schedule(tuple(Step(new=pair) for pair in waiting))
    steps: list[Step] = []
    left_out: list[Pair] = []
    doomed = list(crowd.doomed)
    missing = {pair.rule.key.digest: crowd.of(pair) for pair in waiting}
    for pair in waiting:
        reach = crowd.of(pair)
        if meet_any(reach, map(crowd.of, left_out)):
            left_out.append(pair)
            continue
        if not room and (old := _removable(crowd, doomed, list(missing.values()))):
            doomed.remove(old)
            steps.append(Step(old=old))
            room = 1
        if room:
            room -= 1
            steps.append(Step(new=pair))
        elif old := _reusable(crowd, pair, doomed, steps, missing):
            doomed.remove(old)
            steps.append(Step(new=pair, old=old))
        else:
            left_out.append(pair)
            continue
        del missing[pair.rule.key.digest]
    return Schedule(tuple(steps), tuple(left_out))


def _removable(crowd: Crowd, doomed: Sequence[Rule], missing: Sequence[Reach]) -> Rule | None:
    """A rule that can go now: what it answered is answered by nothing that is still to come."""
    for index in range(len(doomed) - 1, -1, -1):
        reach = crowd.reaches[doomed[index].arn]
        below = [crowd.reaches[rule.arn] for rule in doomed[index + 1 :]]
        if not meet_any(reach, (*missing, *below, *crowd.lasting)):
            return doomed[index]
    return None


def _reusable(
    crowd: Crowd, pair: Pair, doomed: Sequence[Rule], steps: Sequence[Step], missing: Mapping[str, Reach]
) -> Rule | None:
    """A rule that stands where the wish belongs, and can be turned into it at one moment.

    None for a wish that is kept: it would not be known by the tags of another.
    """
    if not crowd.may_reuse or pair.rule.state == "keep":
        return None
    low, high = _place(crowd, pair, steps)
    others = [reach for digest, reach in missing.items() if digest != pair.rule.key.digest]
    for index in range(len(doomed) - 1, -1, -1):
        rule = doomed[index]
        reach = crowd.reaches[rule.arn]
        below = [crowd.reaches[one.arn] for one in doomed[index + 1 :]]
        if low < rule.priority < high and not meet_any(reach, (*others, *below, *crowd.lasting)):
            return rule
    return None


def _place(crowd: Crowd, pair: Pair, steps: Sequence[Step]) -> tuple[int, int]:
    """The numbers between which a wish belongs, by the rules that are there."""
    reused = {step.new.rule.key.digest: step.old.priority for step in steps if step.new and step.old}
    low, high, is_behind = 0, 1 << 16, False
    for one in crowd.pairs:
        if one is pair:
            is_behind = True
            continue
        number = one.existing.priority if one.existing else reused.get(one.rule.key.digest)
        if number is None:
            continue
        if is_behind:
            return low, number
        low = number
    return low, high
