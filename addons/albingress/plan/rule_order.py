"""The numbers of a listener's rules before and after a plan, and the moves in between."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from addons.albingress.model.elb import Rule
from addons.albingress.plan.matching import Pair
from addons.albingress.plan.priorities import longest_increasing, number_slots


class Numbering(Struct, frozen=True):
    """Numbers for rules to be made, by digest of the wish, and moves of rules that are there, by ARN.

    `first` are moves that keep the order and make room. `numbers` are those at which rules are made; `then`
    and `created` are the moves after that, of which `then` has those that were there.
    """

    numbers: Mapping[str, int]
    first: Mapping[str, int] = {}
    then: Mapping[str, int] = {}
    created: Mapping[str, int] = {}


class Line(Struct, frozen=True):
    """The rules of a listener: wishes in their order, of which some are there; what goes; what is others'."""

    pairs: tuple[Pair, ...]
    doomed: tuple[Rule, ...]
    foreign: tuple[Rule, ...]

    @property
    def is_in_order(self) -> bool:
        """Whether no rule that stays has to pass another."""
        return not self.moved

    @property
    def moved(self) -> frozenset[str]:
        """The ARNs of as few rules as can pass others so that all are in order."""
        there = [pair.existing for pair in self.pairs if pair.existing]
        stay = longest_increasing([rule.priority for rule in there])
        return frozenset(rule.arn for index, rule in enumerate(there) if index not in stay)


def number_in_order(line: Line) -> Numbering | None:
    """Numbers for new rules in the gaps; rules are spread anew, in their order, only where a gap is full.

    None where rules of others leave too few numbers for that.
    """
    slots = [pair.existing.priority if pair.existing else None for pair in line.pairs]
    others = [rule.priority for rule in (*line.doomed, *line.foreign)]
    numbers = number_slots(slots, others)
    if numbers and all(old in (None, new) for old, new in zip(slots, numbers, strict=True)):
        return _numbered(line.pairs, numbers, {})
    return _among(line)


def number_anew(line: Line) -> Numbering | None:
    """New rules behind all others first; then all at their places at one moment, what goes at the end.

    Where numbers are too few for that, what goes stands behind the rules of others too, as if it were gone.
    If even that leaves too few, rules pass those of others: at that moment, or else before it.
    """
    numbers = sorted(rule.priority for rule in line.foreign)
    last = tuple(rule for rule in line.foreign if rule.priority == numbers[-1])
    pinned, barred = _Others(line.foreign), _Others((), tuple(numbers))
    return (
        _anew(line, pinned, pinned)
        or _anew(line, pinned, pinned, doomed_last=True)
        or _anew(line, pinned, _Others(last, tuple(numbers[:-1])), doomed_last=True)
        or _anew(line, barred, barred)
    )


class _Others(Struct, frozen=True):
    """The rules of others: those that have a place in the row, or else the numbers to be avoided."""

    pinned: tuple[Rule, ...]
    avoided: tuple[int, ...] = ()

    @property
    def fixed(self) -> tuple[int, ...]:
        """The numbers that stay as they are."""
        return tuple(rule.priority for rule in self.pinned)


def _among(line: Line) -> Numbering | None:
    """Spread rules anew where they stand, among those that go and those of others."""
    row = _row(line.pairs, (*line.doomed, *line.foreign))
    slots = [_number(one) for one in row]
    found = number_slots(slots, (), [rule.priority for rule in line.foreign])
    if found is None:
        return None
    moves = _moves(row, found)
    by_pair = {id(one): number for one, number in zip(row, found, strict=True)}
    return _numbered(line.pairs, [by_pair[id(pair)] for pair in line.pairs], moves)


def _row(pairs: Sequence[Pair], others: Iterable[Rule]) -> list[Pair | Rule]:
    """The wishes, and rules that are not wished for at the places where they stand."""
    waiting = sorted(others, key=lambda rule: -rule.priority)
    row: list[Pair | Rule] = []
    start = 0
    for pair in pairs:
        if pair.existing:
            found: list[Pair | Rule] = []
            while waiting and waiting[-1].priority < pair.existing.priority:
                found.append(waiting.pop())
            row[start:start] = found
            row.append(pair)
            start = len(row)
        else:
            row.append(pair)
    return row + list(reversed(waiting))


def _number(one: Pair | Rule) -> int | None:
    rule = one.existing if isinstance(one, Pair) else one
    return rule.priority if rule else None


def _moves(row: Iterable[Pair | Rule], numbers: Iterable[int]) -> dict[str, int]:
    """The rules of a row that are there and have another number now."""
    moves = {}
    for one, number in zip(row, numbers, strict=True):
        rule = one.existing if isinstance(one, Pair) else one
        if rule and rule.priority != number:
            moves[rule.arn] = number
    return moves


def _numbered(pairs: Sequence[Pair], numbers: Sequence[int], first: Mapping[str, int]) -> Numbering:
    made = {
        pair.rule.key.digest: number
        for pair, number in zip(pairs, numbers, strict=True)
        if pair.existing is None
    }
    return Numbering(made, first)


def _anew(line: Line, before: _Others, after: _Others, *, doomed_last: bool = False) -> Numbering | None:
    there = [pair.existing for pair in line.pairs if pair.existing]
    new = [pair for pair in line.pairs if pair.existing is None]
    now = sorted((*there, *line.doomed, *before.pinned), key=lambda rule: rule.priority)
    slots = [*(rule.priority for rule in now), *(None for _ in new)]
    found = number_slots(slots, before.avoided, before.fixed)
    if found is None:
        return None
    first = _moves(now, found[: len(now)])
    made = {pair.rule.key.digest: number for pair, number in zip(new, found[len(now) :], strict=True)}
    current = {rule.arn: first.get(rule.arn, rule.priority) for rule in now}
    final = _final(line, current, after, doomed_last=doomed_last)
    if final is None:
        return None
    row, numbers = final
    then = {rule.arn: number for rule, number in zip(row, numbers, strict=True) if isinstance(rule, Rule)}
    places = {
        one.rule.key.digest: number for one, number in zip(row, numbers, strict=True) if isinstance(one, Pair)
    }
    moved = {arn: number for arn, number in then.items() if number != current[arn]}
    return Numbering(made, first, moved, places)


def _final(
    line: Line, current: Mapping[str, int], others: _Others, *, doomed_last: bool
) -> tuple[list[Pair | Rule], tuple[int, ...]] | None:
    """All rules in the order that is asked for, those that go behind them, as few as possible moved."""
    row: list[Pair | Rule] = [pair.existing or pair for pair in line.pairs]
    if not doomed_last:
        row += line.doomed
    there = [one for one in row if isinstance(one, Rule)]
    stay = longest_increasing([current[rule.arn] for rule in there])
    staying = {rule.arn for index, rule in enumerate(there) if index in stay}
    for other in sorted(others.pinned, key=lambda rule: rule.priority):
        row.insert(_place(row, staying, current, other.priority), other)
        staying.add(other.arn)
    if doomed_last:
        row += line.doomed
    slots = [current[one.arn] if isinstance(one, Rule) and one.arn in staying else None for one in row]
    numbers = number_slots(slots, others.avoided, others.fixed)
    return (row, numbers) if numbers else None


def _place(row: Sequence[Pair | Rule], staying: set[str], current: Mapping[str, int], number: int) -> int:
    """Where a rule of others stands: in front of the first that stays behind it."""
    for index, one in enumerate(row):
        if isinstance(one, Rule) and one.arn in staying and current[one.arn] > number:
            return index
    return len(row)
