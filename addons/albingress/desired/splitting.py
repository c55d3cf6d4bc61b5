"""Rules that say more than AWS takes in one: split into several that match the same requests. Pure."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.desired.conditions import LONGEST_VALUE, in_one_form
from addons.albingress.model.rules import Condition

MOST_VALUES: Final = 5
"""Values of all conditions of a rule together: its match evaluations (an AWS quota)."""
MOST_WILDCARDS: Final = 5
MOST_RULES: Final = 1000
"""Rules that are made of one Ingress, on all ports together: ten times what AWS takes on a load balancer.

Values of several conditions multiply: without it an annotation of some kilobytes would be millions of rules.
"""
TOO_MANY: Final = f"one Ingress would have more than {MOST_RULES} rules; give it fewer paths, values or ports"


class Parts(Struct, frozen=True):
    """The rules that a wish is split into, each with its conditions in their one form.

    `refused` says in words which requests none of them matches, since AWS takes no such rule.
    """

    rules: tuple[tuple[Condition, ...], ...] = ()
    refused: tuple[str, ...] = ()


def split(conditions: Sequence[Condition], most: int = MOST_RULES) -> Parts:
    """As few rules as match the requests that `conditions` do, each within the limits of AWS; `most` of them.

    Values stay together in the order in which they are written, so that one more value at the end leaves
    most rules as they are. Where it would be more than `most`, it is none.
    """
    possible: list[Condition] = []
    refused: list[str] = []
    for condition in conditions:
        fitting, too_long = _within_length(condition)
        refused += too_long
        if not _size(fitting):
            return Parts(refused=tuple(refused))
        possible.append(fitting)
    if len(possible) > MOST_VALUES:
        said = f"{len(possible)} conditions on one rule; AWS takes {MOST_VALUES} values in all"
        return Parts(refused=(*refused, said))
    if fits_in_one(possible):
        return Parts((in_one_form(possible),), tuple(refused))
    pieces, rules = _best(possible), list[tuple[Condition, ...]]()
    if prod(map(len, pieces)) > most:
        return Parts(refused=(*refused, TOO_MANY))
    for rule in product(*pieces):
        if (wildcards := sum(map(_wildcards, rule))) > MOST_WILDCARDS:
            refused.append(f"{_written(rule)}: {wildcards} wildcards in one rule; AWS takes {MOST_WILDCARDS}")
        else:
            rules.append(in_one_form(rule))
    return Parts(tuple(rules), tuple(refused))


def fits_in_one(conditions: Sequence[Condition]) -> bool:
    """Whether AWS takes so many values and wildcards in one rule."""
    is_small = sum(map(_size, conditions)) <= MOST_VALUES
    return is_small and sum(map(_wildcards, conditions)) <= MOST_WILDCARDS


def _within_length(condition: Condition) -> tuple[Condition, list[str]]:
    def fits(text: str) -> bool:
        return len(text) <= LONGEST_VALUE

    wrong = [text for text in (*condition.values, *condition.regex) if not fits(text)]
    wrong += [f"{key}={value}" for key, value in condition.pairs if not (fits(key) and fits(value))]
    kept = replace(
        condition,
        values=tuple(dict.fromkeys(filter(fits, condition.values))),
        regex=tuple(dict.fromkeys(filter(fits, condition.regex))),
        pairs=tuple(dict.fromkeys(pair for pair in condition.pairs if fits(pair[0]) and fits(pair[1]))),
    )
    return kept, [
        f"{condition.field} {text[:40]}...: {len(text)} characters; AWS takes {LONGEST_VALUE}"
        for text in wrong
    ]


def _best(conditions: Sequence[Condition]) -> list[list[Condition]]:
    """The pieces of each condition that make the fewest rules; single values where no choice is legal."""
    most = MOST_VALUES - len(conditions) + 1
    sizes = [range(min(_size(each), most), 0, -1) for each in conditions]
    options = [
        [list(_pieces(each, size)) for each, size in zip(conditions, chosen, strict=True)]
        for chosen in product(*sizes)
        if sum(chosen) <= MOST_VALUES
    ]
    legal = [option for option in options if _is_legal(option)]
    return min(legal, key=lambda option: prod(map(len, option)), default=options[-1])


def _is_legal(option: list[list[Condition]]) -> bool:
    return sum(max(map(_wildcards, pieces)) for pieces in option) <= MOST_WILDCARDS


def _pieces(condition: Condition, size: int) -> Iterator[Condition]:
    for start in range(0, _size(condition), size):
        part = slice(start, start + size)
        yield replace(
            condition,
            values=condition.values[part],
            regex=condition.regex[part],
            pairs=condition.pairs[part],
        )


def _size(condition: Condition) -> int:
    return len(condition.values) + len(condition.regex) + len(condition.pairs)


def _wildcards(condition: Condition) -> int:
    texts = (*condition.values, *(text for pair in condition.pairs for text in pair))
    return sum(text.count("*") + text.count("?") for text in texts)


def _written(rule: Sequence[Condition]) -> str:
    texts = [*(value for each in rule for value in each.values)]
    texts += [f"{key}={value}" for each in rule for key, value in each.pairs]
    return " and ".join(texts)
