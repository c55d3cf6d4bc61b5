"""Numbers for the rules of a listener: few of them change, and there is room left between them.

A sequence of slots stands for rules in their order. A slot's number is kept where it can be.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence

from addons.albingress.model.rules import FIRST_PRIORITY, LAST_PRIORITY

STEP = 10
"""The distance of rules that are put at the end."""

Slots = list[int | None]


def longest_increasing(numbers: Sequence[int]) -> frozenset[int]:
    """The indices of a longest increasing subsequence: what may stay when the rest moves."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        place = bisect_left(tops, number)
        before.append(ends[place - 1] if place else -1)
        if place == len(tops):
            tops.append(number)
            ends.append(index)
        else:
            tops[place], ends[place] = number, index
    found = []
    index = ends[-1] if ends else -1
    while index >= 0:
        found.append(index)
        index = before[index]
    return frozenset(found)


def number_slots(
    slots: Sequence[int | None], taken: Collection[int] = (), pinned: Collection[int] = ()
) -> tuple[int, ...] | None:
    """Give every slot a number, increasing, within 1..50000 and none of `taken`.

    `slots` has the numbers that may stay, increasing, and None for a rule that needs one. Where a gap is too
    small, as few neighbours as possible get other numbers too, never one that is `pinned`. None when there
    is no such numbering.
    """
    numbers: Slots = list(slots)
    barred = sorted(taken)
    while None in numbers:
        start = numbers.index(None)
        end = start
        while end < len(numbers) and numbers[end] is None:
            end += 1
        window = _window(numbers, start, end, barred, frozenset(pinned))
        if window is None:
            return None
        start, end = window
        numbers[start:end] = _spread(end - start, *_bounds(numbers, start, end), barred)
    return tuple(number for number in numbers if number is not None)


def _window(
    numbers: Slots, start: int, end: int, barred: Sequence[int], pinned: frozenset[int]
) -> tuple[int, int] | None:
    """The smallest stretch around start..end in which all find room."""
    for more in range(len(numbers) - (end - start) + 1):
        for left in range(more + 1):
            low, high = start - left, end + more - left
            if low < 0 or high > len(numbers):
                continue
            if pinned and any(number in pinned for number in numbers[low:high]):
                continue
            bottom, top = _bounds(numbers, low, high)
            if _room(bottom, top, barred) >= high - low:
                return low, high
    return None


def _bounds(numbers: Slots, start: int, end: int) -> tuple[int, int]:
    """The numbers left and right of a stretch; a neighbour that has none yet must get one in between."""
    left, right = start - 1, end
    while left >= 0 and numbers[left] is None:
        left -= 1
    while right < len(numbers) and numbers[right] is None:
        right += 1
    bottom = numbers[left] if left >= 0 else FIRST_PRIORITY - 1
    top = numbers[right] if right < len(numbers) else LAST_PRIORITY + 1
    assert bottom is not None
    assert top is not None
    return bottom + (start - 1 - left), top - (right - end)


def _room(bottom: int, top: int, barred: Sequence[int]) -> int:
    """How many numbers are free between two."""
    return top - bottom - 1 - (bisect_left(barred, top) - bisect_right(barred, bottom))


def _spread(count: int, bottom: int, top: int, barred: Sequence[int]) -> list[int | None]:
    """So many free numbers between two: with equal distances, or by STEP where the end is open."""
    room = _room(bottom, top, barred)
    inside = barred[bisect_right(barred, bottom) : bisect_left(barred, top)]
    is_open = top > LAST_PRIORITY and room >= count * STEP
    found: list[int | None] = []
    for nth in range(1, count + 1):
        number = bottom + (nth * STEP if is_open else nth * (room + 1) // (count + 1))
        for other in inside:
            if other > number:
                break
            number += 1
        found.append(number)
    return found
