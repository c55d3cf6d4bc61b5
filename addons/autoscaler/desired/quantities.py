"""Amounts as Kubernetes writes them, read into whole numbers: "500m", "1.5Gi", "2e3"."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from addons.autoscaler.model.pod_parts import Quantity
from addons.autoscaler.model.resources import CPU

_FORM = re.compile(
    r"\+?(?P<whole>[0-9]{0,40})(?:\.(?P<part>[0-9]{0,40}))?(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<power>[+-]?[0-9]{1,4}))?"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_MOST = ((1 << 63) - 1) * 1000
_FARTHEST = 60
"""Powers of ten beyond this are too large or too small to matter."""


def thousandths(quantity: Quantity) -> int:
    """The amount in thousandths, rounded up as the API server does; no more than 2^63-1 in all.

    Raises ValueError that names the value.
    """
    return _thousandths(str(quantity))


def amount(resource: str, quantity: Quantity) -> int:
    """The amount in the unit of its resource: thousandths of a core, bytes, pieces; rounded up.

    Raises ValueError that names the value and the resource.
    """
    try:
        return in_units(resource, thousandths(quantity))
    except ValueError as error:
        raise ValueError(f"{resource}: {error}") from None


def amounts(quantities: Mapping[str, Quantity]) -> dict[str, int]:
    """What is not 0 of the amounts, each in the unit of its resource. Raises ValueError."""
    read = {resource: amount(resource, quantity) for resource, quantity in quantities.items()}
    return {resource: number for resource, number in read.items() if number}


def in_units(resource: str, number: int) -> int:
    """Thousandths in the unit of the resource, rounded up."""
    return number if resource == CPU else -(-number // 1000)


def added(lists: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of amounts by resource."""
    total: dict[str, int] = {}
    for each in lists:
        for resource, number in each.items():
            total[resource] = total.get(resource, 0) + number
    return total


def greatest(lists: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The greatest amount of each resource."""
    most: dict[str, int] = {}
    for each in lists:
        for resource, number in each.items():
            most[resource] = max(most.get(resource, 0), number)
    return most


@lru_cache(maxsize=8192)
def _thousandths(text: str) -> int:
    found = _FORM.fullmatch(text)
    if found is None or not (found["whole"] or found["part"]):
        raise ValueError(f"{text!r} is not an amount, such as 2, 500m or 1.5Gi")
    part = found["part"] or ""
    digits = int(found["whole"] + part)
    if (suffix := found["suffix"] or "") in _BINARY:
        above, below = digits * 1000 << _BINARY[suffix], int(10 ** len(part))
    else:
        power = int(found["power"] or _DECIMAL[suffix]) - len(part) + 3
        power = max(-2 * _FARTHEST, min(power, 2 * _FARTHEST))
        above, below = digits * int(10 ** max(power, 0)), int(10 ** max(-power, 0))
    return min(-(-above // below), _MOST)
